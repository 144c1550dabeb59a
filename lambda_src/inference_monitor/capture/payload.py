"""Decode one side of a capture: base64, JSON, JSON lines, server-sent events, CSV or plain text."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import Any

from inference_monitor.capture.documents import (
    MAX_VALUES,
    NOT_JSON,
    event_documents,
    json_documents,
    looks_like_events,
    parse_json,
    too_many_values,
)
from inference_monitor.errors import MalformedCaptureError

_NO_WHITESPACE = dict.fromkeys(map(ord, " \t\r\n"))


@dataclass(frozen=True, slots=True)
class Payload:
    """What one side of a capture holds.

    `body` is the parsed JSON document, else the text, else (`binary`) the base64 text of the bytes.
    `documents` is set when the body is a sequence of JSON documents; `body` is then the text.
    """

    body: Any
    media_type: str | None = None
    documents: list[Any] | None = None
    binary: bool = False

    @property
    def is_text(self) -> bool:
        """Whether the body is plain text: no JSON document, not binary."""
        return isinstance(self.body, str) and self.documents is None and not self.binary

    @property
    def is_empty(self) -> bool:
        """Whether there is no body at all."""
        return self.is_text and not self.body.strip()


def decode(side: dict[str, Any], where: str) -> Payload:
    """Decode `endpointInput` or `endpointOutput` (named by `where`) of a capture.

    Encoding JSON or CSV only says which content types were listed in the endpoint's capture
    options; everything else arrives in BASE64. So the text itself is looked at in every case.

    Raises:
        MalformedCaptureError: If the data is no text, or no base64 although it should be.
    """
    data, declared = side.get("data"), side.get("observedContentType")
    media_type = declared.split(";")[0].strip().lower() if isinstance(declared, str) else None
    encoding = str(side.get("encoding") or "").upper()
    if data is None:
        return Payload("", media_type)
    if not isinstance(data, str):
        return Payload(data, media_type)
    if encoding == "BASE64":
        return _from_base64(data, media_type, where)
    if not encoding and (decoded := _undeclared_base64(data)):
        return parse_text(decoded, media_type, where)
    return parse_text(data, media_type, where)


def parse_text(text: str, media_type: str | None, where: str) -> Payload:
    """Find out what a text is: a JSON document, a stream of documents, or just text.

    Raises:
        MalformedCaptureError: If it holds more values than can be taken apart in bounded memory.
    """
    if too_many_values(text):
        raise MalformedCaptureError(f"{where}.data holds more than {MAX_VALUES:,} values")
    text = text.removeprefix("\ufeff")
    stripped = text.strip()
    # A bare number or word is JSON only where it is said to be: "0.5" is also a CSV answer.
    if stripped[:1] in ("{", "[") or (media_type and media_type.endswith("json")):
        document = parse_json(stripped)
        if document is not NOT_JSON:
            return Payload(document, media_type)
    if looks_like_events(stripped):
        documents = event_documents(stripped)
    else:
        documents = json_documents(stripped)
    return Payload(text, media_type, documents or None)


def _from_base64(data: str, media_type: str | None, where: str) -> Payload:
    try:
        raw = base64.b64decode(data.translate(_NO_WHITESPACE), validate=True)
    except (binascii.Error, ValueError) as error:
        raise MalformedCaptureError(f"{where}.data is not valid base64: {error}") from None
    try:
        return parse_text(raw.decode("utf-8"), media_type, where)
    except UnicodeDecodeError:
        return Payload(data, media_type, binary=True)


def _undeclared_base64(data: str) -> str | None:
    """The text of base64 data whose encoding is not named; None if it is not the base64 of text."""
    try:
        return base64.b64decode(data, validate=True).decode("utf-8") or None
    except (binascii.Error, ValueError):
        return None
