"""S3, as the monitor uses it: capture files in, ledgers and quarantined lines out."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from itertools import chain
from typing import TYPE_CHECKING, Any

from botocore.exceptions import (
    ClientError,
    ConnectionError,  # noqa: A004  # botocore's: DNS, refused and broken connections
    HTTPClientError,
    IncompleteReadError,
)

from inference_monitor.aws_errors import code_of
from inference_monitor.capture.lines import Line, can_be_cut, iter_lines
from inference_monitor.capture.reader import Entry, read_line
from inference_monitor.errors import MissingFileError, TransientError
from inference_monitor.events import ByteRange
from inference_monitor.inference import Source
from inference_monitor.ledger import Summary, ledger_key, quarantine_key

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

CHUNK_BYTES = 1024 * 1024
# About what one function scores within a few minutes; a state carries some 40 bytes a range.
RANGE_BYTES = 1024 * 1024
MOST_RANGES = 4000
_HEAD_BYTES = 4096  # its first two lines tell whether a file can be cut
_MISSING = ("NoSuchKey", "NoSuchBucket", "404")
_THERE_ALREADY = ("PreconditionFailed", "ConditionalRequestConflict")


def read_entries(
    s3: S3Client, bucket: str, key: str, part: ByteRange | None = None
) -> Iterator[Entry]:
    """Read a capture file, or the lines that begin in a part of it, while it streams in.

    Raises:
        MissingFileError: If there is no such object.
        TransientError: If S3 fails for now, also in the middle of the file.
    """
    with _s3_errors(f"s3://{bucket}/{key}"):
        if part is None or part.start == 0:
            body = s3.get_object(Bucket=bucket, Key=key)["Body"]
        else:
            # From the byte before: the line that is open there belongs to the range before.
            opened = f"bytes={part.start - 1}-"
            body = s3.get_object(Bucket=bucket, Key=key, Range=opened)["Body"]
        with closing(body):
            chunks = body.iter_chunks(CHUNK_BYTES)
            begin = next(chunks, b"")
            # Places in a compressed file are those of its text, which no range of bytes knows of.
            whole = part is None or (part.start == 0 and not can_be_cut(begin[:_HEAD_BYTES]))
            for line in iter_lines(chain([begin], chunks)):
                if whole or part is None:
                    yield read_line(line)
                elif (placed := _place(line, part)) and placed.line_offset >= part.end:
                    return
                elif placed:
                    # Further in, nobody has counted the lines before.
                    number = None if part.start else placed.number
                    yield replace(read_line(placed), number=number)


def cut_file(s3: S3Client, bucket: str, key: str) -> list[ByteRange]:
    """Cut a file into ranges of equal size, as many as one state of Step Functions can carry.

    A compressed file, and one whose records go over several lines, is one range.

    Raises:
        MissingFileError: If there is no such object.
        TransientError: If S3 fails for now.
    """
    with _s3_errors(f"s3://{bucket}/{key}"):
        size = s3.head_object(Bucket=bucket, Key=key)["ContentLength"]
        step = max(RANGE_BYTES, -(-size // MOST_RANGES))
        if size > step and not _can_be_cut(s3, bucket, key):
            step = size
    return [ByteRange(start, min(start + step, size)) for start in range(0, size, step)]


def _can_be_cut(s3: S3Client, bucket: str, key: str) -> bool:
    body = s3.get_object(Bucket=bucket, Key=key, Range=f"bytes=0-{_HEAD_BYTES - 1}")["Body"]
    with closing(body):
        return can_be_cut(body.read())


def _place(line: Line, part: ByteRange) -> Line | None:
    """The line at its place in the file; None for what is left of a line of the range before."""
    if part.start == 0:
        return line
    if line.number < 2:
        return None
    begin = part.start - 1
    return replace(line, offset=begin + line.offset, line_offset=begin + line.line_offset)


class S3Results:
    """The results bucket; implements `ports.ResultsStore`."""

    def __init__(self, s3: S3Client, bucket: str) -> None:
        self._s3 = s3
        self._bucket = bucket

    def quarantine(self, source: Source, lines: Sequence[tuple[Entry, str]]) -> None:
        """Keep lines whole in one object, named by their digests so that a retry replaces it."""
        rows = [
            {
                "source": source.uri,
                "line": entry.number,
                "offset": entry.offset,
                "reason": reason,
                "sha256": entry.digest,
                "text": entry.text,
            }
            for entry, reason in lines
        ]
        digest = hashlib.sha256("".join(entry.digest for entry, _ in lines).encode()).hexdigest()
        body = "".join(json.dumps(row) + "\n" for row in rows)
        self._put(quarantine_key(source.bucket, source.key, digest[:32]), body)

    def write_ledger(self, source: Source, summary: Summary) -> None:
        """Keep the counts of a capture file, with where it came from."""
        self._put(ledger_key(source.bucket, source.key), _ledger(source, summary))

    def write_first_ledger(self, source: Source, summary: Summary) -> bool:
        """Keep the counts unless the file has a ledger already; gives whether they were kept.

        Raises:
            TransientError: If S3 fails for now.
        """
        key = ledger_key(source.bucket, source.key)
        try:
            with _s3_errors(f"s3://{self._bucket}/{key}"):
                body = _ledger(source, summary).encode()
                self._s3.put_object(Bucket=self._bucket, Key=key, Body=body, IfNoneMatch="*")
        except ClientError as error:
            # 409 is answered to the slower one of two at the same time ("Conditional writes").
            if code_of(error) in _THERE_ALREADY:
                return False
            raise
        return True

    def read_map_results(self, bucket: str, manifest_key: str) -> tuple[list[Any], list[Any]]:
        """Read what a Distributed Map wrote: outputs of batches, and records of failed batches.

        The manifest names files of JSON lines: outputs as they are where batches succeeded
        (transformation COMPACT), execution records with their `Input` where they failed.
        """
        manifest = json.loads(self._get(bucket, manifest_key))
        succeeded, failed = (
            [json.loads(line) for f in manifest["ResultFiles"].get(status, ()) for line in
             self._get(bucket, f["Key"]).splitlines() if line]
            for status in ("SUCCEEDED", "FAILED")
        )  # fmt: skip
        return succeeded, failed

    def _put(self, key: str, body: str) -> None:
        with _s3_errors(f"s3://{self._bucket}/{key}"):
            self._s3.put_object(Bucket=self._bucket, Key=key, Body=body.encode())

    def _get(self, bucket: str, key: str) -> bytes:
        with _s3_errors(f"s3://{bucket}/{key}"):
            return self._s3.get_object(Bucket=bucket, Key=key)["Body"].read()


def _ledger(source: Source, summary: Summary) -> str:
    ledger = {
        "source": source.uri,
        "endpoint": source.endpoint,
        "variant": source.variant,
        "balanced": summary.balanced,
        **summary.as_dict(),
    }
    return json.dumps(ledger, indent=2)


@contextmanager
def _s3_errors(uri: str) -> Iterator[None]:
    """Name the object in every error, and tell passing errors from lasting ones."""
    try:
        yield
    except ClientError as error:
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        code = code_of(error)
        if code in _MISSING:
            raise MissingFileError(f"{uri} does not exist") from error
        if status >= 500 or status == 429:
            raise TransientError(f"{uri}: S3 answered {status} {code}") from error
        raise
    except (HTTPClientError, ConnectionError, IncompleteReadError) as error:
        raise TransientError(f"{uri}: {type(error).__name__}") from error
