"""Capture files on this machine and in S3, by name or by the hours of their paths."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Self

import boto3

from inference_monitor.capture.lines import iter_lines
from inference_monitor.capture.reader import Entry, read_line
from inference_monitor.capture.s3 import CHUNK_BYTES, read_entries
from inference_monitor.capture.source import source_of
from inference_monitor.inference import Source
from inference_monitor_cli.problems import CommandError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


SUFFIX = ".jsonl"
_FOLDERS_SHOWN = 10
# SageMaker's layout: …/<endpoint>/<variant>/yyyy/mm/dd/hh/<file>, in UTC.
_HOUR = re.compile(r"/(20\d\d/\d\d/\d\d/\d\d)/[^/]+$")
_DATED_FOLDER = re.compile(r"/(20\d\d(?:/\d\d){0,3})/$")
_HOUR_FORMAT = "%Y/%m/%d/%H"
_FORMATS = {"%Y-%m-%d": ("00", "23"), "%Y-%m-%dT%H": ("%H", "%H")}


@dataclass(frozen=True, slots=True)
class Hours:
    """A range of hours, both ends included, each as it is spelled in a path: `2026/03/02/09`."""

    first: str
    last: str

    @classmethod
    def parse(cls, first: str, last: str) -> Self:
        """Read two days (`2026-03-02`) or hours (`2026-03-02T09`); a last day is a whole one.

        Raises:
            CommandError: If one is neither, or they are the wrong way round.
        """
        hours = cls(_hour(first, end=0), _hour(last, end=1))
        if hours.first > hours.last:
            raise CommandError(f"--from {first} is after --to {last}")
        return hours

    def touches(self, date: str) -> bool:
        """Whether a year, month, day or hour (`2026`, `2026/03`, …) has a part in the range."""
        return self.first[: len(date)] <= date <= self.last[: len(date)]

    def has(self, moment: datetime) -> bool:
        """Whether a moment, timezone-aware, is in one of the hours."""
        return self.touches(moment.astimezone(UTC).strftime(_HOUR_FORMAT))

    def milliseconds(self) -> tuple[int, int]:
        """When the first hour begins and when the last one has ended, since the epoch."""
        first, last = (
            datetime.strptime(hour, _HOUR_FORMAT).replace(tzinfo=UTC)
            for hour in (self.first, self.last)
        )
        end = last + timedelta(hours=1)
        return int(first.timestamp() * 1000), int(end.timestamp() * 1000)

    def __str__(self) -> str:
        return f"{self.first} to {self.last} (UTC)"


@dataclass(frozen=True, slots=True)
class DatedFile:
    """A capture file; `hour` is None when its path carries no date."""

    key: str
    hour: str | None


def capture_files(s3: S3Client, bucket: str, prefix: str, hours: Hours) -> Iterator[DatedFile]:
    """List the capture files of these hours, and those that carry no date, below a prefix.

    Goes down folder by folder, so that years of other days are not listed.
    """
    pages = s3.get_paginator("list_objects_v2").paginate(
        Bucket=bucket, Prefix=prefix, Delimiter="/"
    )
    for page in pages:
        for found in page.get("Contents", ()):
            file = DatedFile(found["Key"], hour_of(found["Key"]))
            wanted = file.hour is None or hours.touches(file.hour)
            if wanted and file.key.endswith(SUFFIX):
                yield file
        for folder in page.get("CommonPrefixes", ()):
            dated = _DATED_FOLDER.search(folder["Prefix"])
            if not dated or hours.touches(dated[1]):
                yield from capture_files(s3, bucket, folder["Prefix"], hours)


def nothing_found(s3: S3Client, bucket: str, prefix: str, hours: Hours) -> str:
    """Where capture files were looked for in vain, and which folders the bucket has instead."""
    page = s3.list_objects_v2(Bucket=bucket, Delimiter="/", MaxKeys=1000)
    folders = [folder["Prefix"] for folder in page.get("CommonPrefixes", ())]
    told = ", ".join(folders[:_FOLDERS_SHOWN]) + (", …" if len(folders) > _FOLDERS_SHOWN else "")
    return (
        f"no capture file: looked for s3://{bucket}/{prefix}…/yyyy/mm/dd/hh/*{SUFFIX}, {hours}; "
        f"the bucket has {told or 'no folder at all'}. Is the endpoint's data capture on, and is "
        "this where it writes?"
    )


def hour_of(key: str) -> str | None:
    """The hour a capture file was written in, as its path has it."""
    found = _HOUR.search(key)
    return found[1] if found else None


def _hour(text: str, *, end: int) -> str:
    for form, hours in _FORMATS.items():
        try:
            return datetime.strptime(text, form).strftime(f"%Y/%m/%d/{hours[end]}")
        except ValueError:
            continue
    raise CommandError(f"{text!r} is no day or hour (UTC): write 2026-03-02 or 2026-03-02T09")


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
