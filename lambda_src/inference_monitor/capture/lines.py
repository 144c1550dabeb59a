"""Cut a capture file into lines while it streams in; the file is never held whole."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

MAX_LINE_BYTES = 40 * 1024 * 1024
"""SageMaker takes 25 MB a request at most, a third more in base64; answers are far smaller."""


@dataclass(frozen=True, slots=True)
class Line:
    """One non-blank line: 1-based `number`, byte `offset` in the file, and its bytes.

    `length` exceeds `len(data)` when the line is over the limit and only its beginning was kept.
    """

    number: int
    offset: int
    data: bytes
    length: int

    @property
    def complete(self) -> bool:
        """Whether `data` is the whole line."""
        return len(self.data) == self.length


def iter_lines(chunks: Iterable[bytes], limit: int = MAX_LINE_BYTES) -> Iterator[Line]:
    r"""Yield the non-blank lines of a byte stream, `\r\n` and a byte order mark removed.

    Only `\n` ends a line: JSON strings may hold every other separator unescaped. Memory is bounded
    by `limit` and the size of one chunk.
    """
    number, offset, length = 0, 0, 0
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
            number += 1
            yield from _line(number, offset, kept, length)
            offset += length + 1
            kept, length, room = [], 0, limit
    yield from _line(number + 1, offset, kept, length)


def _line(number: int, offset: int, kept: list[bytes], length: int) -> Iterator[Line]:
    data = b"".join(kept)
    cut = length - len(data)
    data = data.removeprefix(b"\xef\xbb\xbf").strip(b"\r \t")
    if data:
        yield Line(number, offset, data, len(data) + cut)
