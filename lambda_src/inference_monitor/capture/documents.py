"""Tell what a text is made of: one JSON document, several, server-sent events, or none of these."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

# Not str.splitlines: it also cuts at what JSON strings may hold unescaped (U+2028, U+0085).
_LINE_END = re.compile(r"\r\n|\n|\r")
_EVENT_FIELD = re.compile(r"(?:data|event|id|retry|error)?:")
_EVENT_OF_JSON = re.compile(r'^(?:data|error): ?[{\["]', re.MULTILINE)
# A line that is none of the protocol: what an engine or a proxy writes when the stream breaks.
_FOREIGN_LINE = re.compile(
    r"^(?!(?:data|event|id|retry|error)?:|\s*$|[{\[])(?!\w{1,5}\Z).*", re.MULTILINE | re.DOTALL
)
_EVENTS_WITHOUT_CONTENT = ("metadata", "ping", "end")  # LangServe's run id, Anthropic's keep-alive
_MOST_LINES_TRIED = 64  # an event of more lines is tried again only where it ends

# NaN and Infinity are no JSON for those who read a trace later; as text they survive.
_DECODER = json.JSONDecoder(parse_constant=str)
# What may stand at the end of a document that was cut off, where the decoder finds no value.
_BEGUN_VALUE = re.compile(r"(?:-?\d*|[.eE][-+\d]*|t|tr|tru|f|fa|fal|fals|n|nu|nul|N|Na|-?I\w*)\Z")
_BEGUN_ESCAPE = re.compile(r"\\(?:u[0-9a-fA-F]{0,4})?\Z")

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


def is_cut_off(text: str) -> bool:
    """Whether a text is the beginning of a JSON object or array whose end is missing."""
    text = text.strip()
    if text[:1] not in ("{", "["):
        return False
    try:
        _DECODER.decode(text)
    except json.JSONDecodeError as error:
        if error.msg.startswith("Unterminated string"):
            return True
        if error.msg.startswith("Invalid"):  # an escape that was cut in its middle
            return bool(_BEGUN_ESCAPE.search(text))
        return bool(_BEGUN_VALUE.match(text, error.pos))
    except (ValueError, RecursionError):
        return False
    return False


def looks_like_events(text: str, media_type: str | None) -> bool:
    """Whether a text is a stream of server-sent events.

    A text that happens to begin like one ("id: 7", "data: none") is none unless it is declared.
    """
    if media_type == "text/event-stream":
        return any(_EVENT_FIELD.match(line) for line in _LINE_END.split(text[:4096]))
    return bool(_EVENT_FIELD.match(text) and _EVENT_OF_JSON.search(text)) or (
        text.startswith("data:") and text[5:].strip() == "[DONE]"
    )


def begins_as_events(text: str) -> bool:
    """Whether a text may be a stream that was cut off before its first event had ended."""
    lines = [line for line in _LINE_END.split(text[:4096].strip()) if line]
    fields = ("data:", "event:", "id:", "retry:")
    return bool(lines) and all(
        line.startswith((*fields, ":")) or any(field.startswith(line) for field in fields)
        for line in lines
    )


def event_documents(text: str) -> list[Any]:
    """Read what the events of a stream carry: JSON documents, or pieces of plain text.

    Servers end an event with a blank line or with a single newline, so each `data:` line is tried
    alone first and joined with the next ones only if it is no document by itself. `[DONE]`,
    comments, other fields and a last event that was cut off give nothing. What an event named
    `error`, or llama.cpp's field of that name, carries becomes `{"error": …}`. Text that is no JSON
    is a piece of the answer only in a stream that carries no objects.
    """
    documents: list[Any] = []
    pieces: list[Any] = []
    for document, is_json in _events(text):
        pieces.append(document)
        if is_json:
            documents.append(document)
    speaks_json = any(isinstance(d, (dict, list)) and not _is_error(d) for d in documents)
    return documents if speaks_json else pieces


def _events(text: str) -> Iterator[tuple[Any, bool]]:
    """What each event carries, and whether that is JSON (objects, arrays, texts) or just text."""
    name, pending = "", list[str]()
    lines = _LINE_END.split(text)
    for number, line in enumerate([*lines, ""]):
        field, _, value = line.partition(":")
        if field == "event":
            name = value.strip()
        elif field in ("data", "error"):
            name = "error" if field == "error" else name
            pending.append(value.removeprefix(" "))
            if len(pending) <= _MOST_LINES_TRIED and (found := _document(pending, name)):
                yield from found
                pending = []
        elif field and _is_foreign(line) and pending:
            pending.append(line)  # a server that does not escape the line breaks of its text
        elif field and _is_foreign(line):
            document = parse_json(line)
            yield from [(document, True)] if isinstance(document, dict) else []
        elif not line:
            # What the end of the text has torn may be a JSON text without its closing quote.
            torn = number == len(lines) and "".join(pending)[:1] == '"'
            yield from _document(pending, name) or ([] if torn else _plain(pending, name))
            name, pending = "", []


def text_after_events(text: str) -> str:
    """What a stream of JSON goes on with that is no event; empty where there is no such thing."""
    found = _FOREIGN_LINE.search(text)
    return found.group() if found else ""


def _is_foreign(line: str) -> bool:
    return not _EVENT_FIELD.match(line)


def _document(lines: list[str], name: str) -> list[tuple[Any, bool]]:
    document = parse_json("".join(line.strip() for line in lines)) if lines else NOT_JSON
    if not isinstance(document, (dict, list, str)) or name in _EVENTS_WITHOUT_CONTENT:
        return []
    return [
        ({"error": document} if name == "error" and not _is_error(document) else document, True)
    ]


def _plain(lines: list[str], name: str) -> list[tuple[Any, bool]]:
    text = "\n".join(lines)
    if not text or text.strip() == "[DONE]" or text.lstrip()[:1] in ("{", "["):
        return []
    if name in _EVENTS_WITHOUT_CONTENT:
        return []
    return [({"error": text}, True) if name == "error" else (text, False)]


def _is_error(document: Any) -> bool:
    return isinstance(document, dict) and bool(document.get("error"))


def json_documents(text: str) -> tuple[list[Any], str]:
    """Read JSON objects and arrays that follow each other, on lines of their own or not.

    Returns:
        The documents, and the rest of the text from the first thing on that is none of these.
    """
    documents: list[Any] = []
    position, end = 0, len(text)
    while position < end:
        if text[position].isspace() or text[position] == "\0":  # what vLLM's demo server divides by
            position += 1
            continue
        if text[position] not in "{[":
            break
        try:
            document, position = _DECODER.raw_decode(text, position)
        except (ValueError, RecursionError):
            break
        documents.append(document)
    return documents, text[position:]
