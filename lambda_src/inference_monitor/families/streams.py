"""Put a streamed answer back together: from its documents to the body of a plain answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from inference_monitor.families import (
    anthropic,
    cohere,
    converse,
    generation,
    langchain,
    ollama,
    openai_responses,
    triton,
)
from inference_monitor.families.failures import find_failure
from inference_monitor.families.fields import count_of, is_texts, object_of, objects_of, text_of
from inference_monitor.families.text_failures import find_text_failure
from inference_monitor.inference import Failure

_FIRST = 64  # documents, one of which tells what a stream is of

Documents = list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Joined:
    """What the documents of one response add up to.

    `body` is what a plain answer would have had; documents that are no stream come back as the list
    they are, a single one as itself. `failure` is what a stream says went wrong, with status 200.
    """

    body: Any
    streamed: bool = False
    failure: tuple[str, Failure] | None = None


def join_documents(documents: list[Any], rest: str = "") -> Joined:
    """Join the documents of one body.

    Args:
        documents: JSON documents, or the pieces of text of a stream that carries no JSON.
        rest: What follows them and is none: an engine that dies may leave a text.
    """
    parts = [d for d in documents if isinstance(d, dict)]
    streams, begin = (_STREAMS, parts[:_FIRST]) if len(documents) > 1 else (_STREAMS_OF_ONE, parts)
    for is_part, join in streams:
        if any(map(is_part, begin)):
            return Joined(join(parts), True, _failure_in(parts, is_part) or _failure_after(rest))
    pieces = [d for d in documents if isinstance(d, str)]
    if pieces and len(pieces) + len(parts) == len(documents):
        failed = next((found for p in parts if (found := find_failure(p))), None)
        return Joined("".join(pieces), True, failed or _failure_after(rest))
    body = documents[0] if len(documents) == 1 else documents
    return Joined(body, failure=_failure_after(rest))


def is_stream(documents: list[Any]) -> bool:
    """Whether these documents are pieces of one answer."""
    parts = [d for d in documents if isinstance(d, dict)]
    return any(is_part(p) for is_part, _ in _STREAMS for p in parts[:1])


def is_chat_stream(documents: Any) -> bool:
    """Whether a list holds pieces of a chat, which are never whole answers."""
    parts = objects_of(documents)
    return len(parts) > 1 and all(map(_is_chat_chunk, parts[:2]))


def _failure_in(
    parts: Documents, is_part: Callable[[dict[str, Any]], bool]
) -> tuple[str, Failure] | None:
    """What an event says that is no piece of the answer, or that has an error beside it."""
    for part in parts:
        if not is_part(part) or part.get("error") or part.get("object") == "error":
            told = part.get("message") if part.get("type") == "error" else None
            if found := find_failure({"error": part} if isinstance(told, str) else part):
                return found
    return None


def _failure_after(rest: str) -> tuple[str, Failure] | None:
    if not rest.strip():
        return None
    message = "the stream goes on with what is no JSON: the engine may have died"
    return find_text_failure(rest, None) or ("lmi_error", Failure(message))


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
            _add_delta(choice, object_of(chunk.get("delta")))
    joined = [_finished(choices[i]) for i in sorted(choices)]
    return {**_about(parts), "object": "chat.completion", "choices": joined}


def _add_delta(choice: dict[str, Any], delta: dict[str, Any]) -> None:
    for key in ("content", "reasoning_content", "reasoning", "reasoning_details", "refusal"):
        piece = delta.get(key)
        if isinstance(piece, (str, list)):
            pieces = choice["message"].setdefault(key, [])
            pieces.extend([piece] if isinstance(piece, str) else piece)
    if legacy := object_of(delta.get("function_call")):  # OpenAI's first way to call a tool
        _add_call(choice, 0, {"function": legacy})
    calls = delta.get("tool_calls")
    for position, call in enumerate(objects_of([calls] if isinstance(calls, dict) else calls)):
        index = count_of(call.get("index"))
        _add_call(choice, position if index is None else index, call)


def _add_call(choice: dict[str, Any], index: int, call: dict[str, Any]) -> None:
    """Add a piece of a tool call to the last one of its index, or begin the next.

    Some servers stream all calls under index 0, others repeat name and id in every piece: another
    id begins another call, and so does a name after a call that is whole.
    """
    function, call_id = object_of(call.get("function")) or call, call.get("id") or None
    last = choice.setdefault("last_calls", {})
    slot = last.get(index)
    if slot is None or _begins_another(slot, call_id, function):
        slot = {"index": index, "type": "function", "function": {"name": None, "arguments": []}}
        last[index] = slot
        choice["message"].setdefault("tool_calls", []).append(slot)
    slot["id"] = slot.get("id") or call_id
    slot["function"]["name"] = slot["function"]["name"] or function.get("name")
    arguments = function.get("arguments")
    if isinstance(arguments, str):
        slot["function"]["arguments"].append(arguments)
    elif isinstance(arguments, dict):  # older TGI, whole in one piece
        slot["function"]["whole"] = arguments


def _begins_another(slot: dict[str, Any], call_id: Any, function: dict[str, Any]) -> bool:
    if call_id is not None and slot.get("id"):
        return bool(call_id != slot["id"])
    known = slot["function"]
    said = known["arguments"][-1].rstrip() if known["arguments"] else ""
    return bool(function.get("name") and known["name"] and said.endswith("}"))


def _finished(choice: dict[str, Any]) -> dict[str, Any]:
    """Join the collected pieces; a stream has thousands, so they were not added up one by one."""
    message = choice["message"]
    choice.pop("last_calls", None)
    for key, value in message.items():
        if is_texts(value):
            message[key] = "".join(value)
    calls = message.get("tool_calls", [])
    for call in calls:
        whole = call["function"].pop("whole", None)
        call["function"]["arguments"] = whole or "".join(call["function"]["arguments"])
    calls.sort(key=lambda call: call.pop("index"))
    message.setdefault("content", None)
    return choice


def _is_text_chunk(part: dict[str, Any]) -> bool:
    return part.get("object") != "chat.completion" and any(
        "text" in c for c in objects_of(part.get("choices"))
    )


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
    return {**_about(parts), "object": "text_completion", "choices": choices}


def _about(parts: Documents) -> dict[str, Any]:
    """Model and usage of a stream; Moonshot and others put the usage into a choice."""
    about = {k: p[k] for p in parts for k in ("model", "usage") if p.get(k) is not None}
    inside = (c["usage"] for p in parts for c in objects_of(p.get("choices")) if c.get("usage"))
    usage = about.get("usage") or next(inside, None)
    return {**about, "usage": usage} if usage else about


_STREAMS: tuple[tuple[Callable[[dict[str, Any]], bool], Callable[[Documents], dict[str, Any]]], ...]
_STREAMS = (
    (_is_chat_chunk, _join_chat),
    (_is_text_chunk, _join_completions),
    (generation.is_token, generation.join_tokens),
    (generation.is_outputs, generation.join_outputs),
    (generation.is_third_party, generation.join_third_party),
    (generation.is_sglang, generation.join_sglang),
    (triton.is_piece, triton.join_pieces),
    (cohere.is_event, cohere.join_events),
    (cohere.is_event_v2, cohere.join_events_v2),
    (openai_responses.is_event, openai_responses.join_events),
    (anthropic.is_event, anthropic.join_events),
    (converse.is_event, converse.join_events),
    (ollama.is_line, ollama.join_lines),
    (ollama.is_llama_cpp, ollama.join_llama_cpp),
    (langchain.is_chunk, langchain.join_chunks),
)
# One piece alone is a stream of one; in the other families, it has the shape of a plain answer.
_STREAMS_OF_ONE = tuple(
    (is_part, join)
    for is_part, join in _STREAMS
    if is_part
    in (
        _is_chat_chunk,
        generation.is_token,
        cohere.is_event_v2,
        openai_responses.is_event,
        anthropic.is_event,
        langchain.is_chunk,
    )
)
