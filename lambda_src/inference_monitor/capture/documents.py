"""Take apart a body that holds several JSON documents: server-sent events or JSON lines."""

from __future__ import annotations

import json
import re
from typing import Any

# Not str.splitlines: it also cuts at what JSON strings may hold unescaped (U+2028, U+0085).
_LINE_END = re.compile(r"\r\n|\n|\r")
_EVENT_FIELD = re.compile(r"^(data|event|id|retry)?:")

# NaN and Infinity are no JSON for those who read a trace later; as text they survive.
_DECODER = json.JSONDecoder(parse_constant=str)

MAX_VALUES = 3_000_000
"""An embedding of 2,000 texts has as many numbers. Tiny values take up to 70 times their size."""

NOT_JSON = object()
"""What `parse_json` gives for text that is not one JSON document (None is one)."""


def parse_json(text: str) -> Any:
    """Read one JSON document, or give `NOT_JSON`; hostile nesting or digits count as not JSON."""
    try:
        return _DECODER.decode(text)
    except (ValueError, RecursionError):
        return NOT_JSON


def too_many_values(text: str) -> bool:
    """Whether a text may hold more JSON values than memory should; counting takes milliseconds."""
    return len(text) > MAX_VALUES and sum(map(text.count, ",[{\n")) > MAX_VALUES


def looks_like_events(text: str) -> bool:
    """Whether the text starts as a stream of server-sent events does."""
    return bool(_EVENT_FIELD.match(text))


def event_documents(text: str) -> list[Any]:
    """Read the JSON documents of a stream of server-sent events.

    Servers end an event with a blank line or with a single newline, so each `data:` line is tried
    alone first and joined with the next ones only if it is no document by itself. `[DONE]`,
    comments, other fields and a last event that was cut off give nothing.
    """
    documents: list[Any] = []
    pending = ""
    for line in _LINE_END.split(text):
        if not line.startswith("data:"):
            pending = pending if line else ""
            continue
        pending += line[5:].strip()
        document = parse_json(pending)
        if document is not NOT_JSON:
            documents.append(document)
            pending = ""
        elif pending == "[DONE]":
            pending = ""
    return documents


def json_documents(text: str) -> list[Any]:
    """Read JSON documents that follow each other, on lines of their own or not.

    A last document that was cut off is left out; text that does not start with an object or an
    array gives nothing.
    """
    documents: list[Any] = []
    position, end = 0, len(text)
    while position < end:
        if text[position].isspace():
            position += 1
            continue
        if text[position] not in "{[":
            break
        try:
            document, position = _DECODER.raw_decode(text, position)
        except (ValueError, RecursionError):
            break
        documents.append(document)
    return documents
