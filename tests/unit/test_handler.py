"""The function: a summary out, failures raised by name, and no prompt in its logs."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from typing import Any

import pytest

from inference_monitor import composition, metric_names
from inference_monitor import handler as lambda_module
from inference_monitor.errors import (
    BatchNotStartedError,
    InvalidEventError,
    JudgeUnavailableError,
    MissingFileError,
    TransientError,
    UnbalancedLedgerError,
)
from inference_monitor.ledger import Summary
from inference_monitor.ledger_closing import LedgerClosing
from inference_monitor.service import Monitor
from inference_monitor.settings import get_settings
from tests.unit.builders import capture
from tests.unit.fakes import FakeClaims, FakeResults, FakeScorer, FakeTraces

ITEMS = [capture({"inputs": "canary-word"}, {"generated_text": "canary-word"})]
BATCH = {"BatchInput": {"bucket": "b", "key": "ep/v/2026/03/02/09/x.jsonl"}, "Items": ITEMS}
S3_EVENT = {"detail": {"bucket": {"name": "b"}, "object": {"key": "ep/AllTraffic/k.jsonl"}}}
MAP_RUN = {"ledger": {"bucket": "b", "key": "k", "results": {"Bucket": "r", "Key": "m"}}}


class Context:
    """What Lambda passes beside the event."""

    function_name = "processor"
    memory_limit_in_mb = 1024
    invoked_function_arn = "arn:aws:lambda:eu-west-1:111122223333:function:processor"
    aws_request_id = "request-1"

    def get_remaining_time_in_millis(self) -> int:
        """Ten minutes."""
        return 600_000


@pytest.fixture
def traces() -> FakeTraces:
    """MLflow."""
    return FakeTraces()


@pytest.fixture
def scorer() -> FakeScorer:
    """The judge."""
    return FakeScorer()


@pytest.fixture
def results() -> FakeResults:
    """The results bucket."""
    return FakeResults()


@pytest.fixture
def invoke(
    monkeypatch: pytest.MonkeyPatch, traces: FakeTraces, scorer: FakeScorer, results: FakeResults
) -> Callable[[Any], dict[str, Any]]:
    """Invoke the function with fakes behind it."""
    for name in (
        "MLFLOW_TRACKING_URI",
        "EXPERIMENT_NAME",
        "JUDGE_MODEL",
        "RESULTS_BUCKET",
        "CLAIMS_TABLE",
        "COUNTERS_TABLE",
    ):
        monkeypatch.setenv(f"MONITOR_{name}", "monitored")
    monkeypatch.setenv("MONITOR_ENDPOINT_NAME", "ep")
    monkeypatch.setenv("MONITOR_DEPLOYMENT", "dev")
    monkeypatch.setenv("MONITOR_JUDGE_CONCURRENCY", "4")
    monkeypatch.setenv("MONITOR_JUDGE_TIMEOUT_SECONDS", "120")
    monkeypatch.setenv("MONITOR_REDACTION", "off")
    get_settings.cache_clear()
    monitor = Monitor(traces, FakeClaims(), scorer, results)
    closing = LedgerClosing(results, lambda *_: 3)
    monkeypatch.setattr(composition, "build_monitor", lambda: monitor)
    monkeypatch.setattr(composition, "build_ledger_closing", lambda: closing)
    return lambda event: lambda_module.handler(event, Context())


def test_a_batch_is_answered_with_its_counts(
    invoke: Callable[[Any], dict[str, Any]], results: FakeResults
) -> None:
    """The answer is the summary; the ledger of a map is written when the map is done."""
    answer = invoke(BATCH)
    assert Summary.from_dict(answer) == Summary(
        captured=1, traced=1, scored=1, judge_calls=1, judge_input_tokens=10,
        judge_output_tokens=2, judge_cost_usd=0.5,
    )  # fmt: skip
    assert results.ledgers == []


def test_counts_become_metrics_and_no_prompt_is_logged(
    invoke: Callable[[Any], dict[str, Any]],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Metrics carry the endpoint as dimension; logs name the file and never hold its text."""
    logs = io.StringIO()
    monkeypatch.setattr(lambda_module.logger.registered_handler, "stream", logs)
    invoke(BATCH)
    metrics = json.loads(capsys.readouterr().out)
    assert (metrics["endpoint"], metrics["Traced"], metrics["JudgeCalls"]) == ("ep", [1.0], [1.0])
    assert metrics["EmptyAnswers"] == [0.0]
    (sent,) = metrics["_aws"]["CloudWatchMetrics"]
    assert sent["Namespace"] == metric_names.NAMESPACE
    assert metrics["service"] == metric_names.SERVICE
    assert metrics["deployment"] == "dev"
    assert list(map(set, sent["Dimensions"])) == [
        {"service", "endpoint"},
        {"service", "deployment"},
    ]
    assert "s3://b/ep/v/2026/03/02/09/x.jsonl" in logs.getvalue()
    assert "canary-word" not in logs.getvalue()


