"""Real capture files with what must be read from them, where they are at hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from inference_monitor.capture.lines import iter_lines
from inference_monitor.capture.reader import Skipped, read_line
from inference_monitor.inference import Inference
from inference_monitor_cli.terminal import as_report

CAPTURES = Path(__file__).parents[4] / "shared" / "captures"
pytestmark = pytest.mark.skipif(
    not CAPTURES.is_dir(), reason="the folder of real captures is not beside the project"
)
FIELDS = ("event_id", "messages", "output_text", "input_tokens", "output_tokens", "finish_reason",
          "is_error", "status_code")  # fmt: skip


def _reports(name: str) -> list[dict[str, Any]]:
    data = (CAPTURES / name).read_bytes()
    return [as_report(read_line(line)) for line in iter_lines([data])]


def test_every_field_of_every_family_is_read() -> None:
    """Messages, text, tokens, finish reasons, errors and status as the expected file has them."""
    rows = (CAPTURES / "families.expected.jsonl").read_text().split("\n")
    expected = [json.loads(row) for row in rows if row]
    read = [{f: r[f] for f in FIELDS} for r in _reports("families.jsonl")]
    assert read == [{f: e[f] for f in FIELDS} for e in expected]
    kinds = [{"classic_ml": "classifier"}.get(e["kind"], e["kind"]) for e in expected]
    assert [r["kind"] for r in _reports("families.jsonl")] == kinds


def test_every_public_shape_is_read() -> None:
    """Payloads of public servers and notebooks, as the expected file has them."""
    rows = (CAPTURES / "public_shapes.expected.jsonl").read_text().split("\n")
    reports = {report["event_id"]: report for report in _reports("public_shapes.jsonl")}
    for case in (json.loads(row) for row in rows if row):
        report = reports[case["event_id"]]
        messages, calls = report["messages"], report["tool_calls"]
        read = report | {
            "messages": messages and [[m.get("role"), m.get("content")] for m in messages],
            "tool_calls": calls and [[c["name"], c["arguments"]] for c in calls],
            "message_parts": len(messages[0]["content"]) if messages else None,
        }
        assert {name: read[name] for name in case["expected"]} == case["expected"], case["name"]


@pytest.mark.parametrize("name", ["ground_truth_only.jsonl", "batch_transform_output.jsonl"])
def test_files_that_hold_no_capture_are_skipped(name: str) -> None:
    """They are no errors, and every line says why it is skipped."""
    lines = list(iter_lines([(CAPTURES / name).read_bytes()]))
    records = [read_line(line).record for line in lines]
    assert lines
    assert all(isinstance(r, Skipped) and r.reason for r in records)


def test_a_file_as_sagemaker_wrote_it_is_read_whole() -> None:
    """Three questions, three answers, nothing lost."""
    (name,) = (p.name for p in CAPTURES.glob("34-30-*.jsonl"))
    records = [read_line(line).record for line in iter_lines([(CAPTURES / name).read_bytes()])]
    assert [len(r.output_text or "") for r in records if isinstance(r, Inference)] == [
        1987,
        2783,
        2066,
    ]
