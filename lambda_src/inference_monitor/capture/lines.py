r"""Cut a capture file into its records while it streams in; the file is never held whole.

SageMaker writes one JSON document a line, in UTF-8. Pipelines that copy captures were seen to
compress them, to write UTF-16, to lose the line break between two records, to put them into one
array, and to pretty-print them. All of these come out as one `Line` a record.
"""

from __future__ import annotations

import codecs
import json
import re
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, islice

MAX_LINE_BYTES = 40 * 1024 * 1024
"""SageMaker takes 25 MB a request at most, a third more in base64; answers are far smaller."""

_GZIP = b"\x1f\x8b\x08"
_LEAST_HEAD = 16  # bytes; what is shorter holds no record, whatever it begins with
_INFLATE_STEP = 1024 * 1024
_UTF16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_BEGINS = (b'{"captureData"', b'{"eventMetadata"', b'{"eventVersion"')
# Where one record may end and the next begin: within a JSON string its quotes would be escaped.
_GLUED = re.compile(rb'\}\s*(?=\{\s*")')
_RECORD_BEGINS = re.compile(
    rb'\{\s*"(?:captureData|eventMetadata|eventVersion|groundTruthData)"'
    rb'|(?<!"captureData":)(?<!"captureData": )\{\s*"endpoint(?:In|Out)put"'
)
_MARK = codecs.BOM_UTF8.decode("latin-1")
_DECODER = json.JSONDecoder()
_STRING = re.compile(rb'"(?:[^"\\]|\\.)*"?')


@dataclass(frozen=True, slots=True)
class Line:
    """One record: 1-based `number` of its line, byte `offset` in the file, and its bytes.

    `length` exceeds `len(data)` when the line is over the limit and only its beginning was kept.
    Several records on one line have the same `line_offset`, where the line begins. Numbers and
    offsets of a compressed or UTF-16 file are those of its text in UTF-8. `problem` says why the
    file goes on without being readable.
    """

    number: int
    offset: int
    data: bytes
    length: int
    line_offset: int = -1
    problem: str | None = None

    @property
    def complete(self) -> bool:
        """Whether `data` is the whole line."""
        return len(self.data) == self.length


@dataclass(frozen=True, slots=True)
class _RawLine:
    """A line as it stands in the file, with its white space."""

    number: int
    offset: int
    data: bytes
    length: int


def iter_lines(chunks: Iterable[bytes], limit: int = MAX_LINE_BYTES) -> Iterator[Line]:
    r"""Yield the records of a byte stream, without blank lines, `\r\n` and a byte order mark.

    Only `\n` ends a line: JSON strings may hold every other separator unescaped. Memory is bounded
    by `limit` and the size of one chunk.
    """
    problems: list[str] = []
    lines = _split(_as_utf8(iter(chunks), problems), limit)
    begin = list(islice(lines, 2))
    whole = chain(begin, lines)
    yield from _pretty_printed(whole, limit) if _is_pretty_printed(begin) else _by_line(whole)
    for problem in problems:
        yield Line(0, 0, b"", 0, problem=problem)


def can_be_cut(head: bytes) -> bool:
    """Whether a file that begins with these bytes can be read from any of its lines on."""
    pretty = _is_pretty_printed(list(islice(_split([head], MAX_LINE_BYTES), 2)))
    return not (pretty or _is_gzip(head) or _is_utf16(head))


def _as_utf8(chunks: Iterator[bytes], problems: list[str]) -> Iterator[bytes]:
    """The text of a file in UTF-8, whether it is compressed or of another encoding."""
    head = b""
    for chunk in chunks:
        head += chunk
        if len(head) >= _LEAST_HEAD:
            break
    whole = chain([head], chunks)
    if _is_gzip(head):
        yield from _as_utf8(_inflate(whole, problems), problems)
    elif _is_utf16(head):
        yield from _recode(whole, problems)
    else:
        yield from whole


def _is_gzip(head: bytes) -> bool:
    return head.startswith(_GZIP) and len(head) >= _LEAST_HEAD


def _is_utf16(head: bytes) -> bool:
    marked = head.startswith(_UTF16_MARKS) and head[2:4] in (b"{\0", b"\0{", b"[\0", b"\0[")
    unmarked = head[:4] in (b'{\0"\0', b"{\0\r\0", b"{\0\n\0", b"[\0{\0", b'\0{\0"', b"\0[\0{")
    return len(head) >= _LEAST_HEAD and (marked or unmarked)


def _inflate(chunks: Iterator[bytes], problems: list[str]) -> Iterator[bytes]:
    """Inflate a gzip stream of one or more members, in steps: a little may stand for a lot."""
    inflater = zlib.decompressobj(wbits=31)
    try:
        for chunk in chunks:
            rest = chunk
            while rest:
                if inflater.eof and not rest.strip(b"\0"):
                    break  # what fills the last block of a tape or a disk
                if inflater.eof:
                    inflater = zlib.decompressobj(wbits=31)
                yield inflater.decompress(rest, _INFLATE_STEP)
                rest = inflater.unconsumed_tail or inflater.unused_data
    except zlib.error:
        problems.append("the rest of the file is not readable: its gzip compression is broken")
        return
    if not inflater.eof:
        problems.append("the rest of the file is missing: its gzip compression ends too early")


def _recode(chunks: Iterator[bytes], problems: list[str]) -> Iterator[bytes]:
    """UTF-16 as UTF-8; the byte order is told by its mark, else by its first character."""
    decoder: codecs.IncrementalDecoder | None = None
    try:
        for chunk in chunks:
            if decoder is None:
                order = "-be" if chunk.startswith(b"\0") else "-le"
                name = f"utf-16{'' if chunk.startswith(_UTF16_MARKS) else order}"
                decoder = codecs.getincrementaldecoder(name)()
            yield decoder.decode(chunk).encode()
        if decoder:
            yield decoder.decode(b"", final=True).encode()
    except UnicodeError:
        problems.append("the rest of the file is not readable: it is not the UTF-16 it begins as")


