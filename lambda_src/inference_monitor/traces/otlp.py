"""Send the spans of many traces in one request (OTLP over HTTP, protobuf, gzip).

https://opentelemetry.io/docs/specs/otlp/#otlphttp; MLflow serves it at /v1/traces.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterator, Sequence

from google.protobuf.message import Error as ProtobufError
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from inference_monitor.traces.api import Answer, MlflowApi
from inference_monitor.traces.build import BuiltTrace

_MOST_BYTES = 4_000_000
"""Of one request before compression; a longer trace goes alone."""

_UNENCODABLE = Answer(422, "nested too deeply for OTLP")

_Encoded = tuple[str, bytes]


def send_spans(
    api: MlflowApi, experiment_id: str, traces: Sequence[BuiltTrace]
) -> dict[str, Answer]:
    """Send all spans; returns, by trace id, the answer about each trace that was not taken."""
    encoded: list[_Encoded] = []
    not_taken: dict[str, Answer] = {}
    for trace in traces:
        try:
            encoded.append((trace.trace_id, encode(trace)))
        except (ProtobufError, RecursionError, ValueError):
            not_taken[trace.trace_id] = _UNENCODABLE
    for chunk in _chunks(encoded):
        answer = _post(api, experiment_id, chunk)
        not_taken |= _bisect(api, experiment_id, chunk, answer)
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
    """
    if answer.ok:
        return {}
    if len(chunk) == 1:
        return {chunk[0][0]: answer}
    middle = len(chunk) // 2
    halves = [chunk[:middle], chunk[middle:]]
    answers = [_post(api, experiment_id, half) for half in halves]
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


def _post(api: MlflowApi, experiment_id: str, chunk: list[_Encoded]) -> Answer:
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
    )
