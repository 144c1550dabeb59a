"""The smoke run on AWS: its report, and that it removes what it has made whatever happens."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from benchmarks.smoke_aws import judges, run
from benchmarks.smoke_aws.captures import captures
from benchmarks.smoke_aws.definition import Handled, handled
from benchmarks.smoke_aws.deploying import Folder
from benchmarks.smoke_aws.findings import Finding, Outcome, Step, compared, run_step, unknown
from benchmarks.smoke_aws.report import MASK, Report
from benchmarks.smoke_aws.run import Smoke
from benchmarks.smoke_aws.throwaway import Account, Removal, Removals
from inference_monitor_cli.deployment import Deployment

GOOD = compared("one", True, expected="this", found="this", means="")
MADE = ["running executions", "the stack and its results bucket", "the capture bucket",
        "the MLflow experiment", "log groups", "everything tagged with the prefix"]  # fmt: skip


class FakeAccount(Account):
    """Makes and removes nothing."""

    region = "eu-west-1"

    def make_bucket(self, name: str) -> None:
        """Do nothing."""

    def remove_bucket(self, name: str) -> None:
        """Do nothing."""

    def remove_stack(self) -> None:
        """Do nothing."""

    def remove_log_groups(self) -> None:
        """Do nothing."""

    def left_behind(self, patience_seconds: float = 60) -> list[str]:
        """Nothing."""
        del patience_seconds
        return []


class FakeServer:
    """Serves nothing."""

    def serves(self) -> Iterator[Finding]:
        """One row."""
        yield GOOD

    def delete_experiment(self) -> None:
        """Do nothing."""


def smoke(tmp_path: Path) -> Smoke:
    """A run that makes nothing."""
    server: Any = FakeServer()
    return Smoke(
        account=FakeAccount(None, "smoke-1"), server=server, mlflow={}, folder=tmp_path,
        show=lambda _: None,
    )  # fmt: skip


@pytest.fixture
def _no_aws(monkeypatch: pytest.MonkeyPatch) -> None:
    class Deployed:
        state_machine_arn = "arn"

    class Watching:
        def __init__(self, *_: Any, **__: Any) -> None: ...
        def first_event(self, _: Any) -> Iterator[Finding]:
            """One row."""
            yield GOOD

        def file(self, _: Any) -> Finding:
            """One row."""
            return GOOD

        def stop_all(self) -> None:
            """Do nothing."""

    monkeypatch.setattr(judges, "verdicts", lambda: [GOOD])
    monkeypatch.setattr(judges, "geographies", lambda _: [GOOD])
    monkeypatch.setattr(Folder, "deploy", lambda *_: None)
    monkeypatch.setattr(Deployment, "find", lambda *_: Deployed())
    monkeypatch.setattr(run, "Watch", Watching)
    monkeypatch.setattr(run, "check_definition", lambda *_: [GOOD])
    monkeypatch.setattr(run, "function_state", lambda *_: GOOD)
    monkeypatch.setattr(run, "out_of_memory", lambda *_: GOOD)
    monkeypatch.setattr(Smoke, "_trace", lambda *_: GOOD)
    monkeypatch.setattr(signal, "signal", lambda *_: None)


STEPS = {
    "verdicts": (judges, "verdicts"),
    "geographies": (judges, "geographies"),
    "definition": (run, "check_definition"),
    "state": (run, "function_state"),
    "memory": (run, "out_of_memory"),
    "trace": (Smoke, "_trace"),
    "deployment": (Folder, "deploy"),
    "outputs": (Deployment, "find"),
}


@pytest.mark.usefixtures("_no_aws")
@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize(
    "error", [OSError("away"), ClientError({"Error": {"Code": "AccessDenied"}}, "Do")]
)
def test_a_step_that_fails(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, step: str, error: Exception
) -> None:
    """A step that fails is a row of the report; the others go on, and everything is removed."""

    def fails(*_: Any) -> Any:
        raise error

    where, name = STEPS[step]
    monkeypatch.setattr(where, name, fails)
    report = smoke(tmp_path).run()
    bad = [f for f in report.findings if "away" in f.found or "AccessDenied" in f.found]
    assert len(bad) == 1
    assert bad[0].outcome is (Outcome.DIFFERS if step == "deployment" else Outcome.NOT_KNOWN)
    made = MADE[1:] if step in ("deployment", "outputs") else MADE
    assert report.removals == [Removal(what) for what in made]


@pytest.mark.usefixtures("_no_aws")
@pytest.mark.parametrize("step", STEPS)
def test_ctrl_c(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, step: str) -> None:
    """After Ctrl-C in any step everything is removed, and the report says that it is cut short."""

    def interrupted(*_: Any) -> Any:
        raise KeyboardInterrupt

    where, name = STEPS[step]
    monkeypatch.setattr(where, name, interrupted)
    report = smoke(tmp_path).run()
    assert report.interrupted
    assert "**The run was interrupted" in report.markdown()
    done = [removal.what for removal in report.removals]
    assert done == MADE[-len(done) :]
    assert done[-1] == "everything tagged with the prefix"
    if step in ("deployment", "outputs"):
        assert done[0] == "the stack and its results bucket"


def test_removals() -> None:
    """The latest goes first; one that fails is named, and the others go all the same."""
    removed = []

    def fails() -> None:
        raise OSError("not empty")

    with Removals() as removals:
        removals.add("bucket", lambda: removed.append("bucket"))
        removals.add("stack", fails)
        removals.add("group", lambda: removed.append("group"))
    assert removed == ["group", "bucket"]
    assert removals.done == [
        Removal("group"), Removal("stack", "OSError: not empty"), Removal("bucket")
    ]  # fmt: skip


def test_report(tmp_path: Path) -> None:
    """A row has expected, found and meaning; account numbers are masked in both files."""
    arn = "arn:aws:lambda:eu-west-1:111122223333:function:f"
    findings = [
        compared("a|b", False, expected="200", found=f"403 for {arn}", means="Grant it.", arn=arn),
        unknown("bill", "none", "cannot be seen"),
    ]
    removals = [Removal("the stack", f"stays {arn}")]
    report = Report("smoke-1", "eu-west-1", "2026-11-25", 61, findings, removals)
    beside = report.write(tmp_path / "r.md")
    page = (tmp_path / "r.md").read_text()
    assert "111122223333" not in page + beside.read_text()
    assert f"| a\\|b | differs | 200 | 403 for arn:aws:lambda:eu-west-1:{MASK}:" in page
    assert "| bill | not known | none | cannot be seen |" in page
    assert "**stays: stays arn" in page
    assert not report.clean
    assert report.document()["findings"][0]["outcome"] == "differs"


def test_not_available_here() -> None:
    """An operation that a service does not have is named as such."""

    def asks() -> Iterator[Finding]:
        yield GOOD
        raise ClientError(
            {"Error": {"Code": "InvalidAction"}, "ResponseMetadata": {"HTTPStatusCode": 400}},  # type: ignore[typeddict-item]
            "TestState",
        )

    found = list(run_step(Step("states", asks)))
    assert found[0] is GOOD
    assert found[1].outcome is Outcome.NOT_KNOWN
    assert found[1].found == "not available here: TestState (InvalidAction)"


def test_sizes_of_the_files() -> None:
    """One record lies above 256 KiB, another between the limits of a batch and of a state."""
    sizes = {c.name: max(map(len, c.body.split(b"\n"))) for c in captures("smoke-1")}
    assert sizes["above-256-kib"] > 262_144
    assert 204_800 < sizes["between-limits"] < 262_144


def test_handled_errors() -> None:
    """Each name of a Retry is tried again; one of a Catch alone is caught; also within a map."""
    inner = {"Type": "Task", "Retry": [{"ErrorEquals": ["A"]}],
             "Catch": [{"ErrorEquals": ["A", "B"], "Next": "End"}]}  # fmt: skip
    catch = [{"ErrorEquals": ["C"], "Next": "Cut"}]
    outer = {"Type": "Map", "ItemProcessor": {"States": {"In": inner}}, "Catch": catch}
    assert list(handled({"States": {"Out": outer}})) == [
        Handled("Out", "C", "CAUGHT_ERROR", "Cut"),
        Handled("In", "A", "RETRIABLE"),
        Handled("In", "B", "CAUGHT_ERROR", "End"),
    ]
