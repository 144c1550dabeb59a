"""Make MLflow's spans: one for the call, and below it what the record holds beyond one answer.

Captures carry one time and no latency: a span ends when it starts.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

from mlflow.entities import Span, SpanType
from mlflow.tracing.constant import SpanAttributeKey

from inference_monitor.identity import span_id
from inference_monitor.inference import Choice, Failure, Inference, Kind, ToolCall
from inference_monitor.text import NAME_LIMIT, cut, json_text, well_formed
from inference_monitor.traces.chat import (
    chat_inputs,
    chat_outputs,
    choices_of,
    function_tools,
    token_usage,
)

MAX_CHILDREN = 200
"""A request of thousands of prompts keeps all of them in its root span, but not a span for each."""

_ROOT = "root"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TYPES = {
    Kind.LLM: SpanType.CHAT_MODEL,
    Kind.EMBEDDING: SpanType.EMBEDDING,
    Kind.RERANK: SpanType.RERANKER,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Draft:
    """What a span will show. `place` and `parent` make its ids, see `identity.span_id`."""

    place: str
    name: str
    type: str
    inputs: Any = None
    outputs: Any = None
    attributes: dict[str, Any] = field(default_factory=dict)
    parent: str = _ROOT


def build_spans(inference: Inference, trace: str, name: str) -> list[Span]:
    """Make the spans of a trace, the root (called `name`) first, parents before their children.

    Raises:
        ValueError: If the inference time is outside of what MLflow can store.
        RecursionError: If a payload is nested more deeply than Python can follow.
    """
    start_ns = (inference.inference_time - _EPOCH) // timedelta(microseconds=1) * 1000
    if start_ns <= 0:
        raise ValueError(f"inference time {inference.inference_time.isoformat()} is before 1970")
    status, failure = _status(inference), inference.failure
    drafts = [_root(inference, name), *islice(_children(inference), MAX_CHILDREN)]
    return [
        _span(draft, trace, start_ns, status, failure if draft.place == _ROOT else None)
        for draft in drafts
    ]


def _root(inference: Inference, name: str) -> _Draft:
    request, response = inference.request, inference.response
    attributes: dict[str, Any] = {SpanAttributeKey.MODEL_PROVIDER: "sagemaker"}
    if model := (response and response.model) or (request and request.model):
        attributes[SpanAttributeKey.MODEL] = model
    if inference.custom_attributes:
        attributes["custom_attributes"] = list(inference.custom_attributes)
    if request and request.tools and (tools := function_tools(request.tools)):
        attributes[SpanAttributeKey.CHAT_TOOLS] = tools
    if response and (usage := token_usage(response)):
        attributes[SpanAttributeKey.CHAT_USAGE] = usage
    if response and response.choices:
        attributes["finish_reason"] = response.choices[0].finish_reason
    if inference.failure and inference.failure.status_is_implied:
        attributes["status_is_implied"] = True
    return _Draft(
        place=_ROOT,
        name=name,
        type=_TYPES.get(inference.kind, SpanType.UNKNOWN),
        inputs=chat_inputs(request) if request else None,
        outputs=chat_outputs(response) if response else None,
        attributes=attributes,
    )


def _children(inference: Inference) -> Iterator[_Draft]:
    """One draft per item of a batch, per further choice, and per requested tool call."""
    if inference.kind is not Kind.LLM:
        return
    items = inference.request.items if inference.request else []
    choices = inference.response.choices if inference.response else ()
    if len(items) > 1:
        for number, messages in enumerate(items):
            yield _Draft(
                place=f"item-{number}",
                name=f"item {number}",
                type=SpanType.CHAT_MODEL,
                inputs={"messages": messages},
                **_answers([c for c in choices if c.item == number]),
            )
    items_seen: set[int] = set()
    for number, choice in enumerate(choices):
        owner = f"item-{choice.item}" if len(items) > 1 else _ROOT
        if choice.item in items_seen:
            place = f"choice-{number}"
            yield _Draft(
                place=place,
                name=f"choice {number}",
                type=SpanType.CHAT_MODEL,
                parent=owner,
                **_answers([choice]),
            )
            owner = place
        items_seen.add(choice.item)
        for position, call in enumerate(choice.tool_calls):
            yield _tool_call(f"tool-{number}-{position}", call, owner)


def _answers(choices: Sequence[Choice]) -> dict[str, Any]:
    """Outputs and attributes of a span that shows these choices."""
    if not choices:
        return {}
    return {
        "outputs": choices_of(choices),
        "attributes": {"finish_reason": choices[0].finish_reason},
    }


def _tool_call(place: str, call: ToolCall, owner: str) -> _Draft:
    try:
        arguments = json.loads(call.arguments)
    except (ValueError, RecursionError):
        arguments = call.arguments  # models write arguments that are no JSON
    return _Draft(
        place=place,
        name=call.name,
        type=SpanType.TOOL,
        inputs=arguments,
        attributes={"tool_call_id": call.id} if call.id else {},
        parent=owner,
    )


def _status(inference: Inference) -> dict[str, str]:
    if inference.failure:
        return {"code": "STATUS_CODE_ERROR", "message": well_formed(inference.failure.message)}
    # An endpoint that captures requests only leaves open whether it answered.
    return {"code": "STATUS_CODE_OK" if inference.response else "STATUS_CODE_UNSET", "message": ""}


def _span(
    draft: _Draft, trace: str, start_ns: int, status: dict[str, str], failure: Failure | None
) -> Span:
    is_root, is_chat = draft.place == _ROOT, draft.type == SpanType.CHAT_MODEL
    attributes = {
        SpanAttributeKey.REQUEST_ID: trace,
        SpanAttributeKey.SPAN_TYPE: draft.type,
        SpanAttributeKey.INPUTS: draft.inputs,
        SpanAttributeKey.OUTPUTS: draft.outputs,
        SpanAttributeKey.MESSAGE_FORMAT: "openai" if is_chat else None,
        **draft.attributes,
    }
    return Span.from_dict(
        {
            "trace_id": _base64(trace.removeprefix("tr-")),
            "span_id": _base64(span_id(trace, draft.place)),
            "parent_span_id": "" if is_root else _base64(span_id(trace, draft.parent)),
            "name": cut(draft.name, NAME_LIMIT) or draft.place,
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
        "exception.type": well_formed(failure.type or "ModelError"),
        "exception.message": well_formed(failure.message),
    }
    return {"name": "exception", "time_unix_nano": time_ns, "attributes": attributes}


def _base64(digits: str) -> str:
    return base64.b64encode(bytes.fromhex(digits)).decode()
