"""`make demo` as people start it: its exit status, what it writes, and what it leaves behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest

from local.settings import ROOT
from tests.e2e.deployed import eventually
from tests.e2e.records import chat, lines

COUNTS = ("captured", "traced", "duplicate", "skipped", "quarantined", "scored", "judge_calls")


@pytest.fixture
def captures(tmp_path: Path) -> str:
    """A folder in SageMaker's layout with a stray file, and a single file outside of it."""
    folder = tmp_path / "mine/llm/AllTraffic/2026/03/02/09"
    folder.mkdir(parents=True)
    (folder / "a.jsonl").write_bytes(lines(*[chat(f"a-{n}") for n in range(3)]))
    (folder / "notes.txt").write_text("not a capture")
    (tmp_path / "single.jsonl").write_bytes(lines(chat("b-1"), "{broken"))
    return f"{tmp_path / 'mine'} {tmp_path / 'single.jsonl'}"


def start(folder: Path, captures: str, **environment: str) -> subprocess.Popen[str]:
    """Start a demo that keeps its data in a folder."""
    env = {**os.environ, "DEMO_FOLDER": str(folder), "CAPTURES": captures, **environment}
    return subprocess.Popen(
        [sys.executable, "-m", "local.demo"],
        cwd=ROOT, env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip


def totals(summary: dict[str, Any]) -> tuple[int, ...]:
    """The totals of a summary in the order of COUNTS."""
    return tuple(summary["totals"][name] for name in COUNTS)


def test_twice_and_ctrl_c(tmp_path: Path, captures: str) -> None:
    """A run traces everything; a second one writes nothing new, and Ctrl-C leaves no process."""
    folder = tmp_path / "demo"
    first = start(folder, captures, ONCE="1")
    said, _ = first.communicate(timeout=180)
    assert first.returncode == 0, said
    summary = json.loads((folder / "summary.json").read_text())
    assert totals(summary) == (5, 4, 0, 0, 1, 4, 28)
    files = {uri.split("/", 3)[3]: counts["captured"] for uri, counts in summary["files"].items()}
    assert files == {
        "data-capture/demo-endpoint/llm/AllTraffic/2026/03/02/09/a.jsonl": 3,
        "data-capture/demo-endpoint/single.jsonl": 2,
    }
    assert set(summary["seconds"]) >= {"start", "deploy", "process", "total"}
    assert summary["mlflow_uri"].startswith("http://127.0.0.1:")
    assert "notes.txt" in said
    assert "5 captured = 4 traced + 0 duplicate + 0 skipped + 1 quarantined" in said

    second = start(folder, captures)
    children = []
    try:
        assert second.stdout
        shown = ""
        while "Ctrl-C" not in shown:
            line = second.stdout.readline()
            assert line, shown
            shown += line
        children = psutil.Process(second.pid).children(recursive=True)
        assert len(children) >= 3  # MLflow, the emulator and a function at least
    finally:
        second.send_signal(signal.SIGINT)
        try:
            second.communicate(timeout=60)
        finally:
            second.kill()
    assert second.returncode == 0
    assert totals(json.loads((folder / "summary.json").read_text())) == (5, 0, 4, 0, 1, 4, 0)
    assert "Nothing new written" in shown
    eventually(lambda: None if any(c.is_running() for c in children) else True, "all have ended")


@pytest.mark.parametrize(
    ("captures", "environment", "says"),
    [
        ("/no/such/folder", {}, "no such file or folder: /no/such/folder"),
        (str(ROOT / "local/judge"), {}, "no .jsonl file in"),
        (str(ROOT / "samples"), {"JUDGE": "gpt"}, "JUDGE=gpt: use JUDGE=bedrock"),
    ],
)
def test_what_it_cannot_do(
    tmp_path: Path, captures: str, environment: dict[str, str], says: str
) -> None:
    """A mistake ends it at once, with one line that says what is wrong."""
    demo = start(tmp_path, captures, ONCE="1", **environment)
    said, _ = demo.communicate(timeout=60)
    assert demo.returncode == 1
    assert said.startswith("✗ ")
    assert says in said
    assert "Traceback" not in said