def _split(chunks: Iterable[bytes], limit: int) -> Iterator[_RawLine]:
    """The lines that are not blank, each cut at the limit."""
    number, offset, length = 1, 0, 0
    kept: list[bytes] = []
    room = limit
    for chunk in chunks:
        pieces = chunk.split(b"\n")
        for index, piece in enumerate(pieces):
            kept.append(piece[:room])
            room -= len(kept[-1])
            length += len(piece)
            if index == len(pieces) - 1:
                continue  # the line goes on in the next chunk
            if data := b"".join(kept):
                yield _RawLine(number, offset, data, length)
            number, offset = number + 1, offset + length + 1
            kept, length, room = [], 0, limit
    if data := b"".join(kept):
        yield _RawLine(number, offset, data, length)


def _strip(data: bytes) -> bytes:
    return data.removeprefix(codecs.BOM_UTF8).strip(b"\r \t")


def _by_line(lines: Iterable[_RawLine]) -> Iterator[Line]:
    """One record a line, or several where their line breaks were lost."""
    for raw in lines:
        data = _strip(raw.data)
        if not data:
            continue
        line = Line(
            raw.number, raw.offset, data, len(data) + raw.length - len(raw.data), raw.offset
        )
        listed = data[:1] in (b"{", b",") and data[-1:] in (b",", b"]")
        glued = listed or any(data.find(begin, 1) >= 0 for begin in _BEGINS)
        glued = glued or bool(_GLUED.search(data))
        if line.complete and glued:
            yield from _records_of(line)
        else:
            yield line


def _records_of(line: Line) -> Iterator[Line]:
    """The records on one line; one that is broken ends where the next begins."""
    # In Latin-1 a character is a byte, and what matters to JSON's structure is ASCII.
    text = line.data.decode("latin-1")
    position, end = (1 if _holds_records(line.data) else 0), len(text)
    if not text.strip("{},[] "):
        yield line
        return
    while position < end:
        if text[position] in " \t\r,]":
            position += 1
            continue
        if text.startswith(_MARK, position):  # files with a mark each, one after another
            position += len(_MARK)
            continue
        try:
            document, stop = _DECODER.raw_decode(text, position)
        except (ValueError, RecursionError):
            document = None
        if not isinstance(document, dict):
            after = _RECORD_BEGINS.search(line.data, position + 1)
            stop = after.start() if after else end
        piece = line.data[position:stop].rstrip(b" \t\r,")
        yield Line(line.number, line.offset + position, piece, len(piece), line.line_offset)
        position = stop


def _holds_records(data: bytes) -> bool:
    """Whether a line is an array of records; other arrays are passed on as they are."""
    return data[:1] == b"[" and bool(_RECORD_BEGINS.match(data[1:200].lstrip()))


def _is_pretty_printed(begin: list[_RawLine]) -> bool:
    """Whether the first two lines are the beginning of a document that goes over several."""
    first, *second = (_strip(line.data) for line in begin) if begin else (b"",)
    return first in (b"{", b"[", b"[{") and bool(second) and second[0][:1] in (b'"', b"{")


def _pretty_printed(lines: Iterable[_RawLine], limit: int) -> Iterator[Line]:
    """Records over several lines each, one after another or in an array.

    A record ends where its braces do. One that is broken ends where a line begins the next one,
    with the white space that was in front of the first.
    """
    record: list[_RawLine] = []
    first_indent: bytes | None = None
    depth = size = 0
    for raw in _one_brace_a_line(lines):
        data = _strip(raw.data)
        if not record and data in (b"[", b"]", b",", b""):
            continue
        indent = _indent(raw.data)
        first_indent = indent if first_indent is None else first_indent
        if record and indent is not None and indent == first_indent:
            yield _joined(record, limit)
            record, depth, size = [], 0, 0
        if size <= limit:
            record.append(raw)
        size += raw.length
        marks = _STRING.sub(b"", data)
        depth += sum(map(marks.count, (b"{", b"["))) - sum(map(marks.count, (b"}", b"]")))
        if depth <= 0:
            yield _joined(record, limit)
            record, depth, size = [], 0, 0
    if record:
        yield _joined(record, limit)


def _indent(line: bytes) -> bytes | None:
    """The white space in front of a line that begins an object."""
    found = re.match(rb"(?:\xef\xbb\xbf)?(\s*)\{", line)
    return found[1] if found else None


def _one_brace_a_line(lines: Iterable[_RawLine]) -> Iterator[_RawLine]:
    """The lines, with those cut in two that end a record or begin an array and begin another."""
    for raw in lines:
        found = re.match(rb"\s*(?:\[|\},?)\s*(?=\{\s*$)", raw.data)
        if found:
            yield _RawLine(raw.number, raw.offset, raw.data[: found.end()], found.end())
            rest = raw.data[found.end() :]
            yield _RawLine(raw.number, raw.offset + found.end(), rest, len(rest))
        else:
            yield raw


def _joined(record: list[_RawLine], limit: int) -> Line:
    data = b"\n".join(_strip(raw.data) for raw in record).rstrip(b",").rstrip()
    kept = data[:limit]
    cut = len(data) - len(kept) + sum(raw.length - len(raw.data) for raw in record)
    first = record[0]
    return Line(first.number, first.offset, kept, len(kept) + cut, first.offset)
