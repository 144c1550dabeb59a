"""Ollama's own API, in containers that people bring themselves.

Shapes: https://docs.ollama.com/api/chat and .../generate.
"""

from __future__ import annotations

from typing import Any

from inference_monitor.families.fields import count_of, object_of, objects_of, text_of
from inference_monitor.families.openai import message_choice
from inference_monitor.inference import Request, Response, Usage


def ollama(body: Any, _request: Request | None) -> Response | None:
    """`done` with a `message` (chat) or a `response` (generate)."""
    body = object_of(body)
    if not is_line(body):
        return None
    message = object_of(body.get("message")) or {"content": body.get("response"), **body}
    choice = message_choice(message, body.get("done_reason"))
    usage = Usage(count_of(body.get("prompt_eval_count")), count_of(body.get("eval_count")))
    return Response("ollama", body, (choice,), usage, model=text_of(body.get("model")))


def is_line(part: dict[str, Any]) -> bool:
    """Whether a document is an answer, or one line of a streamed one."""
    spoken = isinstance(part.get("message"), dict) or isinstance(part.get("response"), str)
    return isinstance(part.get("done"), bool) and spoken


def join_lines(parts: list[dict[str, Any]]) -> dict[str, Any]:
    """The pieces joined; counts and reason are in the last line."""
    lines = [part for part in parts if is_line(part)]
    messages = [object_of(line.get("message")) or line for line in lines]
    message: dict[str, Any] = {
        key: "".join(piece for m in messages if isinstance(piece := m.get(key), str))
        for key in ("content", "response", "thinking")
    }
    calls = [call for m in messages for call in objects_of(m.get("tool_calls"))]
    content = message["content"] or message["response"]
    whole = {"role": "assistant", "content": content, "thinking": message["thinking"]}
    return {**lines[-1], "message": {**whole, **({"tool_calls": calls} if calls else {})}}
