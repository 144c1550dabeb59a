"""The messages of a conversation as text, without the thoughts of the model that was asked."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from inference_monitor.scoring.tools import tool_call_text
from inference_monitor.scoring.turns import escape_turns, turn

_THOUGHT_PARTS = frozenset({"thinking", "redacted_thinking", "reasoning", "thought"})
# Chat templates swallow the opening tag, and a limit of tokens the closing one.
_THOUGHTS = re.compile(r"\A(?:(?!<think>).)*?</think>\s*|<think>.*?(?:</think>\s*|\Z)", re.DOTALL)


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
    text = content_text(message.get("content"))
    return _THOUGHTS.sub("", text) if message.get("role") == "assistant" else text


def content_text(content: Any) -> str:
    """The text of a content; parts that are no text (images, audio) become a short note."""
    if content is None:
        return ""
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        return "\n".join(_part(part) for part in content if not _is_thought(part))
    return json.dumps(content, ensure_ascii=False)


def _turn(message: dict[str, Any]) -> str:
    calls = message.get("tool_calls")
    functions = [
        call["function"]
        for call in (calls if isinstance(calls, list) else [])
        if isinstance(call, dict) and isinstance(call.get("function"), dict)
    ]
    parts = [message_text(message)]
    parts += [tool_call_text(f.get("name"), f.get("arguments")) for f in functions]
    return turn(str(message.get("role") or ""), "\n".join(part for part in parts if part))


def _is_thought(part: Any) -> bool:
    kind = part.get("type") if isinstance(part, dict) else None
    return isinstance(kind, str) and kind in _THOUGHT_PARTS


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
