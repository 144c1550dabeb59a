"""What a record uses of AWS, and what that costs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from inference_monitor_cli.estimate.aws_prices import AwsPrices
from inference_monitor_cli.estimate.traffic import Work

# Measured with `python -m benchmarks.estimate` on two shared, busy cores, with MLflow 3.17.2 on
# sqlite on the same ones: the time of a batch whose judge answers at once, its waiting for MLflow
# included, and of importing the function in a fresh process. Rather too much than too little.
SECONDS_PER_BATCH = 0.33
SECONDS_PER_RECORD = 0.17
INIT_SECONDS = 7.8
# The same, of the database and artifacts of a trace with seven scores: so much for each, and so
# much for each byte that its line in the capture file has.
MLFLOW_BYTES_PER_TRACE = 12_000
MLFLOW_BYTES_PER_BYTE = 1.2
# Not measured, no Bedrock was asked: a second until a judge begins, then 60 tokens a second.
JUDGE_SECONDS = 1.0
JUDGE_TOKENS_PER_SECOND = 60

# The state machine (stacks/workflow.py, stacks/map_runs.py): states that are entered, and one
# transition for each execution that is started, as the children of a Distributed Map are.
TRANSITIONS_PER_FILE = 1 + 2  # EveryBatch, CloseLedger
TRANSITIONS_PER_BATCH = 1 + 1  # ScoreBatch or ScoreRange
TRANSITIONS_MORE_IF_RANGED = 2  # CutFile, EveryRange
# The function's invocations for a file besides its batches: it closes the ledger.
INVOCATIONS_PER_FILE = 1

# Objects: the manifest of a map run and its files of results, of which there are at most two here,
# and the ledger. They are read when the ledger is closed; the capture file is read by the map.
WRITES_PER_FILE, READS_PER_FILE = 4, 4
LEDGER_BYTES, RESULT_BYTES_PER_BATCH, MANIFEST_BYTES = 700, 450, 1_000

# One claim a record, below 1 KB. A budget is counted twice for each cap and call: when the call is
# reserved and when it is settled.
CLAIMS_PER_RECORD = 1
BUDGET_WRITES_PER_CALL = 2

# What the function and Lambda log for an invocation: a line of 600 bytes, 800 of metrics and some
# 500 of Lambda's own. Step Functions logs 11 events for a file and 7 for a batch,
# without what they carry, of about 400 bytes each.
LOG_BYTES_PER_INVOCATION = 2_000
LOG_BYTES_PER_FILE, LOG_BYTES_PER_BATCH = 11 * 400, 7 * 400

# The stack (tests/infra/test_estimate.py): alarms and dashboards; the function's metrics, by
# endpoint and by deployment, and the one of silence. An alarm on a share of another metric is
# priced as two.
ALARMS, DASHBOARDS, METRICS = 14, 1, 35
METRICS_IN_ALARMS = 16

HOURS_PER_MONTH = 730  # as AWS counts a month


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
