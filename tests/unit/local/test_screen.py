"""What `make demo` tells of the budget: the cap that is in force, and what had no room in it."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest
from rich.console import Console

from inference_monitor.config.caps import Caps
from inference_monitor.ledger import Summary
from local.captures import CaptureFile
from local.run import FileRun
from local.scores import ScorerResult
from local.screen import Screen
from local.settings import JudgeKind
from local.summary import RunSummary


@pytest.fixture
def screen() -> Screen:
    """A screen that keeps what it shows."""
    return Screen(Console(record=True, width=120, highlight=False))


@pytest.mark.parametrize(
    ("judge", "caps", "told"),
    [
        ("stand-in", Caps(), "What judging may cost: no cap (the stand-in costs nothing)\n"),
        (
            "bedrock",
            Caps(10, 2),
            "at most 10 USD a day, released hour by hour (UTC), and at most 2",
        ),
    ],
)
def test_the_cap_in_force_is_told(screen: Screen, judge: JudgeKind, caps: Caps, told: str) -> None:
    """Also that there is none, and why that is no danger here."""
    screen.caps(caps, judge)
    assert told in screen.console.export_text()


def test_what_the_budget_had_no_room_for_is_told(screen: Screen, tmp_path: Path) -> None:
    """A balanced ledger with missing scores is not all there is to say."""
    ledger = Summary(captured=3, traced=3, scored=3, judge_calls=2, budget_exhausted=2)
    run = FileRun(CaptureFile(tmp_path / "x.jsonl", "x.jsonl", 3), "s3://b/x.jsonl")
    run.status, run.ledger = "SUCCEEDED", ledger
    screen.outcome(RunSummary([run], 3, "http://mlflow", tmp_path), {})
    told = screen.console.export_text()
    assert "2 inferences were not judged in full: the budget had no room" in told
    assert "scoring = 'budget_exhausted'" in told


def test_a_judge_that_refuses_is_told_with_its_reason(screen: Screen, tmp_path: Path) -> None:
    """All traces are there and the ledger balances, and yet nothing is judged: why, and the tag."""
    ledger = Summary(captured=3, traced=3, unscored=3, judge_calls=1, judge_refused=3)
    run = FileRun(CaptureFile(tmp_path / "x.jsonl", "x.jsonl", 3), "s3://b/x.jsonl")
    run.status, run.ledger = "SUCCEEDED", ledger
    dead = ScorerResult(reasons=Counter({"JUDGE_REFUSED: the model is dead": 3}))
    summary = RunSummary([run], 3, "http://mlflow", tmp_path)
    screen.outcome(summary, {"safety": dead, "fluency": dead})
    told = screen.console.export_text()
    assert "3 inferences are not judged: the judge refuses" in told
    assert "scoring = 'judge_refused'" in told
    assert "6 assessments: JUDGE_REFUSED: the model is dead" in told
    summary.write(tmp_path / "summary.json")
    assert json.loads((tmp_path / "summary.json").read_text())["totals"]["judge_refused"] == 3
