"""Read one line of a capture file: an inference, or why it is none."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from inference_monitor.capture.documents import (
    MAX_VALUES,
    NOT_JSON,
    parse_json,
    too_many_values,
)
from inference_monitor.capture.envelope import not_an_inference, open_envelope
from inference_monitor.capture.lines import Line
from inference_monitor.errors import MalformedCaptureError
from inference_monitor.families.reading import read_payloads
from inference_monitor.inference import Inference


@dataclass(frozen=True, slots=True)
class Skipped:
    """A line of a known kind that holds no inference."""

    reason: str
    event_id: str | None = None


@dataclass(frozen=True, slots=True)
class Quarantined:
    """A line that cannot be read, and why."""

    reason: str
    event_id: str | None = None


Record = Inference | Skipped | Quarantined


@dataclass(frozen=True, slots=True)
class Entry:
    """One record with the line it was read from, so that nothing is lost if it is refused later.

    `raw` is the line, or the document if Step Functions has parsed it; `number` and `offset` are
    its place in the file, None where Step Functions handed it over.
    """

    record: Record
    raw: Any
    number: int | None = None
    offset: int | None = None

    @property
    def text(self) -> str:
        """The line as text; bytes that are no UTF-8 appear as backslash escapes."""
        if isinstance(self.raw, bytes):
            return self.raw.decode("utf-8", "backslashreplace")
        return json.dumps(self.raw)

    @property
    def digest(self) -> str:
        """SHA-256 of the line, in hex."""
        raw = self.raw if isinstance(self.raw, bytes) else self.text.encode()
        return hashlib.sha256(raw).hexdigest()


def read_line(line: Line) -> Entry:
    """Read one line of a file; never raises for what the line holds."""
    record = Quarantined(reason) if (reason := _unreadable(line)) else _read_text(line.data)
    return Entry(record, line.data, line.number, line.offset)


def read_documents(documents: Iterable[Any]) -> Iterator[Entry]:
    """Read what Step Functions has parsed; a line may have been an array of records."""
    for document in documents:
        records = document if isinstance(document, list) else []
        if records and all(isinstance(r, dict) and "eventMetadata" in r for r in records):
            yield from map(read_document, records)
        else:
            yield read_document(document)


def read_document(document: Any) -> Entry:
    """Read one record that Step Functions has parsed already; never raises for what it holds."""
    return Entry(_read(document), document)


def _read_text(data: bytes) -> Record:
    text = data.decode()
    if too_many_values(text):
        return Quarantined(f"not readable: more than {MAX_VALUES:,} values")
    document = parse_json(text)
    return Quarantined(_json_problem(text)) if document is NOT_JSON else _read(document)


def _read(document: Any) -> Record:
    if isinstance(document, str) and document.lstrip().startswith("{"):  # encoded twice
        inner = parse_json(document)
        document = inner if isinstance(inner, dict) else document
    if reason := not_an_inference(document):
        return Skipped(reason, _event_id(document))
    try:
        envelope = open_envelope(document)
    except MalformedCaptureError as error:
        return Quarantined(str(error), _event_id(document))
    reading = read_payloads(envelope.request, envelope.response)
    return Inference(
        event_id=envelope.event_id,
        inference_time=envelope.inference_time,
        inference_id=envelope.inference_id,
        inference_component=envelope.inference_component,
        custom_attributes=envelope.custom_attributes,
        kind=reading.kind,
        family=reading.family,
        request=reading.request,
        response=reading.response,
    )


def _event_id(document: Any) -> str | None:
    metadata = document.get("eventMetadata") if isinstance(document, dict) else None
    event_id = metadata.get("eventId") if isinstance(metadata, dict) else None
    return event_id if isinstance(event_id, str) else None


def _unreadable(line: Line) -> str | None:
    if line.problem:
        return line.problem
    if not line.complete:
        return f"the line has {line.length} bytes, more than the {len(line.data)} that are read"
    try:
        line.data.decode("utf-8")
    except UnicodeDecodeError as error:
        return f"not UTF-8: byte {error.start} of the line"
    return None


def _json_problem(text: str) -> str:
    """Why a line is no JSON, without quoting it: it may hold what a person typed."""
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        return f"not JSON: {error.msg} at character {error.pos}"
    except RecursionError:
        return "not readable: nested too deeply"
    except ValueError:
        return "not readable: a number has too many digits"
    return "not JSON"
