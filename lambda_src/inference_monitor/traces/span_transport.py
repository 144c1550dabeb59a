"""Where the spans of a trace go: MLflow's database, many traces per request, or its artifacts.

Some servers do not store spans, or stand behind a proxy that does not forward them: they were seen
to answer with 401, 403, 404, 405, 5xx, not at all, or with 200 and lose them. A server that is down
looks the same for a while. The difference is that other requests to it work, before, in between and
after (docs/decisions/0018).

Spans for the database are sent as OTLP over HTTP (protobuf, gzip), which MLflow serves at
/v1/traces: https://opentelemetry.io/docs/specs/otlp/#otlphttp. In the artifacts they are a
`traces.json`, as MLflow's own client writes it when it has to.
"""

from __future__ import annotations

import gzip
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import Enum, auto
from typing import Literal

from boto3.exceptions import Boto3Error
from botocore.exceptions import BotoCoreError, ClientError
from google.protobuf.message import Error as ProtobufError
from mlflow.entities import TraceData
from mlflow.exceptions import MlflowException
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository
from mlflow.utils.uri import append_to_uri_path
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from requests import RequestException

from inference_monitor.errors import TransientError
from inference_monitor.traces.build import BuiltTrace
from inference_monitor.traces.records import SPANS_UPLOADED, is_searchable
from inference_monitor.traces.server import TIMEOUT_SECONDS, Answer, MlflowApi

StoreChoice = Literal["auto", "spans", "artifacts"]
"""Where spans go: wherever the server accepts them, to the database only, or to the artifacts."""

NOT_SERVED = Answer(501, "this MLflow server stores no spans")
LOST = Answer(501, "this MLflow server accepts spans and does not store them")
_UNENCODABLE = Answer(422, "nested too deeply for OTLP")
"""In place of an answer about a trace that was not sent."""

# What servers without /v1/traces, or with a proxy that does not know it, were seen to answer.
_UNSUPPORTED = frozenset({401, 403, 404, 405, 501})
_RETRY_AFTER_SECONDS = 15 * 60
"""When spans are sent again to a server that took none: it may have been upgraded or recovered."""

_MAX_REQUEST_BYTES = 4_000_000
"""Of one request before compression; a longer trace goes alone."""

_SECONDS = TIMEOUT_SECONDS
_SECONDS_AFTER_NO_ANSWER = 10
"""How long to wait for each answer once there was none."""

_MAX_FAILED_REQUESTS = 2
"""So many requests in a row that fail as a whole are the server's own failure."""

_MAX_FAILED_TRACES = 3
_TRIALS = 2
_TRIAL_SECONDS = 5
_PAUSE_SECONDS = 0.5
_MAX_RETRIED_TRACES = 3
"""Of the traces in one batch whose spans fail while those of others are taken."""

_ENCODING_ERRORS = (ProtobufError, RecursionError, ValueError)
_Encoded = tuple[str, bytes]
"""Trace id and request of one trace."""


class _Diagnosis(Enum):
    """What requests in turn show about a server that did not take spans."""

    SERVER_FAILS = auto()
    SPANS_FAIL = auto()
    SPANS_SERVED = auto()


