"""The samples as the demo shows them: of yesterday, and the same inferences every time."""

from __future__ import annotations

import io
from datetime import date
from pathlib import Path

from inference_monitor.capture.lines import iter_lines
from inference_monitor.capture.reader import read_line
from inference_monitor.inference import Inference
from local.sample_days import copy_for_day
from local.settings import ROOT

SAMPLES = ROOT / "samples"


def inferences(folder: Path) -> list[Inference]:
    """All inferences below a folder, in the order of their files."""
    records = [
        read_line(line).record
        for path in sorted(folder.rglob("*.jsonl"))
        for line in iter_lines(io.BytesIO(path.read_bytes()))
    ]
    return [record for record in records if isinstance(record, Inference)]


def test_a_copy_is_of_the_day(tmp_path: Path) -> None:
    """Every path and every inference time; the hours stay."""
    copy = copy_for_day(SAMPLES, tmp_path / "samples", date(2026, 11, 25))
    paths = [path.relative_to(copy).as_posix() for path in copy.rglob("*.jsonl")]
    assert len(paths) == len(list(SAMPLES.rglob("*.jsonl")))
    assert all("/2026/11/25/" in path for path in paths)
    copied, shipped = inferences(copy), inferences(SAMPLES)
    assert {one.inference_time.date() for one in copied} == {date(2026, 11, 25)}
    assert [one.inference_time.time() for one in copied] == [
        one.inference_time.time() for one in shipped
    ]


def test_another_day_has_the_same_inferences(tmp_path: Path) -> None:
    """Else a second demo would trace everything again; files of the first day are gone."""
    first = copy_for_day(SAMPLES, tmp_path / "samples", date(2026, 11, 25))
    ids = [one.event_id for one in inferences(first)]
    second = copy_for_day(SAMPLES, tmp_path / "samples", date(2027, 1, 1))
    assert [one.event_id for one in inferences(second)] == ids
    assert ids == [one.event_id for one in inferences(SAMPLES)]
    assert not list(second.rglob("*/2026/*"))
