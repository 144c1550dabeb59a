"""How much there is to do: counted in capture files, or assumed for a rate."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime

from inference_monitor.capture.documents import NOT_JSON, parse_json
from inference_monitor.capture.reader import Entry, Quarantined
from inference_monitor.capture.s3 import RANGE_BYTES
from inference_monitor.inference import Inference

# Step Functions: what one item of a map's reader may have; a larger one makes it give up.
MAX_ITEM_BYTES = 256 * 1024
# SageMaker does not say how often it closes a capture file. Our guess where there are no files to
# count: one every five minutes, which is many, and many small files are what costs the most.
FILES_PER_DAY = 288
_HOURS = 24


@dataclass(frozen=True, slots=True)
class Batching:
    """How a file is cut up: the settings BATCH_MAX_ITEMS and BATCH_MAX_BYTES."""

    max_items: int
    max_bytes: int

    def batches(self, lines: float, size: float) -> int:
        """How many batches a file of so many lines and bytes makes."""
        return max(1, math.ceil(lines / self.max_items), math.ceil(size / self.max_bytes))


@dataclass(frozen=True, slots=True)
class Work:
    """What the chain has to do: `records` become traces, of capture files with so many `bytes`.

    `ranged` files are those that Step Functions cannot read, so that the function cuts them up.
    """

    records: float
    files: float
    batches: float
    ranged: float
    bytes: float

    def times(self, factor: float) -> Work:
        """So many times as much."""
        counts = (self.records, self.files, self.batches, self.ranged, self.bytes)
        return Work(*(factor * count for count in counts))


@dataclass(slots=True)
class Traffic:
    """What is counted in capture files, line by line and file by file."""

    batching: Batching
    lines: int = 0
    records: int = 0
    failed: int = 0
    files: int = 0
    batches: int = 0
    ranged: int = 0
    bytes: int = 0
    families: Counter[str] = field(default_factory=Counter)
    first: datetime | None = None
    last: datetime | None = None
    _lines: int = 0
    _bytes: int = 0
    _ranged: bool = False

    def add(self, entry: Entry) -> None:
        """Count a line of the file that is being read."""
        size = len(entry.raw)
        self._lines += 1
        self._bytes += size
        self._ranged |= size > MAX_ITEM_BYTES or _is_no_json(entry)
        if isinstance(entry.record, Inference):
            self.records += 1
            self.failed += entry.record.failure is not None
            self.families[entry.record.family] += 1
            when = entry.record.inference_time
            self.first = min(self.first or when, when)
            self.last = max(self.last or when, when)

    def end_file(self) -> None:
        """Count the file whose lines were added."""
        self.lines += self._lines
        self.bytes += self._bytes
        self.files += 1
        self.ranged += self._ranged
        if self._ranged:
            self.batches += max(1, math.ceil(self._bytes / RANGE_BYTES))
        else:
            self.batches += self.batching.batches(self._lines, self._bytes)
        self._lines, self._bytes, self._ranged = 0, 0, False

    @property
    def work(self) -> Work:
        """All of it, once."""
        return Work(self.records, self.files, self.batches, self.ranged, self.bytes)

    @property
    def hours(self) -> int:
        """From the hour of the first inference to that of the last, both counted."""
        if self.first is None or self.last is None:
            return 0
        begun, ended = (_hour(when) for when in (self.first, self.last))
        return round((ended - begun).total_seconds() / 3600) + 1

    @property
    def records_per_day(self) -> float:
        """The rate at which the inferences came."""
        return self.records * _HOURS / self.hours if self.hours else 0.0

    @property
    def records_per_file(self) -> float:
        """How many inferences a file holds on average."""
        return self.records / self.files if self.files else 0.0

    def per_day(self, records: float, records_per_file: float | None = None) -> Work:
        """What so many records a day, of this mix, make of work.

        Without `records_per_file`, files stay as long as they are: more records make more of them.
        """
        if not self.records:
            return Work(0, 0, 0, 0, 0)
        per_file = records_per_file or self.records_per_file
        growth, files = per_file / self.records_per_file, records / per_file
        size, lines = self.bytes / self.files * growth, self.lines / self.files * growth
        ranged = self.ranged / self.files
        each = (1 - ranged) * self.batching.batches(lines, size)
        each += ranged * max(1, math.ceil(size / RANGE_BYTES))
        return Work(records, files, files * each, files * ranged, files * size)


def assumed_work(
    records: float,
    bytes_per_record: float,
    batching: Batching,
    records_per_file: float | None = None,
) -> Work:
    """The work of a day with so many records, where no files are there to be counted."""
    files = records / records_per_file if records_per_file else min(float(FILES_PER_DAY), records)
    lines = records / files
    each = batching.batches(lines, lines * bytes_per_record)
    return Work(records, files, files * each, 0, records * bytes_per_record)


def _is_no_json(entry: Entry) -> bool:
    return isinstance(entry.record, Quarantined) and parse_json(entry.text) is NOT_JSON


def _hour(when: datetime) -> datetime:
    return when.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
