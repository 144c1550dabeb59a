"""`inference-monitor reconcile`: every line is counted, and the difference is named."""

from __future__ import annotations

import builtins
import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import boto3
import pytest
from typer.testing import CliRunner

from inference_monitor.capture.reader import read_document
from inference_monitor.errors import TransientError
from inference_monitor.identity import trace_id
from inference_monitor.inference import Source
from inference_monitor.results import S3Results
from inference_monitor_cli.main import app
from inference_monitor_cli.reconcile import command
from inference_monitor_cli.reconcile.comparison import LOOKED_UP_AT_ONCE
from tests.unit.aws import CAPTURES, ENVIRONMENT, RESULTS, Account
from tests.unit.builders import capture
from tests.unit.fakes import EXPERIMENT

DAY = ("--from", "2026-03-02", "--to", "2026-03-02")
TRACED = Source(CAPTURES, "", "llm", "AllTraffic", experiment_id=EXPERIMENT)
EVIL = "\x1b]0;owned\x07[red]bold[/red]\u202e"

Run = Callable[..., Any]


@dataclass
class Traces:
    """MLflow: trace ids, and whether the trace is complete."""

    stored: dict[str, bool] = field(default_factory=dict)
    asked: list[int] = field(default_factory=list)
    opened: tuple[str, str] | None = None
    down: bool = False

    def add(self, *event_ids: str, complete: bool = True) -> None:
        """Store traces of the endpoint `llm`."""
        self.stored |= {trace_id(TRACED, event): complete for event in event_ids}

    @property
    def experiment_id(self) -> str:
        """Always the same one."""
        return EXPERIMENT

    def open(self, tracking_uri: str, experiment: str) -> Self:
        """Stands in for `open_traces`."""
        self.opened = tracking_uri, experiment
        return self

    def lookup(self, trace_ids: Sequence[str]) -> dict[str, bool]:
        """Those that are stored."""
        if self.down:
            raise TransientError("MLflow did not search traces: 503")
        self.asked.append(len(trace_ids))
        return {i: self.stored[i] for i in trace_ids if i in self.stored}


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Account:
    """An account with the deployment `dev`."""
    account = Account()
    monkeypatch.setattr(boto3, "Session", lambda: account)
    return account


@pytest.fixture
def traces(monkeypatch: pytest.MonkeyPatch) -> Traces:
    """What MLflow holds."""
    traces = Traces()
    monkeypatch.setattr(command, "open_traces", traces.open)
    return traces


@pytest.fixture
def run(account: Account, traces: Traces) -> Run:  # noqa: ARG001  # they stand in for AWS and MLflow
    """Run the command."""

    def run(*arguments: str) -> Any:
        options = ("--prefix", "dev", *arguments)
        return CliRunner().invoke(app, ["reconcile", *options], env={"COLUMNS": "140"})

    return run


def put(account: Account, hour: str, *lines: str, name: str = "x") -> str:
    """Write a capture file of an hour of the day; gives its key."""
    key = f"data/llm/AllTraffic/2026/03/02/{hour}/{name}.jsonl"
    account.s3.put_object(Bucket=CAPTURES, Key=key, Body="\n".join(lines).encode())
    return key


def line(event_id: str) -> str:
    """A line with an inference."""
    return json.dumps(capture({"inputs": "hi"}, {"generated_text": "ho"}, eventId=event_id))


def test_each_hour_adds_up(account: Account, traces: Traces, run: Run) -> None:
    """Inferences, duplicates, skipped and quarantined lines are told apart, hour by hour."""
    ground_truth = json.dumps({"groundTruthData": {}, "eventMetadata": {"eventId": "g"}})
    put(account, "09", line("a"), line("b"), line("a"), ground_truth, "{broken")
    put(account, "10", line("a"), line("c"))
    traces.add("a", "b", "c")
    result = run(*DAY, "--json")
    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    names = ("hour", "lines", "inferences", "in_mlflow", "missing", "duplicates", "quarantined",
             "skipped")  # fmt: skip
    assert [tuple(hour[name] for name in names) for hour in document["hours"]] == [
        ("2026/03/02/09", 5, 2, 2, 0, 1, 1, 1),
        ("2026/03/02/10", 2, 1, 1, 0, 1, 0, 0),
    ]
    assert document["total"]["lines"] == 7
    assert (document["missing"], document["files"]) == ([], 2)
    assert traces.opened == ("http://mlflow", "llm")


