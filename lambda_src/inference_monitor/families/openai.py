"""Answers of OpenAI's API, as TGI, LMI, vLLM, NIM and SGLang give them."""

from __future__ import annotations

from typing import Any

from inference_monitor.families.fields import (
    count_of,
    object_of,
    objects_of,
    text_of,
    tool_call,
    usage_of,
)
from inference_monitor.inference import Choice, Request, Response, ToolCall

# What vLLM and SGLang, newer vLLM, Ollama, OpenRouter, SGLang's parser and Cohere call thoughts.
_THOUGHT_FIELDS = (
    "reasoning_content", "reasoning", "thinking", "reasoning_details", "reasoning_text",
    "tool_plan", "thinking_blocks", "thoughts", "thought",
)  # fmt: skip


# Completions have `text`; some servers put a text where a message should be.
_SAID = ("text", "message", "messages", "content")


def openai_chat(body: Any, _request: Request | None) -> Response | None:
    """`choices[].message`; also the mocks that add `generated_text` beside it."""
    choices = _choices(body)
    if not choices or not any(isinstance(c.get("message"), dict) for c in choices):
        return None
    spoken = tuple(_chat_choice(c) for c in choices)
    return _response("openai_chat", body, spoken)


def openai_completions(body: Any, request: Request | None) -> Response | None:
    """`choices[].text`; for several prompts, n choices each, in the order of their index."""
    choices = _choices(body)
    if not choices:
        return None
    prompts = len(request.items) if request and len(request.items) > 1 else 1
    each = max(1, len(choices) // prompts)
    beside = text_of(body.get("generated_text"))  # mocks that answer in two styles at once
    spoken = tuple(
        Choice(
            next((t for key in _SAID if (t := text_of(c.get(key))) is not None), beside),
            finish_reason_of(c.get("finish_reason")),
            reasoning_of(c),
            item=i // each,
        )
        for i, c in enumerate(choices)
    )
    return _response("openai_completions", body, spoken)


def bare_message(body: Any, _request: Request | None) -> Response | None:
    """A message of the assistant and nothing around it, or the conversation with it at its end."""
    message = object_of(body[-1] if isinstance(body, list) and body else body)
    message = object_of(message.get("delta")) or message  # a piece, of MLflow's chat agents
    if message.get("role") not in ("assistant", "model") or (
        "content" not in message and "tool_calls" not in message
    ):
        return None
    choice = message_choice(message, message.get("finish_reason"))
    return Response("message", body, (choice,), usage_of(message.get("usage")))


def finish_reason_of(value: Any) -> str | None:
    """The finish reason; SGLang wraps it in an object with a type."""
    if isinstance(value, dict):
        return text_of(value.get("type")) or text_of(value.get("reason"))  # SGLang's, AI21's
    return text_of(value)


def message_choice(message: dict[str, Any], finish_reason: Any) -> Choice:
    """One assistant message: its text, reasoning and requested tool calls."""
    text, thoughts = _content(message.get("content"))
    if text is None:
        spoken = object_of(message.get("audio")).get("transcript")
        text = text_of(message.get("refusal")) or text_of(spoken)
    return Choice(
        text=text,
        finish_reason=finish_reason_of(finish_reason),
        reasoning=reasoning_of(message) or thoughts,
        tool_calls=_tool_calls(message),
    )


def _choices(body: Any) -> list[dict[str, Any]]:
    """The choices by index: TGI was seen to answer four prompts in the order 1, 0, 3, 2."""
    choices = objects_of(object_of(body).get("choices"))
    return sorted(choices, key=lambda c: count_of(c.get("index")) or 0)


def _chat_choice(choice: dict[str, Any]) -> Choice:
    return message_choice(object_of(choice.get("message")), choice.get("finish_reason"))


def _response(family: str, body: dict[str, Any], choices: tuple[Choice, ...]) -> Response:
    inside = (c["usage"] for c in objects_of(body.get("choices")) if c.get("usage"))
    usage = usage_of(body.get("usage") or next(inside, None))  # Moonshot's are in a choice
    return Response(family, body, choices, usage, model=text_of(body.get("model")))


def _content(content: Any) -> tuple[str | None, str | None]:
    """Text and thoughts of a content that is text, null, or a list of parts.

    Parts of thoughts: `{"type": "thinking", "thinking": text or list of parts}` (Anthropic,
    Mistral, Cohere), `{"type": "reasoning", "text" or "reasoning"}` and Bedrock's
    `{"reasoningContent": {"reasoningText": {"text"}}}`.
    """
    if not isinstance(content, list):
        return text_of(content), None
    texts, thoughts = [], []
    for part in content:
        if isinstance(part, str):
            texts.append(part)
            continue
        thought = thought_of(part)
        if thought is not None:
            thoughts.append(thought)
        elif (said := text_of(object_of(part).get("text"))) is not None:
            texts.append(said)
    return "".join(texts) if texts else None, "".join(thoughts) or None


def thought_of(value: Any) -> str | None:
    """The text of a thought, however it is wrapped; None for what is no thought."""
    part = object_of(value)
    if "reasoningContent" in part:
        inner = object_of(part["reasoningContent"])
        return text_of(object_of(inner.get("reasoningText")).get("text")) or ""
    if "thinking" in part:
        return _all_text(part["thinking"])
    if str(part.get("type")).startswith(("reasoning", "thinking", "redacted_thinking")):
        told = (part.get(key) for key in ("reasoning", "text", "content", "summary"))
        return next((text for value in told if (text := _all_text(value))), "")
    return None


def _all_text(value: Any) -> str:
    """The text of a text, of a part, or of a list of parts."""
    if isinstance(value, list):
        return "".join(_all_text(part) for part in value)
    part = object_of(value)
    return text_of(value) or text_of(part.get("text")) or text_of(part.get("thinking")) or ""


def reasoning_of(message: dict[str, Any]) -> str | None:
    """Thoughts in a field of their own, which servers name differently; the first one counts."""
    told = (_all_text(message[key]) for key in _THOUGHT_FIELDS if key in message)
    thoughts = next((text for text in told if text), None)
    if thoughts is None and "provider_specific_fields" in message:  # LiteLLM's
        return reasoning_of(object_of(message["provider_specific_fields"]))
    return thoughts


def _tool_calls(message: dict[str, Any]) -> tuple[ToolCall, ...]:
    raw = message.get("tool_calls")
    calls = objects_of([raw] if isinstance(raw, dict) else raw)
    if legacy := object_of(message.get("function_call")):
        calls.append({"function": legacy})
    functions = ((object_of(c.get("function")) or c, c.get("id")) for c in calls)
    return tuple(
        tool_call(f.get("name"), f.get("arguments", f.get("parameters")), call_id)
        for f, call_id in functions
    )
