"""The own APIs of Ollama and llama.cpp, in containers that people bring themselves.

Shapes: https://docs.ollama.com/api/chat and .../generate;
https://github.com/ggml-org/llama.cpp tools/server/README.md (POST /completion).
"""

from __future__ import annotations

from typing import Any

from inference_monitor.families.fields import count_of, object_of, objects_of, text_of
from inference_monitor.families.openai import message_choice
from inference_monitor.inference import Choice, Request, Response, Usage

_LLAMA_CPP_MARKS = ("tokens_predicted", "tokens_evaluated", "stop_type", "id_slot", "timings")


def ollama(body: Any, _request: Request | None) -> Response | None:
    """`done` with a `message` (chat) or a `response` (generate)."""
    body = object_of(body)
    if not is_line(body):
        return None
    message = object_of(body.get("message")) or {"content": body.get("response"), **body}
    choice = message_choice(message, body.get("done_reason"))
    usage = Usage(count_of(body.get("prompt_eval_count")), count_of(body.get("eval_count")))
    return Response("ollama", body, (choice,), usage, model=text_of(body.get("model")))


def llama_cpp(body: Any, _request: Request | None) -> Response | None:
    """`content` with `stop` and counts: llama.cpp's completions."""
    body = object_of(body)
    if not is_llama_cpp(body) or not any(mark in body for mark in _LLAMA_CPP_MARKS):
        return None
    finish = text_of(body.get("stop_type"))
    usage = Usage(count_of(body.get("tokens_evaluated")), count_of(body.get("tokens_predicted")))
    choices = (Choice(body["content"], finish if finish != "none" else None),)
    return Response("llama_cpp", body, choices, usage, model=text_of(body.get("model")))


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


def is_llama_cpp(part: dict[str, Any]) -> bool:
    """Whether a document is an answer of llama.cpp, or one event of a streamed one."""
    return isinstance(part.get("stop"), bool) and isinstance(part.get("content"), str)


def join_llama_cpp(parts: list[dict[str, Any]]) -> dict[str, Any]:
    """The pieces joined; counts are in the last event."""
    pieces = [part for part in parts if is_llama_cpp(part)]
    content = "".join(part["content"] for part in pieces)
    return {"tokens_predicted": None, **pieces[-1], "content": content}
