"""Which capture files of a bucket were written in a range of hours, by their paths."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Self

from inference_monitor_cli.problems import CommandError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

SUFFIX = ".jsonl"
_FOLDERS_SHOWN = 10
# SageMaker's layout: …/<endpoint>/<variant>/yyyy/mm/dd/hh/<file>, in UTC.
_HOUR = re.compile(r"/(20\d\d/\d\d/\d\d/\d\d)/[^/]+$")
_DATED_FOLDER = re.compile(r"/(20\d\d(?:/\d\d){0,3})/$")
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

    def __str__(self) -> str:
        return f"{self.first} to {self.last} (UTC)"


@dataclass(frozen=True, slots=True)
class CaptureFile:
    """A capture file; `hour` is None when its path carries no date."""

    key: str
    hour: str | None


def capture_files(s3: S3Client, bucket: str, prefix: str, hours: Hours) -> Iterator[CaptureFile]:
    """List the capture files of these hours, and those that carry no date, below a prefix.

    Goes down folder by folder, so that years of other days are not listed.
    """
    pages = s3.get_paginator("list_objects_v2").paginate(
        Bucket=bucket, Prefix=prefix, Delimiter="/"
    )
    for page in pages:
        for found in page.get("Contents", ()):
            file = CaptureFile(found["Key"], hour_of(found["Key"]))
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
