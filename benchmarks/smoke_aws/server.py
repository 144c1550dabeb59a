"""What the MLflow App or tracking server serves: status and error code of each call we make."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Iterator
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from benchmarks.smoke_aws.findings import Finding, compared
from inference_monitor.traces.server import TRACES, Answer, MlflowApi

_EXPERIMENTS = "/api/2.0/mlflow/experiments"
_SPANS = {"Content-Type": "application/x-protobuf"}


class Server:
    """Asks with small made-up traces, in an experiment that is deleted at the end."""

    def __init__(self, api: MlflowApi, experiment: str) -> None:
        self._api = api
        self._name = experiment
        self._by_name = f"{_EXPERIMENTS}/get-by-name?experiment_name={experiment}"

    def serves(self) -> Iterator[Finding]:
        """Each call of the product, as the person who runs this may make it."""
        yield self._row(
            "GET /version",
            self._api.request("GET", "/version", retries=0),
            "Without a version, spans are sent before their record, as to old servers.",
        )
        body = {"name": f"{self._name}-server"}
        created = self._api.request("POST", f"{_EXPERIMENTS}/create", body=body)
        yield self._row("CreateExperiment", created, "Nothing can be written to this server.")
        if not created.ok:
            return
        experiment = str(created.document["experiment_id"])
        try:
            yield from self._traces(experiment)
        finally:
            self._api.request("POST", f"{_EXPERIMENTS}/delete", body={"experiment_id": experiment})

    def delete_experiment(self) -> None:
        """Delete the experiment of the deployment, traces and all; none is fine.

        Raises:
            OSError: If MLflow does not.
        """
        found = self._api.request("GET", self._by_name)
        if found.error_code == "RESOURCE_DOES_NOT_EXIST":
            return
        if found.ok:
            body = {"experiment_id": found.document["experiment"]["experiment_id"]}
            found = self._api.request("POST", f"{_EXPERIMENTS}/delete", body=body)
        if not found.ok:
            raise OSError(f"experiment {self._name} cannot be deleted: {found.reason}")

    def traces_of(self, uri: str) -> list[dict[str, Any]]:
        """MLflow's records of the traces of a capture file."""
        found = self._api.request("GET", self._by_name)
        experiment = found.checked("find the experiment").document["experiment"]["experiment_id"]
        answer = self._search(experiment, f"tags.source_uri = '{uri}'")
        return list(answer.checked("search traces").document.get("traces", ()))

    def _traces(self, experiment: str) -> Iterator[Finding]:
        trace, now = secrets.token_hex(16), time.time_ns()
        spans = self._api.request(
            "POST", "/v1/traces", data=_spans(trace, now), retries=0,
            headers={**_SPANS, "x-mlflow-experiment-id": experiment},
        )  # fmt: skip
        yield self._row(
            "spans: POST /v1/traces",
            spans,
            "Traces go to the artifact store, for which the function needs a grant: "
            "MLFLOW_TRACE_STORE=auto finds that out, =artifacts saves the tries.",
        )
        name = f"tr-{trace}"
        info = {
            "trace_id": name,
            "trace_location": {
                "type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": experiment}
            },
            "request_time": _time(now), "state": "OK", "tags": {"smoke": "true"},
        }  # fmt: skip
        started = self._api.request("POST", TRACES, body={"trace": {"trace_info": info}})
        yield self._row("StartTraceV3", started, "No trace can be written to this server.")
        added = {
            "assessment": {
                "assessment_name": "smoke", "trace_id": name, "feedback": {"value": True},
                "source": {"source_type": "CODE", "source_id": "smoke-aws"},
                "create_time": _time(now), "last_update_time": _time(now),
            }
        }  # fmt: skip
        assessed = self._api.request("POST", f"{TRACES}/{name}/assessments", body=added)
        yield self._row(
            "CreateAssessment",
            assessed,
            "Scores that come after their trace cannot be added: `backfill` fails.",
        )
        tagged = self._api.request(
            "PATCH", f"{TRACES}/{name}/tags", body={"key": "scoring", "value": "complete"}
        )
        yield self._row("SetTraceTag", tagged, "Traces cannot say why scores are missing.")
        found = self._search(experiment, f"request_id IN ('{name}')")
        seen = found.ok and len(found.document.get("traces", ())) == 1
        yield self._row("SearchTracesV3", found,
                        "A trace that was written is not found: duplicates are not noticed.",
                        good=seen)  # fmt: skip

    def _search(self, experiment: str, text: str) -> Answer:
        location = {
            "type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": experiment}
        }  # fmt: skip
        body = {"locations": [location], "filter": text, "max_results": 100}
        return self._api.request("POST", f"{TRACES}/search", body=body)

    def _row(self, call: str, answer: Answer, means: str, *, good: bool | None = None) -> Finding:
        found = f"{answer.status or 'no answer'}"
        if not answer.ok:
            found += f", error code {answer.error_code or 'none'}: {answer.reason}"
        elif call == "GET /version":
            found += f", MLflow {answer.text[:20]}"
        return compared(
            f"MLflow: {call}", answer.ok if good is None else good, expected="200", found=found,
            means=means, status=answer.status, error_code=answer.error_code,
        )  # fmt: skip


def _spans(trace: str, now: int) -> bytes:
    request = ExportTraceServiceRequest()
    span = request.resource_spans.add().scope_spans.add().spans.add()
    span.trace_id, span.span_id = bytes.fromhex(trace), secrets.token_bytes(8)
    span.name = "smoke"
    span.start_time_unix_nano, span.end_time_unix_nano = now, now + 1_000_000
    attribute = span.attributes.add()
    attribute.key = "mlflow.traceRequestId"
    attribute.value.string_value = json.dumps(f"tr-{trace}")
    return bytes(request.SerializeToString())


def _time(nanoseconds: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(nanoseconds / 1e9))
