"""MLflow's record of a trace (its TraceInfo): write it, search for it, see whether it is complete.

A trace is complete when it has its record, written by StartTrace, and its spans.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from google.protobuf.json_format import ParseDict
from mlflow.entities import Feedback, Trace, TraceData, TraceInfo
from mlflow.protos.service_pb2 import SearchTracesV3, StartTraceV3
from mlflow.tracing.constant import TraceTagKey
from mlflow.utils.mlflow_tags import MLFLOW_ARTIFACT_LOCATION
from mlflow.utils.proto_json_utils import message_to_json

from inference_monitor.domain import StoredTrace
from inference_monitor.traces.server import TRACES, Answer, MlflowApi

DELIVERY = "delivery"
"""The tag that names the delivery that wrote a trace."""

SCORING = "scoring"
"""The tag that says why scores are missing (`domain.ScoringState`); absent where none ever were."""

SPANS_UPLOADED = "spans_uploaded"
"""Metadata of a trace whose spans were uploaded to its artifacts before its record was written."""

_SEARCH_LIMIT = 100


def start_trace(api: MlflowApi, info: TraceInfo) -> Answer:
    """Write the record of a trace with its assessments."""
    request = StartTraceV3(trace=Trace(info=info, data=TraceData(spans=[])).to_proto())
    return api.request("POST", TRACES, body=json.loads(message_to_json(request)))


def parse_started(answer: Answer) -> TraceInfo:
    """Read the record as MLflow has written it from a good answer to `start_trace`."""
    document = json.loads(answer.text)
    response = ParseDict(document, StartTraceV3.Response(), ignore_unknown_fields=True)
    return TraceInfo.from_proto(response.trace.trace_info)


def set_tag(api: MlflowApi, trace_id: str, key: str, value: str) -> None:
    """Set a tag of an existing trace.

    Raises:
        PermanentWriteError: If MLflow refuses it.
        TransientError: If MLflow fails.
    """
    body = {"key": key, "value": value}
    api.request("PATCH", f"{TRACES}/{trace_id}/tags", body=body).checked(f"set the tag {key}")


def search(api: MlflowApi, experiment_id: str, trace_ids: Sequence[str]) -> dict[str, TraceInfo]:
    """Return the records that exist among these ids, by id; one request per hundred.

    Raises:
        TransientError: If MLflow fails.
        PermanentWriteError: If MLflow refuses the search.
    """
    found: dict[str, TraceInfo] = {}
    for start in range(0, len(trace_ids), _SEARCH_LIMIT):
        wanted = trace_ids[start : start + _SEARCH_LIMIT]
        body = _search_body(experiment_id, wanted)
        answer = api.request("POST", f"{TRACES}/search", body=body).checked("search traces")
        response = ParseDict(answer.document, SearchTracesV3.Response(), ignore_unknown_fields=True)
        infos = [TraceInfo.from_proto(t) for t in response.traces]
        found |= {info.trace_id: info for info in infos if info.trace_id in wanted}
    return found


def is_searchable(api: MlflowApi, experiment_id: str, trace_id: str, timeout: float) -> bool:
    """Whether MLflow answers a search for a trace at the first attempt, found or not."""
    body = _search_body(experiment_id, [trace_id])
    return api.request("POST", f"{TRACES}/search", body=body, retries=0, timeout=timeout).ok


def has_spans(info: TraceInfo) -> bool:
    """Whether the spans are in MLflow's database, or were uploaded before the record."""
    return TraceTagKey.SPANS_LOCATION in info.tags or SPANS_UPLOADED in info.trace_metadata


def stored_trace(info: TraceInfo) -> StoredTrace:
    """Describe a record for the service. Without StartTrace the client request id is not set."""
    return StoredTrace(
        info.trace_id,
        complete=bool(info.client_request_id) and has_spans(info),
        delivery=info.tags.get(DELIVERY),
        scoring=info.tags.get(SCORING),
        assessments=tuple(feedback_of(info)),
    )


def feedback_of(info: TraceInfo) -> list[Feedback]:
    """Return the scores among the assessments of a record, without expectations and issues."""
    return [a for a in info.assessments if isinstance(a, Feedback)]


def merge(info: TraceInfo, stored: TraceInfo) -> None:
    """Add the tags and assessments of others that MLflow holds to a new record of the same trace.

    Servers before 3.15 answer a second StartTrace that leaves them out with a database error.
    """
    foreign = {k: v for k, v in stored.tags.items() if k != MLFLOW_ARTIFACT_LOCATION}
    info.tags = {**foreign, **info.tags}
    own = {a.assessment_id for a in info.assessments}
    info.assessments += [a for a in stored.assessments if a.assessment_id not in own]


def _search_body(experiment_id: str, trace_ids: Sequence[str]) -> object:
    request = SearchTracesV3(
        filter="request_id IN ({})".format(", ".join(f"'{i}'" for i in trace_ids)),
        max_results=_SEARCH_LIMIT,
    )
    location = request.locations.add()
    location.type = location.MLFLOW_EXPERIMENT
    location.mlflow_experiment.experiment_id = experiment_id
    return json.loads(message_to_json(request))
