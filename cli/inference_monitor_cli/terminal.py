"""What the command prints: safe text, money, one line of a capture file, any output stream."""

from __future__ import annotations

import io
import json
import os
import sys
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from inference_monitor.capture.reader import Entry
from inference_monitor.inference import Choice, Inference, Usage


def dollars(usd: float | None) -> str:
    """USD with as many digits as say something; a question mark where it is not known."""
    if usd is None:
        return "?"
    if usd >= 100:
        return f"${usd:,.0f}"
    if usd >= 0.0995 or not usd:
        return f"${usd:.2f}"
    return f"${usd:.2g}" if usd >= 0.0001 else "<$0.0001"


def count(number: float) -> str:
    """A number of things, rounded."""
    # Shares of a whole add up to it but for the last digits.
    whole = number >= 10 or abs(number - round(number)) < 1e-6
    return f"{number:,.0f}" if whole else f"{number:,.1f}"


def things(number: float, noun: str) -> str:
    """A number of things by their name, which takes an s."""
    told = count(number)
    return f"{told} {noun}" if told == "1" else f"{told} {noun}s"


READER_GONE = 128 + 13
"""Exit status of a program that is ended by SIGPIPE, as a shell says it."""


@contextmanager
def any_output() -> Iterator[None]:
    """Print what can be printed.

    Characters that the encoding of stdout does not have become question marks. When whoever reads
    it has gone, as in `| head`, the program ends at once and says nothing.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    try:
        try:
            yield
        finally:
            sys.stdout.flush()
    except BrokenPipeError:
        # What is still in the buffer goes nowhere, or Python would complain about it at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(READER_GONE)


PREVIEW_CHARACTERS = 160


def as_report(entry: Entry) -> dict[str, Any]:
    """One flat object; None where the record says nothing."""
    record = entry.record
    report: dict[str, Any] = dict.fromkeys(_FIELDS)
    report |= {"line": entry.number, "event_id": record.event_id}
    if isinstance(record, Inference):
        return report | {"status": "inference"} | _inference(record)
    return report | {"status": type(record).__name__.lower(), "reason": record.reason}


def preview(value: Any) -> str:
    """A short piece of a value that is safe to print."""
    if value is None:
        return ""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    text = printable(text[: 4 * PREVIEW_CHARACTERS])
    return text if len(text) <= PREVIEW_CHARACTERS else text[:PREVIEW_CHARACTERS] + "…"


def printable(text: str) -> str:
    """The text on one line, without control characters and escape codes."""
    words = " ".join(text.split())
    return "".join(c if unicodedata.category(c)[0] != "C" else "�" for c in words)


_FIELDS = (
    "line", "event_id", "status", "reason", "kind", "family", "messages", "parameters",
    "output_text", "reasoning", "tool_calls", "choices", "items", "input_tokens", "output_tokens",
    "finish_reason", "is_error", "status_code", "error_message", "inference_time", "inference_id",
    "custom_attributes",
)  # fmt: skip


def _inference(inference: Inference) -> dict[str, Any]:
    request, response = inference.request, inference.response
    usage = response.usage if response else Usage()
    choices = response.choices if response else ()
    choice = choices[0] if choices else None
    return {
        "kind": inference.kind.value,
        "family": inference.family,
        "messages": request.messages if request else None,
        "parameters": request.parameters if request else None,
        "output_text": inference.output_text,
        "reasoning": choice.reasoning if choice else None,
        "tool_calls": _tool_calls(choice) if choice else None,
        "choices": [_choice(choice) for choice in choices] or None,
        "items": (request.items if request else None) or None,
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
        "finish_reason": choice.finish_reason if choice else None,
        "is_error": inference.failure is not None,
        "status_code": inference.status_code,
        "error_message": inference.failure.message if inference.failure else None,
        "inference_time": inference.inference_time.isoformat().replace("+00:00", "Z"),
        "inference_id": inference.inference_id,
        "custom_attributes": list(inference.custom_attributes) or None,
    }


def _choice(choice: Choice) -> dict[str, Any]:
    """One answer; `item` is the index in `items` of what it answers."""
    return {
        "item": choice.item,
        "text": choice.text,
        "reasoning": choice.reasoning,
        "tool_calls": _tool_calls(choice),
        "finish_reason": choice.finish_reason,
    }


def _tool_calls(choice: Choice) -> list[dict[str, str]] | None:
    return [{"name": c.name, "arguments": c.arguments} for c in choice.tool_calls] or None
