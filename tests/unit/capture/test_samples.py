"""Every family, read from the sample captures that the project ships."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest

from inference_monitor.capture.lines import iter_lines
from inference_monitor.capture.reader import read_line
from inference_monitor_cli.terminal import as_report
from tests.samples.files import capture_files

SAMPLES = Path(__file__).parents[3] / "samples"
FILES = capture_files()


@pytest.mark.parametrize("key", FILES)
def test_every_field_of_a_sample_is_read(key: str) -> None:
    """Messages, text, tokens, finish reason, error and status of every line are as expected."""
    data = (SAMPLES / key).read_bytes()
    reports = [as_report(read_line(line)) for line in iter_lines(io.BytesIO(data))]
    expected = [told for _, told in FILES[key]]
    assert [_only(report, told) for report, told in zip(reports, expected, strict=True)] == expected


def test_sample_files_are_what_their_code_says() -> None:
    """The files are written by `python -m tests.samples`; an edit by hand would be lost."""
    shipped = {p.relative_to(SAMPLES).as_posix(): p.read_text() for p in SAMPLES.rglob("*.jsonl")}
    assert shipped == {k: "".join(f"{line}\n" for line, _ in rows) for k, rows in FILES.items()}


def test_samples_cover_what_the_demo_promises() -> None:
    """At least 60 records, failures, a broken line and one record above 256 KiB."""
    rows = [row for lines in FILES.values() for row in lines]
    statuses = [told["status"] for _, told in rows]
    assert statuses.count("inference") >= 60
    assert statuses.count("quarantined") == 2
    assert sum(bool(told.get("is_error")) for _, told in rows) >= 8
    assert max(len(line) for line, _ in rows) > 256 * 1024
    assert all(
        len(set(ids)) == len(ids) for ids in [[t["event_id"] for _, t in rows if "event_id" in t]]
    )


def test_no_sample_repeats_another() -> None:
    """Each sample earns its place: no two lines carry the same payloads."""
    payloads = [json.dumps(json.loads(line)["captureData"]) for line in _inference_lines()]
    assert len(set(payloads)) >= len(payloads) - 1  # one is sent again beside the large record


def _inference_lines() -> list[str]:
    return [line for rows in FILES.values() for line, told in rows if told["status"] == "inference"]


def _only(report: dict[str, Any], told: dict[str, Any]) -> dict[str, Any]:
    return {name: report[name] for name in told}
