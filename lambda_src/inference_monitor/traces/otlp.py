"""Send the spans of many traces in one request (OTLP over HTTP, protobuf, gzip).

https://opentelemetry.io/docs/specs/otlp/#otlphttp; MLflow serves it at /v1/traces.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterator, Sequence

from google.protobuf.message import Error as ProtobufError
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from inference_monitor.traces.api import TIMEOUT_SECONDS, Answer, MlflowApi
from inference_monitor.traces.build import BuiltTrace

_MOST_BYTES = 4_000_000
"""Of one request before compression; a longer trace goes alone."""

_SECONDS = TIMEOUT_SECONDS
_SECONDS_AFTER_NO_ANSWER = 10
"""How long to wait for each answer once there was none."""

_GIVE_UP_AFTER = 2
"""So many requests in a row that fail as a whole are the server's own failure."""

_GIVE_UP_EACH_AFTER = 3

UNENCODABLE = Answer(422, "nested too deeply for OTLP")
"""In place of an answer about a trace that was not sent."""

_ENCODING_ERRORS = (ProtobufError, RecursionError, ValueError)
_Encoded = tuple[str, bytes]


def send_spans(
    api: MlflowApi, experiment_id: str, traces: Sequence[BuiltTrace]
) -> dict[str, Answer]:
    """Send all spans; returns, by trace id, the answer about each trace that was not taken.

    After two requests in a row of which the server takes nothing the rest is not tried.
    """
    encoded: list[_Encoded] = []
    not_taken: dict[str, Answer] = {}
    for trace in traces:
        try:
            encoded.append((trace.trace_id, encode(trace)))
        except _ENCODING_ERRORS:
            not_taken[trace.trace_id] = UNENCODABLE
    failures: list[Answer] = []
    for chunk in _chunks(encoded):
        if len(failures) == _GIVE_UP_AFTER:
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


def send_alone(api: MlflowApi, experiment_id: str, trace: BuiltTrace, timeout: float) -> Answer:
    """Send the spans of one trace; gives what was answered within so many seconds."""
    try:
        spans = encode(trace)
    except _ENCODING_ERRORS:
        return UNENCODABLE
    return _post(api, experiment_id, [(trace.trace_id, spans)], timeout)


def send_each(
    api: MlflowApi, experiment_id: str, traces: Sequence[BuiltTrace]
) -> dict[str, Answer]:
    """Send the spans of one trace after the other; returns the answers about those not taken.

    After three that fail the rest is not tried.
    """
    not_taken: dict[str, Answer] = {}
    for trace in traces:
        if len(not_taken) < _GIVE_UP_EACH_AFTER:
            answer = send_alone(api, experiment_id, trace, _SECONDS_AFTER_NO_ANSWER)
            if not answer.ok:
                not_taken[trace.trace_id] = answer
        else:
            not_taken[trace.trace_id] = next(reversed(not_taken.values()))
    return not_taken


def encode(trace: BuiltTrace) -> bytes:
    """A request for one trace; requests can be joined byte by byte, as protobuf allows."""
    request = ExportTraceServiceRequest()
    scope = request.resource_spans.add().scope_spans.add()
    scope.spans.extend(span.to_otel_proto() for span in trace.spans)
    return bytes(request.SerializeToString())


def _bisect(
    api: MlflowApi, experiment_id: str, chunk: list[_Encoded], answer: Answer
) -> dict[str, Answer]:
    """Send the halves of a chunk that was answered badly, down to the one trace that is the cause.

    Where both halves fail it is the server, not a trace: asking on would cost it 200 requests.
    Where there was no answer to the whole and to a half, none is waited for any more.
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
        if chunk and size + len(trace[1]) > _MOST_BYTES:
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
