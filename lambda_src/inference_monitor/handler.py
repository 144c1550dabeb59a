"""The Lambda function: an event in, a summary of counts out.

The only place that builds the adapters. A failure is raised, never answered: Step Functions
decides by the name of the error.
"""

from __future__ import annotations

import hashlib
import json
import time
import warnings
from contextlib import suppress
from dataclasses import asdict
from functools import cache
from typing import TYPE_CHECKING, Any

import boto3
from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from inference_monitor.capture.reader import read_documents
from inference_monitor.capture.source import source_of
from inference_monitor.claims import DynamoClaims
from inference_monitor.config.scorers import load_scorers
from inference_monitor.delivery import Delivery
from inference_monitor.errors import (
    BatchNotStartedError,
    InvalidEventError,
    MissingFileError,
    UnbalancedLedgerError,
)
from inference_monitor.events import (
    Batch,
    CaptureFile,
    CutFile,
    FailedExecution,
    MapRun,
    parse_event,
)
from inference_monitor.inference import Source
from inference_monitor.ledger import Summary
from inference_monitor.metric_names import FOREIGN, JUDGE_COST, NAMESPACE, SERVICE, UNACCOUNTED
from inference_monitor.privacy.build import build_redaction
from inference_monitor.scoring.build import SCORERS_FILE, build_scorers
from inference_monitor.scoring.judge.client import bedrock_client
from inference_monitor.scoring.limits import (
    build_budget,
    build_first_of_hour,
    build_pace,
    build_prices,
)
from inference_monitor.service import Monitor
from inference_monitor.settings import get_settings
from inference_monitor.storage import S3Results, cut_file, read_entries
from inference_monitor.traces.store import MlflowTraceStore

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

logger = Logger(SERVICE)
metrics = Metrics(service=SERVICE, namespace=NAMESPACE)
tracer = Tracer(SERVICE)

# An invocation that fails counts nothing: its retry will.
warnings.filterwarnings("ignore", "No application metrics to publish")

COUNTED = (
    "captured", "traced", "duplicate", "skipped", "quarantined", "scored", "unscored",
    "budget_exhausted", "judge_unavailable", "judge_refused", "judge_declined", "judge_unreadable",
    "empty_answers", "judge_calls", "foreign",
)  # fmt: skip


_OF_TASKS = ("States.Timeout", "States.TaskFailed")


# Time kept back from scoring, so that what is done can be written before Lambda ends the function.
WRITE_SECONDS = 60


# Answers and events hold what people typed: neither is put into traces or logs.
@logger.inject_lambda_context(clear_state=True, log_event=False)
@tracer.capture_lambda_handler(capture_response=False)
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any] | list[Any]:
    """Process a batch of records or a capture file, cut a file up, or close a map's ledger.

    Returns:
        The counts of `ledger.Summary` by name; for a file to be cut, its ranges.

    Raises:
        InvalidEventError: If the event has no known shape.
        TransientError: After everything was tried, if a part should be tried again.
        UnbalancedLedgerError: If batches of a finished map failed.
        BatchNotStartedError: If one of them failed before it was handed over.
    """
    request = parse_event(event)
    source = source_of(request.bucket, request.key, get_settings().endpoint_name)
    logger.append_keys(source=source.uri)
    if isinstance(request, CutFile):
        return [asdict(part) for part in cut_file(_s3(), request.bucket, request.key)]
    if isinstance(request, MapRun):
        summary = _close_ledger(source, request)
    elif isinstance(request, FailedExecution):
        summary = _close_failed(source, request)
    else:
        summary = _process(source, request, context)
    logger.info("done", extra={"summary": summary.as_dict()})
    return summary.as_dict()


def _process(source: Source, request: Batch | CaptureFile, context: LambdaContext) -> Summary:
    if isinstance(request, Batch):
        entries = read_documents(request.items)
    else:
        entries = read_entries(_s3(), request.bucket, request.key, request.range)
    summary = build_monitor().process(source, entries, _delivery(request, context))
    if isinstance(request, CaptureFile) and request.range is None:
        _results().write_ledger(source, summary)
    _count(source, summary)
    return summary


def _close_ledger(source: Source, run: MapRun) -> Summary:
    """Add up the batches of a map; what its failed batches held is captured, but nothing else."""
    succeeded, failed = _results().read_map_results(run.manifest_bucket, run.manifest_key)
    if any(map(_is_not_started, failed)):
        raise BatchNotStartedError(
            f"{source.uri}: Step Functions could not hand over a batch: reading the file in ranges"
        )
    summary = Summary()
    for counts in succeeded:
        summary += Summary.from_dict(counts)
    lost = sum(_records_of(json.loads(execution["Input"])) for execution in failed)
    summary.captured += lost
    _results().write_ledger(source, summary)
    _count_unaccounted(source, lost)
    if not summary.balanced:
        raise UnbalancedLedgerError(
            f"{source.uri}: {lost} of {summary.captured} records were in batches that failed, as "
            f"listed beside s3://{run.manifest_bucket}/{run.manifest_key}. "
            "Send them again with `inference-monitor replay --failed-batches`, or start the "
            "execution again with the same input: what is written stays as it is"
        )
    return summary


