"""What `make demo` tells of the budget: the cap that is in force, and what had no room in it."""

from __future__ import annotations

import io
import json
import re
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from inference_monitor.config.caps import Caps
from inference_monitor.ledger import Summary
from local.captures import CaptureFile
from local.run import FileRun
from local.scores import Highlight, Highlights, ScorerResult
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


def terminal(file: io.StringIO) -> Console:
    """A terminal of 80 columns."""
    return Console(file=file, force_terminal=True, width=80, record=True, highlight=False)


def story(tmp_path: Path, console: Console, ledger: Summary, found: Highlights) -> str:
    """The story of one file, as it is printed."""
    run = FileRun(CaptureFile(tmp_path / "x.jsonl", "x.jsonl", 9), "s3://b/x.jsonl")
    run.status, run.ledger = "SUCCEEDED", ledger
    screen = Screen(console)
    summary = RunSummary([run], 4, "http://mlflow", tmp_path)
    screen.story(
        summary=summary, highlights=found, judge="stand-in",
        experiment="http://mlflow/#/experiments/1",
    )  # fmt: skip
    return console.export_text()


JUDGED = Summary(captured=9, traced=6, skipped=2, quarantined=1, scored=5, judge_calls=35)


def test_the_story_says_what_happened_and_where_to_look(tmp_path: Path) -> None:
    """Counts, three links that are whole, filters, the price on Bedrock and the next command."""
    found = Highlights(
        failed=Highlight("tr-1", "CUDA out of memory"),
        badly_scored=Highlight("tr-2", "safety: no. It says\x1b[31m kill " + "on and on " * 40),
        conversation=Highlight("return 4711", "3 turns"),
        endpoint="llm",
    )
    ledger = replace(JUDGED, judge_cost_usd=0.42, empty_answers=1)
    told = story(tmp_path, terminal(io.StringIO()), ledger, found)
    words = " ".join(told.split())
    assert "They held 9 records: 6 became new traces, 0 were there already, 2 were no" in words
    assert "A judge scored 5 answers in 35 calls." in words
    traces = "  http://mlflow/#/experiments/1/traces?startTimeLabel=ALL&selectedEvaluationId="
    lines = told.splitlines()
    assert f"{traces}tr-1" in lines
    assert f"{traces}tr-2" in lines
    assert "  http://mlflow/#/experiments/1/chat-sessions/return%204711" in lines
    assert "  status = 'ERROR'" in lines
    assert "  tags.endpoint = 'llm'" in lines
    assert "  tags.empty_answer = 'true'" in lines
    assert "  metadata.`mlflow.trace.session` = 'return 4711'" in lines
    assert not [line for line in lines if line != line.rstrip()]
    assert "35 judge calls would have cost about $0.42 on Bedrock" in words
    assert ".venv/bin/inference-monitor init" in words
    assert "\x1b" not in told
    assert max(len(line) for line in lines if "http" not in line) <= 80


def test_a_story_without_highlights_or_calls(tmp_path: Path) -> None:
    """Nothing is promised that is not there: no link, and no price."""
    ledger = Summary(captured=4, duplicate=4)
    told = story(tmp_path, terminal(io.StringIO()), ledger, Highlights())
    assert "http" not in told
    assert "No judge was called in this run" in told
    assert "status = " not in told


@pytest.mark.parametrize("variables", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_a_terminal_without_colour(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]
) -> None:
    """Gets no colour: with NO_COLOR none, on a dumb terminal no escape code at all."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    written = io.StringIO()
    story(tmp_path, terminal(written), JUDGED, Highlights(failed=Highlight("tr-1", "x")))
    colours = re.findall(r"\x1b\[[\d;]*3[0-7]m", written.getvalue())
    assert colours == []
    if "TERM" in variables:
        assert "\x1b" not in written.getvalue()
