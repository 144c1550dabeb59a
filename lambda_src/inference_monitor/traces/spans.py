"""Make MLflow's spans. Captures carry one time and no latency: a span ends when it starts."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from typing import Any

from mlflow.entities import Span, SpanType
from mlflow.tracing.constant import SpanAttributeKey

from inference_monitor.identity import span_id
from inference_monitor.inference import Failure, Inference
from inference_monitor.traces.parts import ROOT, Part, parts_of
from inference_monitor.traces.sanitize import clean, cut, json_text

_NAME_LIMIT = 250
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def build_spans(inference: Inference, trace: str, name: str) -> list[Span]:
    """The spans of a trace, the root (called `name`) first.

    Raises:
        ValueError: If the inference time is outside of what MLflow can store.
        RecursionError: If a payload is nested more deeply than Python can follow.
    """
    start_ns = (inference.inference_time - _EPOCH) // timedelta(microseconds=1) * 1000
    if start_ns <= 0:
        raise ValueError(f"inference time {inference.inference_time.isoformat()} is before 1970")
    status, failure = _status(inference), inference.failure
    return [
        _span(part, trace, start_ns, status, failure if part.place == ROOT else None)
        for part in parts_of(inference, name)
    ]


def _status(inference: Inference) -> dict[str, str]:
    if inference.failure:
        return {"code": "STATUS_CODE_ERROR", "message": clean(inference.failure.message)}
    # An endpoint that captures requests only leaves open whether it answered.
    return {"code": "STATUS_CODE_OK" if inference.response else "STATUS_CODE_UNSET", "message": ""}


def _span(
    part: Part, trace: str, start_ns: int, status: dict[str, str], failure: Failure | None
) -> Span:
    attributes = {
        SpanAttributeKey.REQUEST_ID: trace,
        SpanAttributeKey.SPAN_TYPE: part.type,
        SpanAttributeKey.INPUTS: part.inputs,
        SpanAttributeKey.OUTPUTS: part.outputs,
        SpanAttributeKey.MESSAGE_FORMAT: "openai" if part.type == SpanType.CHAT_MODEL else None,
        **part.attributes,
    }
    return Span.from_dict(
        {
            "trace_id": _base64(trace.removeprefix("tr-")),
            "span_id": _base64(span_id(trace, part.place)),
            "parent_span_id": "" if part.place == ROOT else _base64(span_id(trace, part.parent)),
            "name": cut(part.name, _NAME_LIMIT) or part.place,
            "start_time_unix_nano": start_ns,
            "end_time_unix_nano": start_ns,
            "status": status,
            "attributes": {k: json_text(v) for k, v in attributes.items() if v is not None},
            "events": [_exception(failure, start_ns)] if failure else [],
        }
    )


def _exception(failure: Failure, time_ns: int) -> dict[str, Any]:
    """The event MLflow's UI shows for an error (OpenTelemetry's semantic conventions)."""
    attributes = {
        "exception.type": clean(failure.type or "ModelError"),
        "exception.message": clean(failure.message),
    }
    return {"name": "exception", "time_unix_nano": time_ns, "attributes": attributes}


def _base64(digits: str) -> str:
    return base64.b64encode(bytes.fromhex(digits)).decode()
