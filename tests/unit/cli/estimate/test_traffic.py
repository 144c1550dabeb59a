"""How much there is to do: counted line by line, or assumed."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import pytest

from inference_monitor.capture.lines import iter_lines
from inference_monitor.capture.reader import read_line
from inference_monitor_cli.estimate.traffic import (
    MAX_ITEM_BYTES,
    Batching,
    Traffic,
    Work,
    assumed_work,
)
from tests.unit.builders import capture

BATCHING = Batching(max_items=25, max_bytes=200_000)
OK = ({"inputs": "hi"}, {"generated_text": "fine"})
FAILED = ({"inputs": "hi"}, {"error": "boom", "code": 424})


def traffic(*files: Iterable[Any]) -> Traffic:
    """What is counted in files of these lines; a text is a line as it is."""
    counted = Traffic(BATCHING)
    for file in files:
        text = "\n".join(line if isinstance(line, str) else json.dumps(line) for line in file)
        for line in iter_lines([text.encode()]):
            counted.add(read_line(line))
        counted.end_file()
    return counted


def chats(count: int, hour: int = 9, pair: Any = OK) -> list[Any]:
    """Captures of an hour."""
    when = f"2026-03-02T{hour:02}:30:00Z"
    return [capture(*pair, eventId=f"e-{hour}-{n}", inferenceTime=when) for n in range(count)]


def test_captures_are_counted() -> None:
    """60 answers and 12 failures over four hours, the last one included, are 432 a day."""
    counted = traffic(chats(60), chats(12, hour=12, pair=FAILED))
    assert (counted.records, counted.failed, counted.files, counted.hours) == (72, 12, 2, 4)
    assert counted.records_per_day == 432
    assert counted.families == {"generated_text": 60, "lmi_error": 12}
    assert counted.work == Work(72, 2, 3 + 1, 0, counted.bytes)


def test_a_line_that_step_functions_cannot_read_cuts_its_file_into_ranges() -> None:
    """A broken line and a large record do; one that is merely no inference does not."""
    large = capture({"inputs": "x" * MAX_ITEM_BYTES}, {"generated_text": "fine"})
    skipped = {"groundTruthData": {}, "eventMetadata": {"eventId": "g-1"}}
    odd: dict[str, Any] = {"captureData": {}, "eventMetadata": {}}
    counted = traffic([*chats(30), '{"broken'], [large], [*chats(1), skipped, odd])
    assert counted.work.ranged == 2
    assert counted.work.batches == 1 + 1 + 1


def test_more_records_a_day_make_more_files_or_longer_ones() -> None:
    """Ten times 240 a day: ten times as many files; or the same 24, in four batches each."""
    counted = traffic(chats(10, 9), chats(10, 10))
    assert counted.records_per_day == 240
    day = counted.per_day(2400)
    assert (day.records, day.files, day.batches) == (2400, 240, 240)
    assert day.bytes == pytest.approx(10 * counted.per_day(240).bytes)
    longer = counted.per_day(2400, 100)
    assert (longer.records, longer.files, longer.batches) == (2400, 24, 24 * 4)
    assert longer.bytes == pytest.approx(day.bytes)


def test_without_captures_a_file_comes_every_five_minutes() -> None:
    """28,800 records are 100 a file, in four batches; fewer records are fewer files."""
    assert assumed_work(28_800, 1_000, BATCHING) == Work(28_800, 288, 288 * 4, 0, 28_800_000)
    assert assumed_work(10, 1_000, BATCHING) == Work(10, 10, 10, 0, 10_000)
    assert assumed_work(288, 300_000, BATCHING).batches == 288 * 2
