"""What the chain uses of AWS to trace and score records, and what that costs.

Pure arithmetic with the figures of `aws_figures`. Retries are not in it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from inference_monitor_cli.estimate.aws_figures import (
    ALARMS,
    BUDGET_WRITES_PER_CALL,
    CLAIMS_PER_RECORD,
    DASHBOARDS,
    HOURS_PER_MONTH,
    INIT_SECONDS,
    INVOCATIONS_PER_FILE,
    JUDGE_SECONDS,
    JUDGE_TOKENS_PER_SECOND,
    LEDGER_BYTES,
    LOG_BYTES_PER_BATCH,
    LOG_BYTES_PER_FILE,
    LOG_BYTES_PER_INVOCATION,
    MANIFEST_BYTES,
    METRICS,
    METRICS_IN_ALARMS,
    MLFLOW_BYTES_PER_BYTE,
    MLFLOW_BYTES_PER_TRACE,
    READS_PER_FILE,
    RESULT_BYTES_PER_BATCH,
    SECONDS_PER_BATCH,
    SECONDS_PER_RECORD,
    TRANSITIONS_MORE_IF_RANGED,
    TRANSITIONS_PER_BATCH,
    TRANSITIONS_PER_FILE,
    WRITES_PER_FILE,
)
from inference_monitor_cli.estimate.aws_prices import AwsPrices
from inference_monitor_cli.estimate.traffic import Work

_MILLION, _THOUSAND, _GB = 1_000_000, 1_000, 1024**3


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the bill: what is used of a service, and what that costs."""

    service: str
    used: str
    usd: float


@dataclass(frozen=True, slots=True)
class Judged:
    """The calls to the judge, and what may be spent on it: so many caps are counted."""

    calls: float
    output_tokens: float
    caps: int = 0


@dataclass(frozen=True, slots=True)
class FunctionSize:
    """The settings LAMBDA_MEMORY_MB and JUDGE_CONCURRENCY."""

    memory_mb: int
    judge_concurrency: int


def seconds(work: Work, judged: Judged, size: FunctionSize) -> float:
    """How long the function runs; each file finds an instance that has to start first."""
    own = (work.batches + work.files + work.ranged) * SECONDS_PER_BATCH
    own += work.records * SECONDS_PER_RECORD + work.files * INIT_SECONDS
    if not (judged.calls and work.batches):
        return own
    call = JUDGE_SECONDS + judged.output_tokens / judged.calls / JUDGE_TOKENS_PER_SECOND
    # A batch takes one call's time at least, and more where its calls wait for one another.
    in_turn = max(1.0, judged.calls / work.batches / size.judge_concurrency)
    return own + min(work.batches, judged.calls) * in_turn * call


def mlflow_bytes(work: Work) -> float:
    """What MLflow keeps of the traces."""
    return work.records * MLFLOW_BYTES_PER_TRACE + work.bytes * MLFLOW_BYTES_PER_BYTE


def usage(
    work: Work, judged: Judged, size: FunctionSize, prices: AwsPrices, *, months: float = 1.0
) -> Iterator[Line]:
    """What tracing and scoring costs; what is stored by it is kept for so many months."""
    invocations = work.batches + work.ranged + work.files * INVOCATIONS_PER_FILE
    gb_seconds = seconds(work, judged, size) * size.memory_mb / 1024
    yield Line(
        "Lambda",
        f"{gb_seconds:,.0f} GB-seconds, {invocations:,.0f} requests",
        gb_seconds * prices.lambda_.gb_second
        + invocations / _MILLION * prices.lambda_.million_requests,
    )
    transitions = (
        work.files * TRANSITIONS_PER_FILE
        + work.batches * TRANSITIONS_PER_BATCH
        + work.ranged * TRANSITIONS_MORE_IF_RANGED
    )
    yield Line(
        "Step Functions",
        f"{transitions:,.0f} transitions",
        transitions / _THOUSAND * prices.step_functions.thousand_transitions,
    )
    yield _results(work, prices, months)
    writes = work.records * CLAIMS_PER_RECORD
    writes += judged.calls * BUDGET_WRITES_PER_CALL * judged.caps
    yield Line(
        "DynamoDB", f"{writes:,.0f} writes", writes / _MILLION * prices.dynamodb.million_writes
    )
    yield Line(
        "EventBridge",
        f"{work.files:,.0f} events",
        work.files / _MILLION * prices.eventbridge.million_events,
    )
    logs = invocations * LOG_BYTES_PER_INVOCATION
    logs += work.files * LOG_BYTES_PER_FILE + work.batches * LOG_BYTES_PER_BATCH
    yield Line(
        "CloudWatch logs", f"{logs / 1024**2:,.1f} MB", logs / _GB * prices.cloudwatch.gb_logs
    )
    traced = work.files + work.batches
    yield Line(
        "X-Ray",
        f"{traced:,.0f} traces at most",
        traced / _MILLION * prices.xray.million_traces,
    )
    kept = mlflow_bytes(work)
    yield Line(
        "MLflow storage",
        f"{kept / 1024**2:,.1f} MB, at the price of S3",
        kept / _GB * prices.s3.gb_month * months,
    )


def standing(prices: AwsPrices, mlflow_usd_per_hour: float | None) -> Iterator[Line]:
    """What a deployment costs in an hour though nothing is captured."""
    watch = prices.cloudwatch
    a_month = (
        METRICS * watch.metric_month
        + METRICS_IN_ALARMS * watch.alarm_month
        + DASHBOARDS * watch.dashboard_month
    )
    what = f"{METRICS} metrics, {ALARMS} alarms, {DASHBOARDS} dashboard"
    yield Line("CloudWatch", what, a_month / HOURS_PER_MONTH)
    if mlflow_usd_per_hour is not None:
        yield Line("MLflow server", f"${mlflow_usd_per_hour} an hour", mlflow_usd_per_hour)


def _results(work: Work, prices: AwsPrices, months: float) -> Line:
    writes = work.files * WRITES_PER_FILE
    # A child of a map over ranges reads its own part of the capture file.
    reads = work.files * READS_PER_FILE + (work.batches if work.ranged else 0)
    stored = work.files * (LEDGER_BYTES + MANIFEST_BYTES) + work.batches * RESULT_BYTES_PER_BATCH
    usd = writes / _THOUSAND * prices.s3.thousand_writes
    usd += reads / _THOUSAND * prices.s3.thousand_reads
    usd += stored / _GB * prices.s3.gb_month * months
    used = f"{writes:,.0f} writes, {reads:,.0f} reads, {stored / 1024**2:,.1f} MB"
    return Line("S3", used, usd)