def _close_failed(source: Source, execution: FailedExecution) -> Summary:
    """Close the ledger of an execution that ended before it could: all of its lines are missing.

    What its batches have written is not known here. `replay --failed-batches`, a redrive, or the
    next execution over the file puts the ledger right. One that is there stays: this event may come
    late, or twice, after one of them has.
    """
    summary = Summary()
    if execution.error == UnbalancedLedgerError.__name__:
        return summary  # it has closed its ledger itself
    with suppress(MissingFileError):
        entries = read_entries(_s3(), source.bucket, source.key)
        summary.captured = sum(1 for _ in entries)
        if _results().write_first_ledger(source, summary):
            _count_unaccounted(source, summary.captured)
    return summary


def _count_unaccounted(source: Source, lost: int) -> None:
    _add_dimensions(source.endpoint)
    metrics.add_metric(UNACCOUNTED, MetricUnit.Count, lost)


def _is_not_started(execution: dict[str, Any]) -> bool:
    """Whether Step Functions has failed a batch by itself, or does not say what was in it.

    Its own errors begin with `States.`; the two that are about a task are told apart. A range is
    small enough for it, and is what a batch is replaced with.
    """
    try:
        is_range = isinstance(parse_event(json.loads(execution["Input"])), CaptureFile)
    except (InvalidEventError, KeyError, TypeError, ValueError):
        return True
    error = str(execution.get("Error", ""))
    return not is_range and error.startswith("States.") and error not in _OF_TASKS


def _records_of(child_input: dict[str, Any]) -> int:
    """How many records a child of a map was to process: those it carried, or those of its range."""
    request = parse_event(child_input)
    if isinstance(request, Batch):
        return len(request.items)
    if isinstance(request, CaptureFile):
        return sum(1 for _ in read_entries(_s3(), request.bucket, request.key, request.range))
    return 0


def _delivery(request: Batch | CaptureFile, context: LambdaContext) -> Delivery:
    """The same id for every attempt at the same records: Step Functions' retries, Lambda's own."""
    brought_by = request.execution or context.aws_request_id
    if isinstance(request, Batch):
        records: Any = request.items
    else:
        records = [request.bucket, request.key, request.range and request.range.start]
    digest = hashlib.sha256(json.dumps([brought_by, records]).encode()).hexdigest()
    left = context.get_remaining_time_in_millis() / 1000
    deadline = time.monotonic() + left - min(WRITE_SECONDS, left / 5)
    wanted = request.wanted
    return Delivery(digest[:16], left, deadline, wanted.scoring, wanted.scorers, brought_by)


def _count(source: Source, summary: Summary) -> None:
    if summary.foreign:
        # It is this deployment that met them; nothing else of it was at work.
        _add_dimensions(get_settings().endpoint_name)
        metrics.add_metric(FOREIGN, MetricUnit.Count, summary.foreign)
        return
    _add_dimensions(source.endpoint)
    for name in COUNTED:
        metrics.add_metric(name.title().replace("_", ""), MetricUnit.Count, getattr(summary, name))
    metrics.add_metric(JUDGE_COST, MetricUnit.NoUnit, summary.judge_cost_usd)


def _add_dimensions(endpoint: str) -> None:
    metrics.add_dimension("endpoint", endpoint)
    metrics.add_dimensions(service=SERVICE, deployment=get_settings().deployment)


@cache
def build_monitor() -> Monitor:
    """The service with its real adapters, made once for all invocations of this instance."""
    settings = get_settings()
    scorers = build_scorers(
        load_scorers(SCORERS_FILE),
        bedrock_client(settings.judge_concurrency, read_timeout=settings.judge_timeout_seconds),
        default_model=settings.judge_model,
        concurrency=settings.judge_concurrency,
        prices=build_prices(settings),
        pace=build_pace(settings),
        budgets=build_budget(settings),
        first_of_hour=build_first_of_hour(settings),
    )
    traces = MlflowTraceStore(
        settings.mlflow_tracking_uri, settings.experiment_name, settings.trace_store
    )
    claims = DynamoClaims(boto3.client("dynamodb"), settings.claims_table)
    return Monitor(
        traces,
        claims,
        scorers,
        _results(),
        build_redaction(settings.redaction),
        other_endpoints=settings.other_endpoints == "include",
    )


@cache
def _results() -> S3Results:
    return S3Results(_s3(), get_settings().results_bucket)


@cache
def _s3() -> S3Client:
    return boto3.client("s3")
