"""Put a streamed answer back together: from its documents to the body of a plain answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from inference_monitor.families import anthropic, ollama, openai_responses
from inference_monitor.families.fields import count_of, is_texts, object_of, objects_of, text_of

Documents = list[dict[str, Any]]


def reassemble(documents: list[Any]) -> tuple[Any, bool]:
    """Join the documents of one body.

    Returns:
        The body a plain answer would have had, and whether it was streamed. Documents that are no
        stream (JSON lines of a batch) come back as the list they are; a single one, as itself.
    """
    parts = [d for d in documents if isinstance(d, dict)]
    if len(documents) == 1 and not (parts and (_is_chat_chunk(parts[0]) or _is_token(parts[0]))):
        return documents[0], False
    for is_stream, join in _STREAMS:
        if any(is_stream(p) for p in parts):
            return {**join(parts), **_errors(parts)}, True
    if parts and _errors(parts[-1:]):
        return parts[-1], True
    return documents, False


def _is_chat_chunk(part: dict[str, Any]) -> bool:
    choices = objects_of(part.get("choices"))
    return any("delta" in c for c in choices) or part.get("object") == "chat.completion.chunk"


def _join_chat(parts: Documents) -> dict[str, Any]:
    """OpenAI chat chunks: deltas joined by choice; usage and finish reason where they came."""
    choices: dict[int, dict[str, Any]] = {}
    for part in parts:
        for chunk in objects_of(part.get("choices")):
            index = count_of(chunk.get("index")) or 0
            choice = choices.setdefault(index, {"index": index, "message": {"role": "assistant"}})
            choice["finish_reason"] = chunk.get("finish_reason") or choice.get("finish_reason")
            _add_delta(choice["message"], object_of(chunk.get("delta")))
    joined = [_finished(choices[i]) for i in sorted(choices)]
    return {**_last(parts, "model", "usage"), "object": "chat.completion", "choices": joined}


def _add_delta(message: dict[str, Any], delta: dict[str, Any]) -> None:
    for key in ("content", "reasoning_content", "reasoning", "refusal"):
        piece = delta.get(key)
        if isinstance(piece, (str, list)):
            message.setdefault(key, []).extend([piece] if isinstance(piece, str) else piece)
    calls = delta.get("tool_calls")
    for position, call in enumerate(objects_of([calls] if isinstance(calls, dict) else calls)):
        known = message.setdefault("tool_calls", {})
        index = count_of(call.get("index"))
        slot = known.setdefault(
            position if index is None else index,
            {"type": "function", "function": {"arguments": []}},
        )
        function = object_of(call.get("function"))
        slot["id"] = slot.get("id") or call.get("id")
        slot["function"]["name"] = slot["function"].get("name") or function.get("name")
        if isinstance(function.get("arguments"), str):
            slot["function"]["arguments"].append(function["arguments"])


def _finished(choice: dict[str, Any]) -> dict[str, Any]:
    """Join the collected pieces; a stream has thousands, so they were not added up one by one."""
    message = choice["message"]
    for key, value in message.items():
        if is_texts(value):
            message[key] = "".join(value)
    if calls := message.get("tool_calls"):
        for call in calls.values():
            call["function"]["arguments"] = "".join(call["function"]["arguments"])
        message["tool_calls"] = [calls[i] for i in sorted(calls)]
    message.setdefault("content", None)
    return choice


def _is_text_chunk(part: dict[str, Any]) -> bool:
    return any("text" in c for c in objects_of(part.get("choices")))


def _join_completions(parts: Documents) -> dict[str, Any]:
    """OpenAI completions chunks: texts joined by choice."""
    texts: dict[int, list[str]] = {}
    finish: dict[int, Any] = {}
    for part in parts:
        for chunk in objects_of(part.get("choices")):
            index = count_of(chunk.get("index")) or 0
            texts.setdefault(index, []).append(text_of(chunk.get("text")) or "")
            finish[index] = chunk.get("finish_reason") or finish.get(index)
    choices = [
        {"index": i, "text": "".join(texts[i]), "finish_reason": finish[i]} for i in sorted(texts)
    ]
    return {**_last(parts, "model", "usage"), "object": "text_completion", "choices": choices}


def _is_token(part: dict[str, Any]) -> bool:
    return isinstance(part.get("token"), dict)


def _join_tokens(parts: Documents) -> dict[str, Any]:
    """TGI events and LMI JSON lines: the last one carries the whole text, unless it never came."""
    tokens = [p["token"] for p in parts if _is_token(p)]
    spoken = "".join(text_of(t.get("text")) or "" for t in tokens if not t.get("special"))
    last = _last(parts, "generated_text", "details")
    return {**last, "generated_text": last.get("generated_text") or spoken}


def _is_outputs(part: dict[str, Any]) -> bool:
    return set(part) == {"outputs"} and isinstance(part["outputs"], list)


def _join_outputs(parts: Documents) -> dict[str, Any]:
    """LMI dynamic batch: lines of `{"outputs": [piece]}` and nothing at the end."""
    pieces = (p["outputs"] for p in parts if _is_outputs(p))
    return {"generated_text": "".join(o for outputs in pieces for o in outputs if text_of(o))}


def _is_sglang(part: dict[str, Any]) -> bool:
    return "meta_info" in part


def _join_sglang(parts: Documents) -> dict[str, Any]:
    """SGLang: each event repeats the text so far, unless the server was told to send pieces."""
    text = ""
    for piece in (text_of(p.get("text")) or "" for p in parts):
        text = piece if piece.startswith(text) else text + piece
    return {**_last(parts, "meta_info"), "text": text}


def _is_cohere(part: dict[str, Any]) -> bool:
    return "event_type" in part or "is_finished" in part


def _join_cohere(parts: Documents) -> dict[str, Any]:
    """Cohere events: the last one carries the whole response, else the pieces are joined."""
    whole = object_of(_last(parts, "response").get("response"))
    spoken = "".join(text_of(p.get("text")) or "" for p in parts)
    return {
        "finish_reason": _last(parts, "finish_reason").get("finish_reason"),
        "text": spoken,
    } | whole


_STREAMS: tuple[tuple[Callable[[dict[str, Any]], bool], Callable[[Documents], dict[str, Any]]], ...]
_STREAMS = (
    (_is_chat_chunk, _join_chat),
    (_is_text_chunk, _join_completions),
    (_is_token, _join_tokens),
    (_is_outputs, _join_outputs),
    (_is_sglang, _join_sglang),
    (_is_cohere, _join_cohere),
    (openai_responses.is_event, openai_responses.join_events),
    (anthropic.is_event, anthropic.join_events),
    (ollama.is_line, ollama.join_lines),
)


def _last(parts: Documents, *keys: str) -> dict[str, Any]:
    """The last value that is not null of each key, where there is one."""
    return {k: p[k] for p in parts for k in keys if p.get(k) is not None}


def _errors(parts: Documents) -> dict[str, Any]:
    """What an error event says; streams report failures in the middle, with status 200."""
    keys = ("error", "error_type", "code", "message")
    failed = [p for p in parts if p.get("error") or p.get("object") == "error"]
    return {k: p[k] for p in failed for k in (*keys, "object") if p.get(k) is not None}
