"""Bedrock's Converse API, which gateways and people's own containers copy.

Shapes: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html and
.../API_runtime_ConverseStream.html.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from inference_monitor.families.fields import (
    count_of,
    object_of,
    objects_of,
    tool_call,
    usage_of,
)
from inference_monitor.families.openai import message_choice
from inference_monitor.inference import Request, Response


def bedrock_converse(body: Any, _request: Request | None) -> Response | None:
    """`output.message` with `stopReason`: Bedrock's Converse API."""
    body = object_of(body)
    message = object_of(object_of(body.get("output")).get("message"))
    if "stopReason" not in body or not isinstance(message.get("content"), list):
        return None
    uses = [object_of(block.get("toolUse")) for block in objects_of(message["content"])]
    calls = tuple(
        tool_call(u["name"], u.get("input"), u.get("toolUseId")) for u in uses if "name" in u
    )
    choice = replace(message_choice(message, body["stopReason"]), tool_calls=calls)
    return Response("bedrock_converse", body, (choice,), usage_of(body.get("usage")))


def is_event(part: dict[str, Any]) -> bool:
    """Whether a document is an event of a streamed Converse answer."""
    return "contentBlockDelta" in part or "contentBlockStart" in part or "messageStop" in part


def join_events(parts: list[dict[str, Any]]) -> dict[str, Any]:
    """The answer that the events of ConverseStream tell of, as far as they go."""
    pieces: dict[int, dict[str, list[str]]] = {}
    calls: dict[int, dict[str, Any]] = {}
    told: dict[str, Any] = {}
    for part in parts:
        event = object_of(part.get("contentBlockDelta") or part.get("contentBlockStart"))
        index, delta = count_of(event.get("contentBlockIndex")) or 0, object_of(event.get("delta"))
        if started := object_of(object_of(event.get("start")).get("toolUse")):
            calls[index] = started
        said = {
            "text": delta.get("text"),
            "thought": object_of(delta.get("reasoningContent")).get("text"),
            "input": object_of(delta.get("toolUse")).get("input"),
        }
        for key, piece in said.items():
            if isinstance(piece, str):
                pieces.setdefault(index, {}).setdefault(key, []).append(piece)
        told |= object_of(part.get("messageStop"))
        usage = object_of(part.get("metadata")).get("usage") or told.get("usage")
        told["usage"] = usage
    content: list[dict[str, Any]] = []
    for index in sorted({*pieces, *calls}):
        whole = {key: "".join(texts) for key, texts in pieces.get(index, {}).items()}
        if index in calls:
            content.append({"toolUse": {**calls[index], "input": whole.get("input") or {}}})
        elif "thought" in whole:
            content.append({"reasoningContent": {"reasoningText": {"text": whole["thought"]}}})
        else:
            content.append({"text": whole.get("text", "")})
    return {"stopReason": None, **told, "output": {"message": {"content": content}}}
