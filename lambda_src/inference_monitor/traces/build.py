"""Build the MLflow trace of an inference, without any MLflow server."""

from __future__ import annotations

from dataclasses import dataclass

from mlflow.entities import Span, TraceInfo, TraceLocation, TraceState
from mlflow.tracing.constant import (
    TRACE_SCHEMA_VERSION,
    TRACE_SCHEMA_VERSION_KEY,
    TraceMetadataKey,
    TraceTagKey,
)

from inference_monitor.capture.attributes import read_caller
from inference_monitor.identity import trace_id
from inference_monitor.inference import Inference, Source
from inference_monitor.tags import trace_tags
from inference_monitor.text import cut, json_text
from inference_monitor.traces.chat import message_text, token_usage
from inference_monitor.traces.spans import build_spans

# Columns of MLflow's database (sqlite ignores their length, Postgres does not) and, where shorter,
# what its client would cut without a sign (mlflow.tracing.constant).
_PREVIEW_LIMIT = 1000
_CLIENT_REQUEST_ID_LIMIT = 50
_METADATA_LIMIT = 250


@dataclass(frozen=True, slots=True)
class BuiltTrace:
    """A trace as MLflow accepts it: its spans, root first, and its record."""

    info: TraceInfo
    spans: list[Span]

    @property
    def trace_id(self) -> str:
        """`tr-` and 32 hex digits."""
        return self.info.trace_id


def build_trace(inference: Inference, source: Source, experiment_id: str) -> BuiltTrace:
    """Turn one inference into its trace; the same inference always gives the same trace.

    Args:
        inference: What was captured.
        source: Where it was captured; the trace id derives from its experiment.
        experiment_id: The experiment that the trace is written to.

    Raises:
        ValueError: If the inference holds what MLflow cannot store; names it.
        RecursionError: If a payload is nested more deeply than Python can follow.
    """
    trace = trace_id(source, inference.event_id)
    name = cut(source.endpoint, _METADATA_LIMIT)
    spans = build_spans(inference, trace, name)
    info = TraceInfo(
        trace_id=trace,
        trace_location=TraceLocation.from_experiment_id(experiment_id),
        request_time=spans[0].start_time_ns // 1_000_000,
        # Captures carry no latency: unknown, which is not the same as 0 ms.
        execution_duration=None,
        state=_state(inference),
        # Only StartTrace sets it, so it also marks the traces that have more than spans.
        client_request_id=cut(inference.event_id, _CLIENT_REQUEST_ID_LIMIT) or trace,
        request_preview=_request_preview(inference),
        response_preview=_response_preview(inference),
        trace_metadata=_metadata(inference),
        tags={TraceTagKey.TRACE_NAME: name, **trace_tags(inference, source)},
    )
    return BuiltTrace(info, spans)


def _state(inference: Inference) -> TraceState:
    if inference.failure:
        return TraceState.ERROR
    return TraceState.OK if inference.response else TraceState.STATE_UNSPECIFIED


def _metadata(inference: Inference) -> dict[str, str]:
    caller, request = read_caller(inference.custom_attributes), inference.request
    usage = token_usage(inference.response) if inference.response else {}
    metadata = {
        TRACE_SCHEMA_VERSION_KEY: str(TRACE_SCHEMA_VERSION),
        "mlflow.source.name": "sagemaker-data-capture",
        # The header takes precedence over the body.
        TraceMetadataKey.TRACE_SESSION: caller.session_id or (request and request.session_id),
        TraceMetadataKey.TRACE_USER: caller.user_id or (request and request.user_id),
        "caller_trace_id": caller.trace_id,
        TraceMetadataKey.TOKEN_USAGE: json_text(usage) if usage else None,
    }
    return {key: cut(value, _METADATA_LIMIT) for key, value in metadata.items() if value}


def _request_preview(inference: Inference) -> str | None:
    """The last user message (of a batch: in its first item), else the start of the body."""
    request = inference.request
    if request is None:
        return None
    messages = request.items[0] if request.items else request.messages or []
    from_user = [m for m in messages if m.get("role") == "user"]
    return _preview(message_text(from_user[-1]) if from_user else request.body)


def _response_preview(inference: Inference) -> str | None:
    """The failure, else the answer and the tools it calls, else the start of the body."""
    response = inference.response
    if response is None:
        return None
    if response.failure:
        return _preview(response.failure.message)
    if not response.choices:
        return _preview(response.body)
    answer = response.choices[0]
    if answer.is_empty and inference.empty_answer:
        return f"[empty answer, finish reason: {cut(answer.finish_reason or 'not told', 50)}]"
    tools = ", ".join(call.name for call in answer.tool_calls)
    parts = [answer.text, f"[tool calls: {tools}]" if tools else None]
    return _preview("\n".join(part for part in parts if part))


def _preview(value: object) -> str:
    return cut(value if isinstance(value, str) else json_text(value), _PREVIEW_LIMIT)
