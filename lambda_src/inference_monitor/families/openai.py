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


def openai_chat(body: Any, _request: Request | None) -> Response | None:
    """`choices[].message`; also the mocks that add `generated_text` beside it."""
    choices = _choices(body)
    if not choices or not any("message" in c for c in choices):
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
            text_of(c.get("text", beside)), finish_reason_of(c.get("finish_reason")), item=i // each
        )
        for i, c in enumerate(choices)
    )
    return _response("openai_completions", body, spoken)


def finish_reason_of(value: Any) -> str | None:
    """The finish reason; SGLang wraps it in an object with a type."""
    return text_of(value.get("type")) if isinstance(value, dict) else text_of(value)


def message_choice(message: dict[str, Any], finish_reason: Any) -> Choice:
    """One assistant message: its text, reasoning and requested tool calls."""
    text, thoughts = _content(message.get("content"))
    if text is None:
        text = text_of(message.get("refusal"))
    reasoning = text_of(message.get("reasoning_content")) or text_of(message.get("reasoning"))
    return Choice(
        text=text,
        finish_reason=finish_reason_of(finish_reason),
        reasoning=reasoning or thoughts or _thinking(text),
        tool_calls=_tool_calls(message),
    )


def _choices(body: Any) -> list[dict[str, Any]]:
    """The choices by index: TGI was seen to answer four prompts in the order 1, 0, 3, 2."""
    choices = objects_of(object_of(body).get("choices"))
    return sorted(choices, key=lambda c: count_of(c.get("index")) or 0)


def _chat_choice(choice: dict[str, Any]) -> Choice:
    return message_choice(object_of(choice.get("message")), choice.get("finish_reason"))


def _response(family: str, body: dict[str, Any], choices: tuple[Choice, ...]) -> Response:
    usage = usage_of(body.get("usage"))
    return Response(family, body, choices, usage, model=text_of(body.get("model")))


def _content(content: Any) -> tuple[str | None, str | None]:
    """Text and reasoning of a content that is text, null, or a list of parts."""
    if not isinstance(content, list):
        return text_of(content), None
    parts = objects_of(content)
    texts = [t for p in parts if p.get("type") != "thinking" and (t := text_of(p.get("text")))]
    thoughts = [t for p in parts if (t := text_of(p.get("thinking")))]
    return "".join(texts) if texts else None, "".join(thoughts) or None


def _thinking(text: str | None) -> str | None:
    """Reasoning inside the text; templates swallow the opening tag, length limits the closing."""
    if not text:
        return None
    thought, closing, _ = text.partition("</think>")
    opened = thought.lstrip().startswith("<think>")
    if not (closing or opened):
        return None
    return thought.lstrip().removeprefix("<think>").strip() or None


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