def test_files_of_other_endpoints_are_skipped_as_the_function_does(
    account: Account, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are missing only where the deployment is to trace them."""
    key = "data/llm/other/AllTraffic/2026/03/02/09/x.jsonl"
    account.s3.put_object(Bucket=CAPTURES, Key=key, Body=line("a").encode())
    for told, skipped in (("skip", 1), ("include", 0)):
        monkeypatch.setitem(ENVIRONMENT, "MONITOR_OTHER_ENDPOINTS", told)
        result = run(*DAY, "--json")
        (hour,) = json.loads(result.stdout)["hours"]
        assert (hour["skipped"], hour["missing"]) == (skipped, 1 - skipped)
        assert result.exit_code == 1 - skipped


def test_nothing_found_says_where_it_looked(account: Account, run: Run) -> None:
    """The folder, the hours and what the bucket has instead; the status is 1, as for a loss."""
    account.s3.put_object(Bucket=CAPTURES, Key="elsewhere/llm/v/2026/03/02/09/x.jsonl", Body=b"{}")
    result = run(*DAY)
    assert result.exit_code == 1
    (told,) = result.stderr.splitlines()
    assert told.startswith(f"no capture file: looked for s3://{CAPTURES}/data/llm/…/yyyy/mm/dd/hh/")
    assert "2026/03/02/00 to 2026/03/02/23 (UTC); the bucket has elsewhere/." in told
    result = run(*DAY, "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["nothing"] == told
    put(account, "09", json.dumps({"groundTruthData": {}, "eventMetadata": {"eventId": "g"}}))
    assert (run(*DAY).exit_code, run(*DAY).stderr) == (0, "")


def test_what_is_missing_is_named(account: Account, traces: Traces, run: Run) -> None:
    """Event, file and line of each missing trace, half-written ones, too; the status is 1."""
    key = put(account, "09", line("a"), "", line(f"b{EVIL}"), line("c"))
    traces.add("a")
    traces.add("c", complete=False)
    result = run(*DAY)
    assert result.exit_code == 1
    assert f"s3://{CAPTURES}/{key} line 3: no trace" in result.stdout
    assert f"event 'c', s3://{CAPTURES}/{key} line 4: its trace is half-written" in result.stdout
    assert "[red]bold" in result.stdout
    assert not {"\x1b", "\x07", "\u202e"} & set(result.output)
    assert "replay --from HOUR --to HOUR" in result.stderr
    document = json.loads(run(*DAY, "--json").stdout)
    assert [(m["event_id"], m["line"]) for m in document["missing"]] == [(f"b{EVIL}", 3), ("c", 4)]
    assert document["missing"][1]["trace_id"] == trace_id(TRACED, "c")


def test_what_mlflow_refused_is_not_missing(account: Account, traces: Traces, run: Run) -> None:
    """An inference that is kept in quarantine is counted there."""
    key = put(account, "09", line("a"), line("b"))
    refused = read_document(json.loads(line("b")))
    source = Source(CAPTURES, key, "llm", "AllTraffic")
    S3Results(account.s3, RESULTS).quarantine(source, [(refused, "too long")])  # type: ignore[arg-type]
    traces.add("a")
    result = run(*DAY, "--json")
    (hour,) = json.loads(result.stdout)["hours"]
    assert result.exit_code == 0
    assert (hour["lines"], hour["inferences"], hour["quarantined"], hour["missing"]) == (2, 1, 1, 0)


def test_only_the_hours_asked_for_are_read(account: Account, traces: Traces, run: Run) -> None:
    """Both ends are part of the range."""
    for hour in ("08", "09", "10", "11"):
        put(account, hour, line(hour))
    traces.add("09", "10")
    result = run("--from", "2026-03-02T09", "--to", "2026-03-02T10", "--json")
    assert result.exit_code == 0
    assert json.loads(result.stdout)["total"]["in_mlflow"] == 2


def test_mlflow_is_asked_in_groups(account: Account, traces: Traces, run: Run) -> None:
    """Many inferences need few requests, and each is asked for once."""
    count = LOOKED_UP_AT_ONCE + 50
    put(account, "09", *[line(f"e-{n}") for n in range(count)])
    traces.add(*[f"e-{n}" for n in range(count - 30)])
    result = run(*DAY)
    assert traces.asked == [LOOKED_UP_AT_ONCE, 50]
    assert result.stdout.count("missing: event") == 20
    assert "… and 10 more" in result.stdout
    assert len(json.loads(run(*DAY, "--json").stdout)["missing"]) == 30


def test_files_without_a_date_are_told(account: Account, run: Run) -> None:
    """They cannot be put into an hour, and are not passed over in silence."""
    account.s3.put_object(Bucket=CAPTURES, Key="data/llm/x.jsonl", Body=line("a").encode())
    result = run(*DAY)
    assert (result.exit_code, "1 files were left out" in result.stdout) == (0, True)
    assert "data/llm/x.jsonl" in result.stdout


def test_another_mlflow_can_be_asked(account: Account, traces: Traces, run: Run) -> None:
    """The options win over the deployed function's environment."""
    put(account, "09", line("a"))
    run(*DAY, "--tracking-uri", "http://other", "--experiment", "mine")
    assert traces.opened == ("http://other", "mine")


def test_no_answer_is_no_difference(account: Account, traces: Traces, run: Run) -> None:
    """When MLflow is down nothing is called missing: status 2 and one line."""
    put(account, "09", line("a"))
    traces.down = True
    result = run(*DAY)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == "reconcile: MLflow did not search traces: 503\n"


def test_without_mlflow_installed_it_says_so(
    account: Account,  # noqa: ARG001  # stands in for AWS
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The other verbs work without MLflow's client; this one says what to install."""
    real_import = builtins.__import__

    def no_mlflow(name: str, *args: Any, **kwargs: Any) -> Any:
        if name.partition(".")[0] == "mlflow":
            raise ModuleNotFoundError("No module named 'mlflow'", name="mlflow")
        return real_import(name, *args, **kwargs)

    monkeypatch.delitem(sys.modules, "inference_monitor_cli.stored_traces", raising=False)
    monkeypatch.setattr(builtins, "__import__", no_mlflow)
    result = CliRunner().invoke(app, ["reconcile", "--prefix", "dev", *DAY])
    assert result.exit_code == 2
    assert "mlflow is not installed" in result.stderr
    assert "pip install 'sagemaker-inference-monitor[mlflow]'" in result.stderr


def test_the_other_verbs_do_not_wait_for_mlflow() -> None:
    """Starting the command imports neither MLflow nor anything of the CDK app."""
    check = "import sys, inference_monitor_cli.main; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", check], capture_output=True, text=True, check=True
    ).stdout.split()
    assert "inference_monitor_cli.reconcile.command" in loaded
    assert not {"mlflow", "google.protobuf", "aws_cdk", "aws_lambda_powertools"} & set(loaded)
