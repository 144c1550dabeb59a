"""Read capture files from S3, whole or in byte ranges."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from itertools import chain
from typing import TYPE_CHECKING

from inference_monitor.capture.lines import Line, can_be_cut, iter_lines
from inference_monitor.capture.reader import Entry, read_line
from inference_monitor.capture.source import ByteRange
from inference_monitor.transient_errors import s3_errors

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

CHUNK_BYTES = 1024 * 1024
# About what one function scores within a few minutes; a state carries some 40 bytes a range.
RANGE_BYTES = 1024 * 1024
MOST_RANGES = 4000
_HEAD_BYTES = 4096  # the first two lines show whether a file can be cut


def read_entries(
    s3: S3Client, bucket: str, key: str, part: ByteRange | None = None
) -> Iterator[Entry]:
    """Read a capture file, or the lines that begin in a part of it, while it streams in.

    The entries of a part have no line number unless it begins at byte 0.

    Raises:
        MissingFileError: If there is no such object.
        TransientError: If S3 fails temporarily, also in the middle of the file.
    """
    for line in _read_lines(s3, bucket, key, part):
        entry = read_line(line)
        yield replace(entry, number=None) if part and part.start else entry


def count_entries(s3: S3Client, bucket: str, key: str, part: ByteRange | None = None) -> int:
    """Count what `read_entries` gives, without parsing it.

    Raises:
        MissingFileError: If there is no such object.
        TransientError: If S3 fails temporarily.
    """
    return sum(1 for _ in _read_lines(s3, bucket, key, part))


def cut_file(s3: S3Client, bucket: str, key: str) -> list[ByteRange]:
    """Cut a file into ranges of equal size, as many as one state of Step Functions can carry.

    A compressed file, and one whose records span several lines, is one range.

    Raises:
        MissingFileError: If there is no such object.
        TransientError: If S3 fails temporarily.
    """
    with s3_errors(f"s3://{bucket}/{key}"):
        size = s3.head_object(Bucket=bucket, Key=key)["ContentLength"]
        step = max(RANGE_BYTES, -(-size // MOST_RANGES))
        if size > step and not _can_be_cut(s3, bucket, key):
            step = size
    return [ByteRange(start, min(start + step, size)) for start in range(0, size, step)]


def _read_lines(s3: S3Client, bucket: str, key: str, part: ByteRange | None) -> Iterator[Line]:
    with s3_errors(f"s3://{bucket}/{key}"):
        if part is None or part.start == 0:
            body = s3.get_object(Bucket=bucket, Key=key)["Body"]
        else:
            # From the byte before: the line that is open there belongs to the range before.
            opened = f"bytes={part.start - 1}-"
            body = s3.get_object(Bucket=bucket, Key=key, Range=opened)["Body"]
        with closing(body):
            chunks = body.iter_chunks(CHUNK_BYTES)
            begin = next(chunks, b"")
            lines = iter_lines(chain([begin], chunks))
            # Offsets in a compressed file are those of its text, which byte ranges do not fit.
            if part is None or (part.start == 0 and not can_be_cut(begin[:_HEAD_BYTES])):
                yield from lines
                return
            for line in lines:
                if (placed := _place(line, part)) and placed.line_offset >= part.end:
                    return
                if placed:
                    yield placed


def _can_be_cut(s3: S3Client, bucket: str, key: str) -> bool:
    body = s3.get_object(Bucket=bucket, Key=key, Range=f"bytes=0-{_HEAD_BYTES - 1}")["Body"]
    with closing(body):
        return can_be_cut(body.read())


def _place(line: Line, part: ByteRange) -> Line | None:
    """The line at its offset in the file; None for the rest of a line of the range before."""
    if part.start == 0:
        return line
    if line.number < 2:
        return None
    begin = part.start - 1
    return replace(line, offset=begin + line.offset, line_offset=begin + line.line_offset)
