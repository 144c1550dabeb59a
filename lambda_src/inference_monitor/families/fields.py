"""Careful looks into JSON that anybody may have written: a wrong type reads as absent."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, TypeGuard

from inference_monitor.inference import ToolCall, Usage

_LOOK_AT = 64 * 1024  # characters that tell whether a text is rows of numbers


def text_of(value: Any) -> str | None:
    """The value if it is text, else None."""
    return value if isinstance(value, str) else None


def count_of(value: Any) -> int | None:
    """The value if it is a count (a non-negative whole number), else None."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def object_of(value: Any) -> dict[str, Any]:
    """The value if it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}


def objects_of(value: Any) -> list[dict[str, Any]]:
    """The objects in a list, else an empty list."""
    return [v for v in value if isinstance(v, dict)] if isinstance(value, list) else []


def of_type(value: Any, kind: str) -> list[dict[str, Any]]:
    """The objects in a list whose `type` is this one."""
    return [v for v in objects_of(value) if v.get("type") == kind]


def is_texts(value: Any) -> TypeGuard[list[str]]:
    """Whether the value is a non-empty list of texts."""
    return isinstance(value, list) and bool(value) and all(isinstance(v, str) for v in value)


def is_number(value: Any) -> bool:
    """Whether the value is a number."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def is_numbers(value: Any) -> bool:
    """Whether the value is a non-empty list of numbers."""
    return isinstance(value, list) and bool(value) and all(is_number(v) for v in value)


def user(content: Any) -> dict[str, Any]:
    """One user message in the OpenAI chat shape."""
    return {"role": "user", "content": content}


def system(content: Any) -> list[dict[str, Any]]:
    """What a conversation begins with: a system message, or nothing where there is no content."""
    return [{"role": "system", "content": content}] if content else []


def requested_tool(call_id: Any, name: Any, arguments: Any) -> dict[str, Any]:
    """An entry of a message's `tool_calls` in the OpenAI chat shape."""
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}


_INPUT_COUNTS = ("prompt_tokens", "input_tokens", "inputTokens", "promptTokens")
_OUTPUT_COUNTS = (
    "completion_tokens", "output_tokens", "response_tokens", "outputTokens", "completionTokens",
)  # fmt: skip


def usage_of(counts: Any) -> Usage:
    """Token counts under their OpenAI names, or under the names others use."""
    counts = object_of(counts)
    return Usage(_first_count(counts, _INPUT_COUNTS), _first_count(counts, _OUTPUT_COUNTS))


def total_usage(parts: Sequence[Usage]) -> Usage:
    """Token counts of several answers together; None where no answer tells."""
    inputs = [u.input_tokens for u in parts if u.input_tokens is not None]
    outputs = [u.output_tokens for u in parts if u.output_tokens is not None]
    return Usage(sum(inputs) if inputs else None, sum(outputs) if outputs else None)


def total_of(counts: dict[str, Any], names: tuple[str, ...]) -> int | None:
    """The sum of the counts under these names; None where there is none."""
    told = [count for name in names if (count := count_of(counts.get(name))) is not None]
    return sum(told) if told else None


def tool_call(name: Any, arguments: Any, call_id: Any = None) -> ToolCall:
    """A requested tool call; arguments that are an object (older TGI, Cohere) become JSON text."""
    if not isinstance(arguments, str):
        arguments = "{}" if arguments is None else json.dumps(arguments, ensure_ascii=False)
    return ToolCall(text_of(name) or "unnamed", arguments, text_of(call_id))


def is_tabular_text(value: str) -> bool:
    """Whether a text begins with rows of numbers, as CSV without a header has them."""
    begin = value[:_LOOK_AT].rpartition(",")[0] if len(value) > _LOOK_AT else value
    cells = [c.strip().strip('"') for c in begin.replace("\n", ",").split(",") if c.strip()]
    return bool(cells) and all(_is_numeric(c) for c in cells)


def is_tabular_list(value: Any) -> bool:
    """Whether a JSON array is a row, or rows, of numbers."""
    rows = value if isinstance(value, list) else []
    return is_numbers(rows) or (bool(rows) and all(is_numbers(r) for r in rows))


def is_cell(value: Any) -> bool:
    """Whether a value is a number, or a text that is one."""
    return is_number(value) or (isinstance(value, str) and _is_numeric(value))


def _is_numeric(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _first_count(counts: dict[str, Any], names: tuple[str, ...]) -> int | None:
    return next((c for n in names if (c := count_of(counts.get(n))) is not None), None)
