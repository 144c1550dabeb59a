"""An inference in the OpenAI chat shape, which MLflow's UI renders as a conversation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from inference_monitor.inference import Choice, Request, Response, ToolCall


def chat_inputs(request: Request) -> Any:
    """The inputs of a span: messages, parameters and tools, or the body without messages."""
    if not request.messages:
        return request.body
    tools = {"tools": request.tools} if request.tools else {}
    return {**(request.parameters or {}), **tools, "messages": request.messages}


def chat_outputs(response: Response) -> Any:
    """The outputs of a span: choices and usage; the body of a failure beside them or alone."""
    if not response.choices:
        return response.body
    outputs = choices_of(response.choices)
    if usage := token_usage(response):
        outputs["usage"] = {
            name: usage[counted]
            for name, counted in (
                ("prompt_tokens", "input_tokens"),
                ("completion_tokens", "output_tokens"),
                ("total_tokens", "total_tokens"),
            )
            if counted in usage
        }
    if response.failure:
        outputs["error"] = response.body
    return outputs


def choices_of(choices: Sequence[Choice]) -> dict[str, Any]:
    """Answers as `{"choices": [{"index", "message", "finish_reason"}]}`, numbered from 0."""
    return {
        "choices": [
            {"index": i, "message": _message(c), "finish_reason": c.finish_reason}
            for i, c in enumerate(choices)
        ]
    }


def token_usage(response: Response) -> dict[str, int]:
    """The counts the endpoint reported, under MLflow's names, and the sum of those known.

    MLflow 3.17 shows 0 for each missing count, so the total is always given.
    """
    usage = response.usage
    counts = {"input_tokens": usage.input_tokens, "output_tokens": usage.output_tokens}
    known = {name: count for name, count in counts.items() if count is not None}
    return {**known, "total_tokens": sum(known.values())} if known else {}


def function_tools(tools: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The tools in OpenAI's format; the UI's panel of available tools fails on any other."""
    return [
        tool
        for tool in tools
        if isinstance(function := tool.get("function"), dict)
        and isinstance(function.get("name"), str)
    ]


def message_text(message: dict[str, Any]) -> str:
    """The text of a message, with the type in brackets for each part that is not text."""
    content = message.get("content")
    if not isinstance(content, list):
        return content if isinstance(content, str) else ""
    return " ".join(_part_text(part) for part in content)


def _message(choice: Choice) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": choice.text}
    if choice.reasoning:
        message["reasoning_content"] = choice.reasoning
    if choice.tool_calls:
        message["tool_calls"] = [_tool_call(i, c) for i, c in enumerate(choice.tool_calls)]
    return message


def _tool_call(number: int, call: ToolCall) -> dict[str, Any]:
    # The UI's reader wants an id; not every server gives one.
    function = {"name": call.name, "arguments": call.arguments}
    return {"id": call.id or f"call_{number}", "type": "function", "function": function}


def _part_text(part: Any) -> str:
    if not isinstance(part, dict):
        return str(part)
    text = part.get("text")
    return text if isinstance(text, str) else f"[{part.get('type', 'part')}]"