def test_files_of_other_endpoints_are_counted_and_left_alone(
    invoke: Callable[[Any], dict[str, Any]],
    capsys: pytest.CaptureFixture[str],
    traces: FakeTraces,
) -> None:
    """No trace, no judge call, a ledger that adds up; the metric is that of the deployment."""
    theirs = {"bucket": "b", "key": "shared/other/v/2026/03/02/09/x.jsonl"}
    answer = Summary.from_dict(invoke({"BatchInput": theirs, "Items": ITEMS * 3}))
    assert answer == Summary(captured=3, skipped=3, foreign=3)
    assert answer.balanced
    assert not traces.stored
    metrics = json.loads(capsys.readouterr().out)
    assert (metrics["endpoint"], metrics["deployment"]) == ("ep", "dev")
    assert metrics[metric_names.FOREIGN] == [3.0]
    assert metric_names.CAPTURED not in metrics
    invoke(BATCH)
    metrics = json.loads(capsys.readouterr().out)
    assert (metrics[metric_names.FOREIGN], metrics[metric_names.CAPTURED]) == ([0.0], [1.0])


def test_a_judge_that_is_away_is_raised_by_its_own_name(
    invoke: Callable[[Any], dict[str, Any]], scorer: FakeScorer, traces: FakeTraces
) -> None:
    """Step Functions tries again; at the end it asks for the same without scoring."""
    scorer.away = True
    with pytest.raises(JudgeUnavailableError):
        invoke(BATCH)
    answer = invoke({**BATCH, "scoring": "off"})
    assert (answer["captured"], answer["unscored"], answer["judge_calls"]) == (1, 1, 0)
    assert answer["judge_unavailable"] == 1
    assert len(traces.stored) == 1