class SpanTransport:
    """Sends spans to the database for as long as the server takes them, else to the artifacts.

    Args:
        api: The server.
        choice: Where spans go.
        clock: Returns elapsed seconds; replaced in tests.
        sleep: Waits so many seconds; replaced in tests.
    """

    def __init__(
        self,
        api: MlflowApi,
        choice: StoreChoice = "auto",
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._api = api
        self._choice = choice
        self._clock = clock
        self._sleep = sleep
        self._distrusted_until: float | None = None
        self._untaken: set[str] = set()

    @property
    def served(self) -> bool:
        """Whether to send spans: the server takes them, as far as is known."""
        if self._choice != "auto":
            return self._choice == "spans"
        return self._distrusted_until is None or self._clock() >= self._distrusted_until

    def send(self, traces: Sequence[BuiltTrace], experiment_id: str) -> dict[str, Answer]:
        """Send the spans of traces; return, by id, the answers about those not in the database.

        Where other requests work and only spans fail, the answer is one that `upload` accepts.
        """
        if not self.served:
            return {t.trace_id: NOT_SERVED for t in traces}
        if self._distrusted_until is not None and self._still_fail(traces[0], experiment_id):
            self.distrust()
            return {t.trace_id: NOT_SERVED for t in traces}
        not_taken = send_spans(self._api, experiment_id, traces)
        if self._choice == "spans":
            # When all are refused, the cause is the server and not the records.
            all_refused = len(traces) > 1 and len(not_taken) == len(traces)
            return {i: _refused(a) if all_refused else a for i, a in not_taken.items()}
        if len(not_taken) < len(traces):
            self.trust()
            return not_taken | self._failing_alone(traces, not_taken, experiment_id)
        return self._none_taken(traces, not_taken, experiment_id)

    def upload(self, trace: BuiltTrace, location: str, not_taken: Answer = NOT_SERVED) -> None:
        """Upload spans that were not taken to the artifacts, and note that in the trace's record.

        Raises:
            PermanentWriteError: If the server takes spans but not these, and the upload failed.
            TransientError: If the server failed to take them, or the upload failed.
        """
        if self._choice == "spans" or not _is_final(not_taken):
            not_taken.checked("take the spans")
        try:
            upload_spans(self._api.tracking_uri, location, trace)
        except TransientError as error:
            if not_taken.refused and self.served:
                not_taken.checked("take the spans")
            raise TransientError(f"{error}; /v1/traces: {not_taken.reason}") from error
        trace.info.trace_metadata[SPANS_UPLOADED] = "true"

    def distrust(self) -> None:
        """Stop sending spans for a while: the server refuses them, or accepts and loses them."""
        if self._choice == "auto":
            self._distrusted_until = self._clock() + _RETRY_AFTER_SECONDS

    def trust(self) -> None:
        """Send spans again: they were taken, or other requests have failed as well."""
        self._distrusted_until = None
        self._untaken.clear()

    def _still_fail(self, trace: BuiltTrace, experiment_id: str) -> bool:
        """Try spans again after a while, with those of one trace."""
        answer = _send_alone(self._api, experiment_id, trace, _TRIAL_SECONDS)
        return not (answer.ok or answer.database_failed or answer is _UNENCODABLE)

    def _none_taken(
        self, traces: Sequence[BuiltTrace], not_taken: Mapping[str, Answer], experiment_id: str
    ) -> dict[str, Answer]:
        """Find out why the server took no spans at all."""
        sent = [t for t in traces if not_taken[t.trace_id] is not _UNENCODABLE]
        # Where the database has failed, spans are served. Other requests use the same database, and
        # may happen to succeed.
        if not sent or any(answer.database_failed for answer in not_taken.values()):
            return dict(not_taken)
        # Refusals count, too: servers before 3.9 take one trace at a time, uncompressed, and then
        # never show what they took.
        if not any(_is_final(not_taken[t.trace_id]) for t in sent):
            diagnosis = self._diagnose([sent[0], sent[-1]], experiment_id)
            if diagnosis is _Diagnosis.SERVER_FAILS:
                return dict(not_taken)
            if diagnosis is _Diagnosis.SPANS_SERVED:
                return self._one_by_one(traces, experiment_id)
        self._untaken |= {t.trace_id for t in sent}
        if len(self._untaken) > 1:
            self.distrust()
        return {i: a if _is_final(a) else _not_served(a) for i, a in not_taken.items()}

    def _failing_alone(
        self, traces: Sequence[BuiltTrace], not_taken: Mapping[str, Answer], experiment_id: str
    ) -> dict[str, Answer]:
        """Try single traces again whose spans fail while the server takes those of others."""
        failing = [
            t for t in traces if t.trace_id in not_taken and not _is_final(not_taken[t.trace_id])
        ]
        return {
            t.trace_id: _not_served(not_taken[t.trace_id])
            for t in failing[:_MAX_RETRIED_TRACES]
            if self._diagnose([t] * _TRIALS, experiment_id) is _Diagnosis.SPANS_FAIL
        }

    def _one_by_one(self, traces: Sequence[BuiltTrace], experiment_id: str) -> dict[str, Answer]:
        """Send a batch trace by trace that failed as a whole, although spans are served."""
        self.trust()
        not_taken = _send_each(self._api, experiment_id, traces)
        return not_taken | self._failing_alone(traces, not_taken, experiment_id)

    def _diagnose(self, trials: Sequence[BuiltTrace], experiment_id: str) -> _Diagnosis:
        """Send the spans of these once more, each after another request has worked."""
        for trace in trials:
            self._sleep(_PAUSE_SECONDS)
            if not is_searchable(self._api, experiment_id, trace.trace_id, _TRIAL_SECONDS):
                return _Diagnosis.SERVER_FAILS
            if _send_alone(self._api, experiment_id, trace, _TRIAL_SECONDS).ok:
                return _Diagnosis.SPANS_SERVED
        return _Diagnosis.SPANS_FAIL


def send_spans(
    api: MlflowApi, experiment_id: str, traces: Sequence[BuiltTrace]
) -> dict[str, Answer]:
    """Send the spans of many traces; return, by id, the answer about each trace that is not taken.

    After two requests in a row of which the server takes nothing, the rest is not sent.
    """
    encoded: list[_Encoded] = []
    not_taken: dict[str, Answer] = {}
    for trace in traces:
        try:
            encoded.append((trace.trace_id, encode(trace)))
        except _ENCODING_ERRORS:
            not_taken[trace.trace_id] = _UNENCODABLE
    failures: list[Answer] = []
    for chunk in _chunks(encoded):
        if len(failures) == _MAX_FAILED_REQUESTS:
            not_taken |= dict.fromkeys((trace_id for trace_id, _ in chunk), failures[-1])
            continue
        answer = _post(api, experiment_id, chunk, _SECONDS)
        missed = _bisect(api, experiment_id, chunk, answer)
        not_taken |= missed
        if len(missed) == len(chunk) and not any(a.refused for a in missed.values()):
            failures.append(answer)
        else:
            failures.clear()
    return not_taken


def encode(trace: BuiltTrace) -> bytes:
    """Encode a request for one trace; requests can be joined byte by byte, as protobuf allows."""
    request = ExportTraceServiceRequest()
    scope = request.resource_spans.add().scope_spans.add()
    scope.spans.extend(span.to_otel_proto() for span in trace.spans)
    return bytes(request.SerializeToString())


def trace_location(experiment_location: str, trace_id: str) -> str:
    """Where MLflow looks for the artifacts of a trace (SqlAlchemyStore, 3.0 to 3.17)."""
    return str(append_to_uri_path(experiment_location, "traces", trace_id, "artifacts"))


def upload_spans(tracking_uri: str, location: str, trace: BuiltTrace) -> None:
    """Write `traces.json` to a trace's artifact location; a second upload replaces the first.

    Raises:
        TransientError: If it cannot be stored: the store or the permissions can be corrected.
    """
    content = json.dumps(TraceData(spans=trace.spans).to_dict(), ensure_ascii=False)
    try:
        repository = get_artifact_repository(location, tracking_uri=tracking_uri)
        repository.upload_trace_data(content)
    except (
        MlflowException, Boto3Error, BotoCoreError, ClientError, RequestException, OSError,
    ) as error:  # fmt: skip
        raise TransientError(
            f"spans of {trace.trace_id} cannot be stored at {location} ({type(error).__name__})"
        ) from error


def _send_alone(api: MlflowApi, experiment_id: str, trace: BuiltTrace, timeout: float) -> Answer:
    """Send the spans of one trace and wait `timeout` seconds for the answer."""
    try:
        spans = encode(trace)
    except _ENCODING_ERRORS:
        return _UNENCODABLE
    return _post(api, experiment_id, [(trace.trace_id, spans)], timeout)


def _send_each(
    api: MlflowApi, experiment_id: str, traces: Sequence[BuiltTrace]
) -> dict[str, Answer]:
    """Send the spans of one trace after the other; return the answers about those not taken.

    After three that fail, the rest is not sent.
    """
    not_taken: dict[str, Answer] = {}
    for trace in traces:
        if len(not_taken) < _MAX_FAILED_TRACES:
            answer = _send_alone(api, experiment_id, trace, _SECONDS_AFTER_NO_ANSWER)
            if not answer.ok:
                not_taken[trace.trace_id] = answer
        else:
            not_taken[trace.trace_id] = next(reversed(not_taken.values()))
    return not_taken


def _bisect(
    api: MlflowApi, experiment_id: str, chunk: list[_Encoded], answer: Answer
) -> dict[str, Answer]:
    """Send the halves of a chunk that failed, down to the one trace that is the cause.

    Where both halves fail, the server is the cause and not a trace: to go on would cost 200
    requests. Where the whole and a half got no answer, the other half is not sent.
    """
    if answer.ok:
        return {}
    if len(chunk) == 1:
        return {chunk[0][0]: answer}
    middle = len(chunk) // 2
    halves = [chunk[:middle], chunk[middle:]]
    timeout = _SECONDS if answer.status else _SECONDS_AFTER_NO_ANSWER
    first = _post(api, experiment_id, halves[0], timeout)
    silent = not answer.status and not first.status
    answers = [first, first if silent else _post(api, experiment_id, halves[1], timeout)]
    go_on = any(a.ok for a in answers)
    not_taken: dict[str, Answer] = {}
    for half, half_answer in zip(halves, answers, strict=True):
        if go_on:
            not_taken |= _bisect(api, experiment_id, half, half_answer)
        else:
            not_taken |= dict.fromkeys((trace_id for trace_id, _ in half), half_answer)
    return not_taken


def _chunks(traces: Sequence[_Encoded]) -> Iterator[list[_Encoded]]:
    chunk: list[_Encoded] = []
    size = 0
    for trace in traces:
        if chunk and size + len(trace[1]) > _MAX_REQUEST_BYTES:
            yield chunk
            chunk, size = [], 0
        chunk.append(trace)
        size += len(trace[1])
    if chunk:
        yield chunk


def _post(api: MlflowApi, experiment_id: str, chunk: list[_Encoded], timeout: float) -> Answer:
    return api.request(
        "POST",
        "/v1/traces",
        data=gzip.compress(b"".join(spans for _, spans in chunk), compresslevel=5),
        headers={
            "Content-Type": "application/x-protobuf",
            "Content-Encoding": "gzip",
            "x-mlflow-experiment-id": experiment_id,
        },
        retries=0,  # the halves are the retry
        timeout=timeout,
    )


def _is_final(answer: Answer) -> bool:
    # MLflow's own 404 has an error code: it is about the experiment.
    unsupported = answer.status in _UNSUPPORTED and answer.error_code is None
    return answer.refused or unsupported


def _refused(answer: Answer) -> Answer:
    hint = "MLFLOW_TRACE_STORE=artifacts uploads them"
    return Answer(501, f"{answer.reason}; {hint}") if answer.refused else answer


def _not_served(answer: Answer) -> Answer:
    return Answer(501, f"other requests work, spans do not: {answer.reason}")
