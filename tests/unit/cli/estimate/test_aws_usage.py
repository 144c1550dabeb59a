"""What AWS's services cost: arithmetic that can be done by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from inference_monitor.metric_names import SUMMARY_METRICS
from inference_monitor_cli.estimate import aws_usage
from inference_monitor_cli.estimate.aws_prices import AwsPrices, InvalidAwsPricesError
from inference_monitor_cli.estimate.aws_usage import (
    FunctionSize,
    Judged,
    mlflow_bytes,
    seconds,
    standing,
    usage,
)
from inference_monitor_cli.estimate.traffic import Work

PRICES = AwsPrices.load()
SIZE = FunctionSize(memory_mb=2048, judge_concurrency=16)
NOTHING = Judged(0, 0)
# 1,000 records in 10 files of 4 batches.
WORK = Work(records=1000, files=10, batches=40, ranged=0, bytes=4_000_000)


def priced(work: Work, judged: Judged = NOTHING) -> dict[str, float]:
    """The price of each line."""
    return {line.service: line.usd for line in usage(work, judged, SIZE, PRICES)}


def test_step_functions_counts_what_is_entered_and_started() -> None:
    """10 files of 3 transitions and 40 batches of 2: 110, at 25 USD a million."""
    assert priced(WORK)["Step Functions"] == pytest.approx(110 * 0.000025)
    ranged = Work(1000, 10, 40, ranged=10, bytes=0)
    assert priced(ranged)["Step Functions"] == pytest.approx(130 * 0.000025)


def test_lambda_is_paid_by_memory_and_time() -> None:
    """50 invocations, 1,000 records and 10 cold starts, times two GB; the judge is not asked."""
    expected = 50 * aws_usage.SECONDS_PER_BATCH
    expected += 1000 * aws_usage.SECONDS_PER_RECORD + 10 * aws_usage.INIT_SECONDS
    assert seconds(WORK, NOTHING, SIZE) == pytest.approx(expected)
    assert priced(WORK)["Lambda"] == pytest.approx(expected * 2 * 0.0000166667 + 50 * 0.0000002)


def test_calls_to_the_judge_are_waited_for_side_by_side() -> None:
    """25 calls of 4 s a batch, 16 at once: 6.25 s; a single one takes its 4 s."""
    alone = seconds(WORK, NOTHING, SIZE)
    calls = 40 * 25
    assert seconds(WORK, Judged(calls, 180 * calls), SIZE) - alone == pytest.approx(40 * 6.25)
    assert seconds(WORK, Judged(40, 180 * 40), SIZE) - alone == pytest.approx(40 * 4)
    assert seconds(WORK, Judged(5, 180 * 5), SIZE) - alone == pytest.approx(5 * 4)


def test_a_budget_is_counted_twice_a_call_and_cap() -> None:
    """1,000 claims; with both caps, 4 writes more for each of 500 calls."""
    assert priced(WORK, Judged(500, 0))["DynamoDB"] == pytest.approx(1000 * 0.625e-6)
    assert priced(WORK, Judged(500, 0, caps=2))["DynamoDB"] == pytest.approx(3000 * 0.625e-6)


def test_the_small_services() -> None:
    """Requests and bytes of S3, events, logs, X-Ray, and what MLflow keeps."""
    lines = priced(WORK)
    stored = 10 * 1700 + 40 * 450
    assert lines["S3"] == pytest.approx(40 * 0.000005 + 40 * 0.0000004 + stored / 1024**3 * 0.023)
    assert lines["EventBridge"] == pytest.approx(10 * 0.000001)
    logged = 50 * 2000 + 10 * 4400 + 40 * 2800
    assert lines["CloudWatch logs"] == pytest.approx(logged / 1024**3 * 0.5)
    assert lines["X-Ray"] == pytest.approx(50 * 0.000005)
    kept = 1000 * aws_usage.MLFLOW_BYTES_PER_TRACE + 4_000_000 * aws_usage.MLFLOW_BYTES_PER_BYTE
    assert mlflow_bytes(WORK) == kept
    assert lines["MLflow storage"] == pytest.approx(kept / 1024**3 * 0.023)


def test_a_deployment_costs_something_without_any_traffic() -> None:
    """35 metrics, 16 in alarms and a dashboard: 15.10 USD in a month of 730 hours."""
    (watched,) = standing(PRICES, None)
    assert watched.usd * 730 == pytest.approx(35 * 0.3 + 16 * 0.1 + 3)
    assert [line.usd for line in standing(PRICES, 0.6)][1:] == [0.6]


def test_the_function_sends_as_many_metrics_as_are_priced() -> None:
    """Those of every invocation, the cost of the judge, and what a map did not account for.

    Each is sent by endpoint and by deployment. One more tells of silence.
    """
    assert 2 * (len(SUMMARY_METRICS) + 1) + 1 == aws_usage.METRICS


def test_every_mistake_in_a_price_file_has_its_line(tmp_path: Path) -> None:
    """A wrong number and a service that is missing."""
    text = Path(aws_usage.__file__).with_name("aws_prices.yaml").read_text()
    file = tmp_path / "prices.yaml"
    file.write_text(text.replace("0.025", "cheap").partition("xray:")[0])
    with pytest.raises(InvalidAwsPricesError) as raised:
        AwsPrices.load(file)
    told = str(raised.value).splitlines()
    assert len(told) == 2
    assert "prices.yaml:1: `xray` is missing" in told[0]
    assert "`thousand_transitions` is 'cheap'; it must be a number of USD" in told[1]