def test_the_alarms_watch_metrics_that_are_sent(
    invoke: Callable[[Any], dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    """Every invocation sends them, 0 included, and what its judge calls cost."""
    invoke(BATCH)
    metrics = json.loads(capsys.readouterr().out)
    assert metrics[metric_names.BUDGET_EXHAUSTED] == [0.0]
    assert metrics[metric_names.JUDGE_UNAVAILABLE] == [0.0]
    assert metrics[metric_names.JUDGE_COST] == [0.5]


def test_mlflow_that_is_down_is_raised(
    invoke: Callable[[Any], dict[str, Any]], traces: FakeTraces
) -> None:
    """Never reported as success."""
    traces.down = True
    with pytest.raises(TransientError, match="MLflow is down"):
        invoke(BATCH)


def test_a_wrong_event_is_raised(invoke: Callable[[Any], dict[str, Any]]) -> None:
    """With the shapes that work."""
    with pytest.raises(InvalidEventError, match="bucket is missing, key is missing"):
        invoke({"Key": "x"})


def test_the_ledger_of_a_map_adds_up_its_batches(
    invoke: Callable[[Any], dict[str, Any]], results: FakeResults
) -> None:
    """One ledger for the file, from the summaries of all batches."""
    part = Summary(captured=2, traced=1, quarantined=1, scored=1).as_dict()
    results.succeeded = (part, part)
    assert Summary.from_dict(invoke(MAP_RUN)) == Summary(
        captured=4, traced=2, quarantined=2, scored=2
    )
    assert [ledger.captured for ledger in results.ledgers] == [4]


def test_batches_that_failed_fail_the_run(
    invoke: Callable[[Any], dict[str, Any]],
    results: FakeResults,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Their records are captured and nothing else; the ledger shows it, the error says where."""
    results.succeeded = (Summary(captured=2, traced=2).as_dict(),)
    batch = {"BatchInput": {"bucket": "b", "key": "k"}, "Items": [1, 2, 3]}
    results.failed = ({"Input": json.dumps(batch)},)
    with pytest.raises(UnbalancedLedgerError, match=r"3 of 5 records .* beside s3://r/m"):
        invoke(MAP_RUN)
    metrics = json.loads(capsys.readouterr().out)
    assert (metrics[metric_names.UNACCOUNTED], metrics["deployment"]) == ([3.0], "dev")
    assert [(ledger.captured, ledger.balanced) for ledger in results.ledgers] == [(5, False)]


@pytest.mark.parametrize("error", ["States.DataLimitExceeded", "States.Runtime", None])
def test_a_batch_that_was_never_handed_over_is_read_by_the_function(
    invoke: Callable[[Any], dict[str, Any]], results: FakeResults, error: str | None
) -> None:
    """Step Functions' own error, or a batch without its input: read in ranges, nothing counted."""
    batch = {"BatchInput": {"bucket": "b", "key": "k"}, "Items": [1]}
    results.failed = ({"Input": json.dumps(batch), "Error": error} if error else {"Error": "x"},)
    with pytest.raises(BatchNotStartedError, match="in ranges"):
        invoke(MAP_RUN)
    assert results.ledgers == []


@pytest.mark.parametrize("error", ["States.Timeout", "Sandbox.Timedout", "Runtime.OutOfMemory"])
def test_a_batch_that_failed_in_the_function_stays_failed(
    invoke: Callable[[Any], dict[str, Any]], results: FakeResults, error: str
) -> None:
    """A batch that kills its worker would do so again, and take a whole range with it."""
    batch = {"BatchInput": {"bucket": "b", "key": "k"}, "Items": [1]}
    results.failed = ({"Input": json.dumps(batch), "Error": error},)
    with pytest.raises(UnbalancedLedgerError):
        invoke(MAP_RUN)
    assert [(ledger.captured, ledger.balanced) for ledger in results.ledgers] == [(1, False)]


def ended_badly(error: str | None, status: str = "FAILED") -> dict[str, Any]:
    """An event about an execution over a file, as EventBridge sends it."""
    detail = {"status": status, "input": json.dumps(S3_EVENT), "error": error}
    return {"detail-type": "Step Functions Execution Status Change", "detail": detail}


@pytest.mark.parametrize(
    ("error", "status"),
    [("States.ExceedToleratedFailureThreshold", "FAILED"), (None, "TIMED_OUT"), (None, "ABORTED")],
)
def test_an_execution_that_ended_badly_has_its_ledger_closed(
    invoke: Callable[[Any], dict[str, Any]],
    results: FakeResults,
    capsys: pytest.CaptureFixture[str],
    error: str | None,
    status: str,
) -> None:
    """Every line of its file is captured and unaccounted for, which rings the alarm."""
    assert Summary.from_dict(invoke(ended_badly(error, status))) == Summary(captured=3)
    metrics = json.loads(capsys.readouterr().out)
    assert (metrics[metric_names.UNACCOUNTED], metrics["deployment"]) == ([3.0], "dev")
    assert [(ledger.captured, ledger.balanced) for ledger in results.ledgers] == [(3, False)]


def test_what_an_execution_has_counted_itself_is_not_counted_again(
    invoke: Callable[[Any], dict[str, Any]], results: FakeResults
) -> None:
    """One that failed by its ledger has closed it, with what its batches have written."""
    assert Summary.from_dict(invoke(ended_badly("UnbalancedLedgerError"))) == Summary()
    assert results.ledgers == []


def test_an_event_that_comes_late_leaves_the_ledger_as_it_is(
    invoke: Callable[[Any], dict[str, Any]],
    results: FakeResults,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """After a replay nothing is missing: none is counted, and the ledger still balances."""
    replayed = Summary(captured=3, traced=3)
    results.ledgers.append(replayed)
    invoke(ended_badly("States.ExceedToleratedFailureThreshold"))
    assert results.ledgers == [replayed]
    assert metric_names.UNACCOUNTED not in capsys.readouterr().out


def test_a_missing_file_has_no_ledger(
    invoke: Callable[[Any], dict[str, Any]], results: FakeResults, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An execution over a file that is not there has lost nothing."""

    def missing(*_: Any) -> int:
        raise MissingFileError("s3://b/k does not exist")

    closing = LedgerClosing(results, missing)
    monkeypatch.setattr(composition, "build_ledger_closing", lambda: closing)
    assert Summary.from_dict(invoke(ended_badly("MissingFileError"))) == Summary()
    assert results.ledgers == []
