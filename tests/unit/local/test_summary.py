"""When a run of the demo has failed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from inference_monitor.ledger import Summary
from local.captures import CaptureFile
from local.run import FileRun
from local.summary import MISSING, RunSummary


def run(
    ledger: Summary | None, *, lines: int = 5, status: str = "SUCCEEDED", error: str | None = None
) -> FileRun:
    """A file whose execution has ended."""
    file = CaptureFile(Path("a.jsonl"), "watched/a.jsonl", lines)
    return FileRun(file, "s3://captures/watched/a.jsonl", 0, status, error, lines, ledger)


def summary(*runs: FileRun, new_traces: int = 3) -> RunSummary:
    """The outcome of a run."""
    return RunSummary(runs, new_traces, "http://mlflow", Path("logs"), {"start": 1.234})


GOOD = Summary(captured=5, traced=3, skipped=1, quarantined=1, scored=2, unscored=1, judge_calls=14)


def test_all_is_well() -> None:
    """Every line is accounted for, and MLflow has as many new traces as the ledgers say."""
    assert summary(run(GOOD)).problems() == []


@pytest.mark.parametrize(
    ("outcome", "says"),
    [
        (summary(run(None), new_traces=0), "no ledger was written"),
        (summary(run(Summary(captured=5, traced=4)), new_traces=4), "does not balance: 5 captured"),
        (summary(run(GOOD, lines=6)), "the file has 6 lines, the ledger 5"),
        (summary(run(GOOD), new_traces=2), "MLflow has 2 new traces, the ledgers say 3"),
        (
            summary(run(GOOD, status="FAILED", error="TransientError: MLflow is away")),
            "execution FAILED: TransientError: MLflow is away: see logs/",
        ),
        (summary(run(GOOD, status="TIMED_OUT")), "execution TIMED_OUT"),
    ],
)
def test_what_does_not_add_up(outcome: RunSummary, says: str) -> None:
    """Each thing that is wrong is said, once, with what to look at."""
    (problem,) = outcome.problems()
    assert says in problem


def test_what_is_written(tmp_path: Path) -> None:
    """The summary file has totals, every file, seconds by phase and MLflow's address."""
    summary(run(GOOD), run(GOOD)).write(tmp_path / "summary.json")
    written = json.loads((tmp_path / "summary.json").read_text())
    counts = {"captured": 5, "traced": 3, "duplicate": 0, "skipped": 1, "quarantined": 1,
              "scored": 2, "unscored": 1, "judge_calls": 14}  # fmt: skip
    counts |= dict.fromkeys(MISSING, 0)
    assert written["totals"] == {name: 2 * count for name, count in counts.items()}
    assert written["files"] == {"s3://captures/watched/a.jsonl": counts}
    assert written["seconds"] == {"start": 1.23}
    assert written["mlflow_uri"] == "http://mlflow"
