"""The messages of a conversation as text, without the thoughts of the model that was asked."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from inference_monitor.families.fields import objects_of
from inference_monitor.families.openai import thought_of
from inference_monitor.families.thoughts import separate_thoughts
from inference_monitor.inference import Choice
from inference_monitor.scoring.tools import tool_call_text
from inference_monitor.scoring.turns import escape_turns, turn

_MODEL_ROLES = ("assistant", "model")


def conversation(messages: Sequence[dict[str, Any]]) -> str:
    """A conversation, escaped: one message as its text, several each in a `<message role="…">`."""
    if (only := only_text(messages)) is not None:
        return escape_turns(only)
    return "\n".join(_turn(message) for message in messages)


def only_text(messages: Sequence[dict[str, Any]]) -> str | None:
    """The text of the only message; None where there are several, or it asks for tools."""
    if len(messages) != 1 or messages[0].get("tool_calls"):
        return None
    return message_text(messages[0])


def message_text(message: dict[str, Any]) -> str:
    """What a message says; what an assistant thought is left out."""
    return _said(message).text or ""


def _said(message: dict[str, Any]) -> Choice:
    said = Choice(content_text(message.get("content")))
    return separate_thoughts(said) if message.get("role") in _MODEL_ROLES else said


def content_text(content: Any) -> str:
    """The text of a content; parts that are no text (images, audio) become a short note."""
    if content is None:
        return ""
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        return "\n".join(_part(part) for part in content if thought_of(part) is None)
    return json.dumps(content, ensure_ascii=False)


def _turn(message: dict[str, Any]) -> str:
    said = _said(message)
    calls = [tool_call_text(call.name, call.arguments) for call in said.tool_calls]
    calls += [tool_call_text(f.get("name"), f.get("arguments")) for f in _functions(message)]
    shown = [said.text, *calls] if said.text else calls
    return turn(str(message.get("role") or ""), "\n".join(shown))


def _functions(message: dict[str, Any]) -> list[dict[str, Any]]:
    """The functions that a message calls; OpenAI's older API has one, in `function_call`."""
    calls = message.get("tool_calls")
    called = [call.get("function") for call in objects_of(calls)]
    return objects_of([*called, message.get("function_call")])


def _part(part: Any) -> str:
    if isinstance(part, str):
        return part
    if not isinstance(part, dict):
        return "[part of unknown type]"
    for key in ("text", "input_text", "output_text", "refusal"):
        if isinstance(part.get(key), str):
            return str(part[key])
    kind = re.sub(r"[^\w-]", "", str(part.get("type") or ""))[:40] or "part of unknown type"
    return f"[{kind.removesuffix('_url')}]"
