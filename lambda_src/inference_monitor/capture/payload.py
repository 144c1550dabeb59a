"""Decode one side of a capture: from the text SageMaker stored to what the container sent.

The order of reading: the bytes (base64, gzip), their characters (UTF-8, UTF-16, the declared
charset), then what the text is (one JSON document, several, server-sent events, or just text).
"""

from __future__ import annotations

import base64
import binascii
import codecs
import re
import zlib
from dataclasses import dataclass
from typing import Any

from inference_monitor.capture.documents import (
    MAX_VALUES,
    NOT_JSON,
    event_documents,
    is_cut_off,
    json_documents,
    looks_like_events,
    parse_json,
    text_after_events,
    too_many_values,
)
from inference_monitor.capture.lines import MAX_LINE_BYTES
from inference_monitor.errors import MalformedCaptureError

_NO_WHITESPACE = dict.fromkeys(map(ord, " \t\r\n"))
_URL_SAFE = {ord("-"): "+", ord("_"): "/"}
_BASE64 = re.compile(r"[A-Za-z0-9+/_\-]{12,}={0,2}\Z")
_DATA_URL = re.compile(r"\A\s*data:[\w./+;=-]*;base64,")
_GZIP = b"\x1f\x8b\x08"
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_INFLATE_STEP = 64 * 1024
# Of the bytes that stand for no character in Latin-1 a text holds white space only.
_NO_TEXT = re.compile(rb"[\x00-\x08\x0b\x0e-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Payload:
    """What one side of a capture holds.

    `body` is the parsed JSON document, else the text, else (`binary`) the base64 text of the bytes.
    `documents` is set when the body is a sequence of JSON documents or the events of a stream;
    `body` is then the text, and `rest` what follows the documents and is none itself.
    `text` is what `body` was parsed from; None where the endpoint or a pipeline has parsed it.
    `cut_off` says that the text is a JSON document whose end is missing.
    """

    body: Any
    media_type: str | None = None
    documents: list[Any] | None = None
    rest: str = ""
    text: str | None = None
    binary: bool = False
    cut_off: bool = False

    @property
    def is_text(self) -> bool:
        """Whether the body is plain text: no JSON document, not binary."""
        return isinstance(self.body, str) and self.documents is None and not self.binary

    @property
    def holds_events(self) -> bool:
        """Whether the body is a stream of server-sent events, and not JSON documents."""
        return self.documents is not None and (self.text or "").lstrip()[:1] not in ("{", "[")

    @property
    def is_empty(self) -> bool:
        """Whether there is no body at all."""
        return self.is_text and not self.body.strip()

    @property
    def is_declared_text(self) -> bool:
        """Whether the content type says that the body is text for people, not data."""
        return self.media_type in ("text/plain", "text/markdown")


def decode(side: dict[str, Any], where: str) -> Payload:
    """Decode `endpointInput` or `endpointOutput` (named by `where`) of a capture.

    Encoding JSON or CSV only says which content types were listed in the endpoint's capture
    options; everything else arrives in BASE64. So the text itself is looked at in every case, also
    where somebody's pipeline has mislabelled it.

    Raises:
        MalformedCaptureError: If the data is no text, or no base64 although it should be.
    """
    data, declared = side.get("data"), side.get("observedContentType")
    declared = declared if isinstance(declared, str) else ""
    media_type = declared.split(";")[0].strip().lower() or None
    if data is None:
        return Payload("", media_type)
    if not isinstance(data, str):
        return Payload(data, media_type)
    encoding = str(side.get("encoding") or "").upper()
    if encoding != "BASE64":
        decoded = _undeclared_base64(data, anything=not encoding)
        return parse_text(data if decoded is None else decoded, media_type, where)
    raw = _from_base64(_DATA_URL.sub("", data, count=1))
    if raw is None and data.lstrip("\ufeff \t\r\n")[:1] not in ("{", "[", "<"):
        raise MalformedCaptureError(f"{where}.data is not valid base64")
    text = data if raw is None else decode_text(raw, declared)
    if text is None:
        return Payload(data, media_type, binary=True)
    twice = _undeclared_base64(text, anything=False)
    return parse_text(text if twice is None else twice, media_type, where)


def parse_text(text: str, media_type: str | None, where: str) -> Payload:
    """Find out what a text is: a JSON document, a stream of documents, or just text.

    Raises:
        MalformedCaptureError: If it holds more values than can be taken apart in bounded memory.
    """
    if too_many_values(text):
        raise MalformedCaptureError(f"{where}.data holds more than {MAX_VALUES:,} values")
    text = text.removeprefix("\ufeff")
    stripped = text.strip().rstrip("\0")
    # A bare number or word is JSON only where it is said to be: "0.5" is also a CSV answer.
    if stripped[:1] in ("{", "[") or (media_type and media_type.endswith("json")):
        document = parse_json(stripped)
        if document is not NOT_JSON:
            return Payload(document, media_type, text=text)
    if looks_like_events(stripped, media_type):
        documents = event_documents(text)
        speaks_json = any(isinstance(document, dict) for document in documents)
        rest = text_after_events(text) if speaks_json else ""
        return Payload(text, media_type, documents, rest, text=text)
    documents, rest = json_documents(stripped)
    cut_off = is_cut_off(rest)
    return Payload(
        text,
        media_type,
        documents or None,
        rest="" if cut_off else rest,
        text=text,
        cut_off=cut_off and not documents,
    )


def decode_text(raw: bytes, declared: str = "") -> str | None:
    """The text of a body; None for bytes that are no text.

    Compressed bodies are inflated. Without a mark at their beginning, bytes are UTF-8, else of the
    declared charset, else Latin-1 if nothing in them speaks against text.
    """
    if raw.startswith(_GZIP):
        inflated = _inflate(raw)
        return None if inflated is None else decode_text(inflated, declared)
    charset = next((name for mark, name in _MARKS if raw.startswith(mark)), None)
    charsets = [charset] if charset else ["utf-8", *_declared_charset(declared)]
    if not charset and raw[1:2] == b"\0" and raw[:1] in (b"{", b"[", b'"'):
        charsets = ["utf-16-le"]
    if not charset and raw[:1] == b"\0" and raw[1:2] in (b"{", b"[", b'"'):
        charsets = ["utf-16-be"]
    if charsets[0] == "utf-8" and b"\0" in raw:  # sounds and images may be valid UTF-8 for long
        return None
    for name in charsets:
        try:
            return raw.decode(name)
        except (UnicodeDecodeError, LookupError):
            continue
    return None if charset or _NO_TEXT.search(raw) or _is_media(raw) else raw.decode("latin-1")


def _declared_charset(declared: str) -> list[str]:
    found = re.search(r"charset\s*=\s*[\"']?([\w.:-]+)", declared, re.IGNORECASE)
    return [found[1]] if found else []


def _is_media(raw: bytes) -> bool:
    return raw.startswith((b"\xff\xd8", b"ID3", b"\xff\xfb", b"OggS"))


def _inflate(raw: bytes) -> bytes | None:
    """The bytes that gzip has compressed; None if they are too many, or torn.

    They are counted before they are kept: a few kilobytes may stand for gigabytes.
    """
    counter, total, rest = zlib.decompressobj(wbits=31), 0, raw
    try:
        while rest and not counter.eof:
            total += len(counter.decompress(rest, _INFLATE_STEP))
            rest = counter.unconsumed_tail
            if total > MAX_LINE_BYTES:
                return None
        return zlib.decompress(raw, wbits=31)
    except zlib.error:
        return None


def _from_base64(data: str) -> bytes | None:
    """The bytes of base64 text, also unpadded or of the URL-safe alphabet; None if it is none."""
    compact = data.translate(_NO_WHITESPACE).rstrip("=").translate(_URL_SAFE)
    try:
        return base64.b64decode(compact + "=" * (-len(compact) % 4), validate=True)
    except (binascii.Error, ValueError):
        return None


def _undeclared_base64(data: str, *, anything: bool) -> str | None:
    """The text of base64 data that is declared as JSON or CSV, or not at all; None for the rest.

    Any word of four letters is valid base64, and a model may be asked to write some. So what it
    stands for must be a JSON document, or begin as a stream or a page does; `anything` that can be
    printed will do where no encoding is named.
    """
    if data[:1] in ("{", "[") or not _BASE64.match(data.strip()):
        return None
    raw = _from_base64(data)
    text = (decode_text(raw) or "").lstrip("\ufeff \r\n\t") if raw else ""
    if text.startswith(("data:", "<")) or (
        anything and text and "".join(text.split()).isprintable()
    ):
        return text
    is_document = text[:1] in ("{", "[") and isinstance(parse_json(text), (dict, list))
    return text if is_document else None
