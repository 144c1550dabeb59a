"""LangChain's messages, and LangServe, which serves a chain of them.

Shapes: https://github.com/langchain-ai/langserve (langserve/validation.py, server-sent events of
/stream) and langchain-core's messages.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from inference_monitor.families.fields import (
    object_of,
    objects_of,
    text_of,
    tool_call,
    usage_of,
    user,
)
from inference_monitor.families.openai import message_choice
from inference_monitor.inference import Request, Response

_ROLES = {
    "human": "user",
    "ai": "assistant",
    "system": "system",
    "tool": "tool",
    "gpt": "assistant",
}
_ANSWERS = ("ai", "AIMessage", "AIMessageChunk")
_HISTORY = ("chat_history", "history", "messages")
_QUESTIONS = ("input", "question", "query", "prompt", "text", "human_input", "message")


def messages_of(variables: Any) -> list[dict[str, Any]]:
    """The conversation that the variables of a chain hold; empty where they hold no text."""
    if isinstance(variables, str):
        return [user(variables)]
    variables = object_of(variables)
    history = [m for key in _HISTORY for m in turns(variables.get(key))]
    asked = next((t for key in _QUESTIONS if (t := text_of(variables.get(key)))), None)
    if asked is not None:
        return [*history, user(asked)]
    if history:
        return history
    texts = [value for value in variables.values() if isinstance(value, str)]
    if len(texts) == 1:
        return [user(texts[0])]
    return [user(json.dumps(variables, ensure_ascii=False))] if texts else []


def langchain_message(body: Any, _request: Request | None) -> Response | None:
    """A message of type `ai`, alone or as the `output` of a chain."""
    body = object_of(body)
    message = object_of(body.get("output")) or body
    turns_so_far = objects_of(message.get("messages"))  # LangGraph's state
    message = turns_so_far[-1] if turns_so_far else message
    message = object_of(message.get("kwargs")) if "lc" in message else message
    if not _is_answer(message):
        return None
    metadata = object_of(message.get("response_metadata"))
    finish = metadata.get("finish_reason", metadata.get("stop_reason"))
    calls = tuple(
        tool_call(c.get("name"), c.get("args"), c.get("id"))
        for c in objects_of(message.get("tool_calls"))
    )
    extra = object_of(message.get("additional_kwargs"))
    choice = message_choice({**extra, **message, "tool_calls": []}, finish)
    usage = usage_of(message.get("usage_metadata") or metadata.get("token_usage"))
    return Response(
        "langchain",
        body,
        (replace(choice, tool_calls=calls),),
        usage,
        model=text_of(metadata.get("model_name")),
    )


def is_chunk(part: dict[str, Any]) -> bool:
    """Whether a document is one piece of a streamed message."""
    return (part.get("type") == "AIMessageChunk" and "content" in part) or bool(_of_event(part))


def join_chunks(parts: list[dict[str, Any]]) -> dict[str, Any]:
    """The message that its pieces add up to."""
    chunks = [_of_event(part) or part for part in parts if is_chunk(part)]
    message: dict[str, Any] = {"type": "ai", "content": []}
    for chunk in chunks:
        content = chunk.get("content")
        message["content"] += content if isinstance(content, list) else [content]
        for key in ("response_metadata", "usage_metadata", "tool_calls"):
            message[key] = chunk.get(key) or message.get(key)
    return message


def _is_role(value: Any) -> bool:
    return isinstance(value, str) and (value in _ROLES or value in _ROLES.values())


def _of_event(part: dict[str, Any]) -> dict[str, Any]:
    """The piece in an event of LangServe's /stream_events; empty for what is none."""
    if part.get("event") != "on_chat_model_stream":
        return {}
    return object_of(object_of(part.get("data")).get("chunk"))


def _is_answer(message: dict[str, Any]) -> bool:
    return message.get("type") in _ANSWERS and "content" in message


def turns(history: Any) -> list[dict[str, Any]]:
    """Messages of a history: objects with a type or a role, or pairs of role and text."""
    found = []
    for turn in history if isinstance(history, list) else []:
        if isinstance(turn, list) and len(turn) == 2 and not _is_role(turn[0]):
            found += [user(turn[0]), {"role": "assistant", "content": turn[1]}]  # ChatGLM's
        elif isinstance(turn, list) and len(turn) == 2:
            found.append({"role": _ROLES.get(str(turn[0]), str(turn[0])), "content": turn[1]})
        elif isinstance(turn, dict) and "content" in turn:
            role = str(turn.get("role") or turn.get("type"))
            found.append({"role": _ROLES.get(role, role), "content": turn["content"]})
    return found
