"""What spans an inference has: the call, and below it what the record holds beyond one answer."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from mlflow.entities import SpanType
from mlflow.tracing.constant import SpanAttributeKey

from inference_monitor.inference import Choice, Inference, Kind, ToolCall
from inference_monitor.traces.chat import (
    chat_inputs,
    chat_outputs,
    choices_of,
    function_tools,
    token_usage,
)

ROOT = "root"
MOST_CHILDREN = 200
"""A request of thousands of prompts keeps all of them in its root span, but not a span for each."""

_TYPES = {
    Kind.LLM: SpanType.CHAT_MODEL,
    Kind.EMBEDDING: SpanType.EMBEDDING,
    Kind.RERANK: SpanType.RERANKER,
}


@dataclass(frozen=True, slots=True)
class Part:
    """A span to be: its place in the trace (see `identity.span_id`) and what it shows."""

    place: str
    name: str
    type: str
    inputs: Any = None
    outputs: Any = None
    attributes: dict[str, Any] = field(default_factory=dict)
    parent: str = ROOT


def parts_of(inference: Inference, name: str) -> list[Part]:
    """The root, called `name`, and its children, parents first."""
    return [_root(inference, name), *islice(_children(inference), MOST_CHILDREN)]


def _root(inference: Inference, name: str) -> Part:
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
    return Part(
        ROOT,
        name,
        _TYPES.get(inference.kind, SpanType.UNKNOWN),
        chat_inputs(request) if request else None,
        chat_outputs(response) if response else None,
        attributes,
    )


def _children(inference: Inference) -> Iterator[Part]:
    """One part per item of a batch, per further choice, and per requested tool call."""
    if inference.kind is not Kind.LLM:
        return
    items = inference.request.items if inference.request else []
    choices = inference.response.choices if inference.response else ()
    if len(items) > 1:
        for number, messages in enumerate(items):
            own = [c for c in choices if c.item == number]
            yield _chat_part(f"item-{number}", f"item {number}", own, {"messages": messages})
    first_of_item: set[int] = set()
    for number, choice in enumerate(choices):
        owner = f"item-{choice.item}" if len(items) > 1 else ROOT
        if choice.item in first_of_item:
            place = f"choice-{number}"
            yield _chat_part(place, f"choice {number}", [choice], None, parent=owner)
            owner = place
        first_of_item.add(choice.item)
        for position, call in enumerate(choice.tool_calls):
            yield _tool_part(f"tool-{number}-{position}", call, owner)


def _chat_part(
    place: str, name: str, choices: list[Choice], inputs: Any, parent: str = ROOT
) -> Part:
    attributes = {"finish_reason": choices[0].finish_reason} if choices else {}
    outputs = choices_of(choices) if choices else None
    return Part(place, name, SpanType.CHAT_MODEL, inputs, outputs, attributes, parent)


def _tool_part(place: str, call: ToolCall, owner: str) -> Part:
    try:
        arguments = json.loads(call.arguments)
    except (ValueError, RecursionError):
        arguments = call.arguments  # models write arguments that are no JSON
    attributes = {"tool_call_id": call.id} if call.id else {}
    return Part(place, call.name, SpanType.TOOL, arguments, None, attributes, owner)
