"""Google's Gemini API, as gateways pass it on and as people's own containers copy it.

Shapes: https://ai.google.dev/api/generate-content (GenerateContentRequest and -Response); a stream
is a sequence of such responses.
"""

from __future__ import annotations

from typing import Any

from inference_monitor.families.fields import (
    count_of,
    object_of,
    objects_of,
    system,
    text_of,
    tool_call,
)
from inference_monitor.inference import Choice, Response, Usage


def messages_of(body: dict[str, Any]) -> list[dict[str, Any]]:
    """The conversation in `contents`, after the system instruction; empty where there is none."""
    contents = objects_of(body.get("contents"))
    if not contents or not all("parts" in content for content in contents):
        return []
    instruction = body.get("systemInstruction", body.get("system_instruction"))
    messages = system(_text(_parts(object_of(instruction))))
    for content in contents:
        role = "assistant" if content.get("role") == "model" else "user"
        messages.append({"role": role, "content": _text(_parts(content))})
    return messages


def gemini(body: Any, _request: object) -> Response | None:
    """`candidates[].content.parts` with `usageMetadata`."""
    candidates = objects_of(object_of(body).get("candidates"))
    if not candidates or not all(_parts(object_of(c.get("content"))) for c in candidates[:1]):
        return None
    counts = object_of(body.get("usageMetadata"))
    usage = Usage(
        count_of(counts.get("promptTokenCount")), count_of(counts.get("candidatesTokenCount"))
    )
    choices = tuple(_choice(candidate) for candidate in candidates)
    return Response("gemini", body, choices, usage, model=text_of(body.get("modelVersion")))


def _choice(candidate: dict[str, Any]) -> Choice:
    parts = _parts(object_of(candidate.get("content")))
    calls = [object_of(part["functionCall"]) for part in parts if "functionCall" in part]
    return Choice(
        _text([part for part in parts if not part.get("thought")]),
        text_of(candidate.get("finishReason")),
        _text([part for part in parts if part.get("thought")]),
        tuple(tool_call(call.get("name"), call.get("args"), call.get("id")) for call in calls),
    )


def _parts(content: dict[str, Any]) -> list[dict[str, Any]]:
    parts = content.get("parts")
    return objects_of([parts] if isinstance(parts, dict) else parts)


def _text(parts: list[dict[str, Any]]) -> str | None:
    texts = [text for part in parts if (text := text_of(part.get("text"))) is not None]
    return "".join(texts) if texts else None
