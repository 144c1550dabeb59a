"""Read capture files for the command: of this machine and of S3, one or many, a piece at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import boto3

from inference_monitor.capture.lines import iter_lines
from inference_monitor.capture.reader import Entry, read_line
from inference_monitor.capture.s3 import CHUNK_BYTES, read_entries
from inference_monitor.capture.source import source_of
from inference_monitor.inference import Source
from inference_monitor_cli.capture_files import SUFFIX
from inference_monitor_cli.problems import CommandError

_S3 = "s3://"
# Of a local file: the bucket that its source names, and the endpoint where its path names none.
LOCAL_BUCKET = "local"
UNKNOWN_ENDPOINT = "unknown"


@dataclass(frozen=True, slots=True)
class CaptureFile:
    """A capture file by its name: a path of this machine, or `s3://bucket/key`."""

    name: str

    @property
    def source(self) -> Source:
        """Where its records come from, as far as its path tells."""
        if self.name.startswith(_S3):
            return source_of(*_location(self.name), UNKNOWN_ENDPOINT)
        return source_of(LOCAL_BUCKET, Path(self.name).resolve().as_posix(), UNKNOWN_ENDPOINT)

    def entries(self) -> Iterator[Entry]:
        """Its lines, read as they are asked for.

        Raises:
            OSError: If a local file cannot be read.
            MonitorError: If S3 does not have the object, or fails.
        """
        if self.name.startswith(_S3):
            yield from read_entries(boto3.client("s3"), *_location(self.name))
            return
        with Path(self.name).open("rb") as stream:
            chunks = iter(lambda: stream.read(CHUNK_BYTES), b"")
            yield from (read_line(line) for line in iter_lines(chunks))


def find_files(names: Sequence[str]) -> list[CaptureFile]:
    """The capture files that are meant by files, folders, S3 objects and S3 prefixes.

    Raises:
        CommandError: If one of them holds no capture file.
    """
    found: dict[str, None] = {}
    for name in names:
        files = list(_in_s3(name) if name.startswith(_S3) else _on_disk(name))
        if not files:
            raise CommandError(f"{name}: there is no capture file ({SUFFIX}) in it")
        found |= dict.fromkeys(files)
    return [CaptureFile(name) for name in found]


def _on_disk(name: str) -> Iterator[str]:
    path = Path(name)
    if path.is_dir():
        yield from sorted(str(file) for file in path.rglob(f"*{SUFFIX}") if file.is_file())
    else:
        path.stat()
        yield name


def _in_s3(name: str) -> Iterator[str]:
    if name.endswith(SUFFIX):
        yield name
        return
    bucket, _, prefix = name.removeprefix(_S3).partition("/")
    pages = boto3.client("s3").get_paginator("list_objects_v2")
    for page in pages.paginate(Bucket=bucket, Prefix=prefix):
        for entry in page.get("Contents", ()):
            if entry["Key"].endswith(SUFFIX):
                yield f"{_S3}{bucket}/{entry['Key']}"


def _location(name: str) -> tuple[str, str]:
    bucket, _, key = name.removeprefix(_S3).partition("/")
    if not bucket or not key:
        raise CommandError(f"{name!r} names no object; write s3://bucket/key")
    return bucket, key
