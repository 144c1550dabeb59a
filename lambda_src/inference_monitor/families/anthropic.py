"""Anthropic's Messages API, which vLLM, SGLang and gateways in front of a model serve, too.

Shapes: https://docs.anthropic.com/en/api/messages and .../messages-streaming.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from inference_monitor.families.fields import (
    count_of,
    object_of,
    objects_of,
    of_type,
    requested_tool,
    text_of,
    tool_call,
    total_of,
)
from inference_monitor.families.openai import message_choice
from inference_monitor.inference import Request, Response, Usage

_TOOL_BLOCKS = ("tool_use", "tool_result")
_STREAMED = {"text_delta": "text", "thinking_delta": "thinking", "input_json_delta": "partial_json"}
# What is read from the cache or written to it is left out of `input_tokens`.
_INPUT_COUNTS = ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")


def anthropic_messages(body: Any, _request: Request | None) -> Response | None:
    """`type: message` with a list of content blocks: text, thinking, requested tools."""
    body = object_of(body)
    if body.get("type") != "message" or not isinstance(body.get("content"), list):
        return None
    calls = [*of_type(body["content"], "tool_use"), *of_type(body["content"], "server_tool_use")]
    choice = replace(
        message_choice(body, body.get("stop_reason")),
        tool_calls=tuple(tool_call(b.get("name"), b.get("input"), b.get("id")) for b in calls),
    )
    told = object_of(body.get("usage"))
    usage = Usage(total_of(told, _INPUT_COUNTS), count_of(told.get("output_tokens")))
    return Response("anthropic_messages", body, (choice,), usage, model=text_of(body.get("model")))


def openai_turns(turn: dict[str, Any]) -> list[dict[str, Any]]:
    """A message in the OpenAI chat shape: tools that were asked for and answered are no parts."""
    blocks = turn.get("content")
    calls, results = of_type(blocks, "tool_use"), of_type(blocks, "tool_result")
    if not calls and not results:
        return [turn]
    turns = [
        {"role": "tool", "tool_call_id": b.get("tool_use_id"), "content": b.get("content")}
        for b in results
    ]
    said = [b for b in objects_of(blocks) if b.get("type") not in _TOOL_BLOCKS]
    if said or calls:
        asked = {"tool_calls": _called(calls)} if calls else {}
        turns.append({**turn, "content": said or None, **asked})
    return turns


def is_event(part: dict[str, Any]) -> bool:
    """Whether a document is an event of a streamed message."""
    return part.get("type") in ("message_start", "content_block_delta", "message_delta")


def join_events(parts: list[dict[str, Any]]) -> dict[str, Any]:
    """The message that the events of a stream tell of, as far as they go."""
    message: dict[str, Any] = {"type": "message"}
    blocks: dict[int, dict[str, Any]] = {}
    for part in parts:
        block = blocks.setdefault(count_of(part.get("index")) or 0, {})
        match part.get("type"):
            case "message_start":
                message |= object_of(part.get("message"))
            case "content_block_start":
                block |= object_of(part.get("content_block"))
            case "content_block_delta":
                _add(block, object_of(part.get("delta")))
            case "message_delta":
                usage = {**object_of(message.get("usage")), **object_of(part.get("usage"))}
                message |= {**object_of(part.get("delta")), "usage": usage}
    return {**message, "content": [_finished(blocks[i]) for i in sorted(blocks)]}


def _add(block: dict[str, Any], delta: dict[str, Any]) -> None:
    key = _STREAMED.get(str(delta.get("type")), "")
    if isinstance(delta.get(key), str):
        block.setdefault("pieces", {}).setdefault(key, []).append(delta[key])


def _finished(block: dict[str, Any]) -> dict[str, Any]:
    """Join the collected pieces; a stream has thousands, so they were not added up one by one."""
    whole = {key: "".join(pieces) for key, pieces in block.pop("pieces", {}).items()}
    if "partial_json" in whole:
        arguments = whole.pop("partial_json")  # empty for a tool that takes none
        return {**block, **whole, "input": arguments or block.get("input")}
    return {**block, **whole}


def _called(calls: list[dict[str, Any]]) -> list[dict[str, Any]]:
    asked = [(b.get("id"), tool_call(b.get("name"), b.get("input"))) for b in calls]
    return [requested_tool(call_id, call.name, call.arguments) for call_id, call in asked]
