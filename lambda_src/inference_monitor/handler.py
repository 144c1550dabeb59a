"""The Lambda function: an event in, one call of a service, its counts out as answer and metrics.

Failures are raised: Step Functions decides by the name of the error.
"""

from __future__ import annotations

import hashlib
import json
import time
import warnings
from dataclasses import asdict
from typing import Any

from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from inference_monitor import composition
from inference_monitor.capture.reader import read_documents
from inference_monitor.capture.s3 import cut_file, read_entries
from inference_monitor.capture.source import source_of
from inference_monitor.domain import Delivery
from inference_monitor.errors import UnbalancedLedgerError
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
from inference_monitor.metric_names import (
    FOREIGN,
    JUDGE_COST,
    NAMESPACE,
    SERVICE,
    SUMMARY_METRICS,
    UNACCOUNTED,
)
from inference_monitor.settings import get_settings

logger = Logger(SERVICE)
metrics = Metrics(service=SERVICE, namespace=NAMESPACE)
tracer = Tracer(SERVICE)

# An invocation that fails counts nothing: its retry will.
warnings.filterwarnings("ignore", "No application metrics to publish")

WRITE_SECONDS = 60
"""Time kept back from scoring, so that results can be written before Lambda ends the function."""


# Answers and events hold what people typed: neither is put into traces or logs.
@logger.inject_lambda_context(clear_state=True, log_event=False)
@tracer.capture_lambda_handler(capture_response=False)
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any] | list[Any]:
    """Process a batch of records or a capture file, cut a file into ranges, or close a ledger.

    Returns:
        The counts of `ledger.Summary` by name; for a file to be cut, its ranges.

    Raises:
        InvalidEventError: If the event has no known shape.
        TransientError: After everything was tried, if a part should be tried again.
        UnbalancedLedgerError: If batches of a finished map failed.
        BatchNotStartedError: If one of them failed before the function got it.
    """
    request = parse_event(event)
    source = source_of(request.bucket, request.key, get_settings().endpoint_name)
    logger.append_keys(source=source.uri)
    if isinstance(request, CutFile):
        parts = cut_file(composition.build_s3(), request.bucket, request.key)
        return [asdict(part) for part in parts]
    if isinstance(request, MapRun | FailedExecution):
        summary = _close_ledger(source, request)
    else:
        summary = _process(source, request, context)
    logger.info("done", extra={"summary": summary.as_dict()})
    return summary.as_dict()


def _process(source: Source, request: Batch | CaptureFile, context: LambdaContext) -> Summary:
    if isinstance(request, Batch):
        entries = read_documents(request.items)
    else:
        s3 = composition.build_s3()
        entries = read_entries(s3, request.bucket, request.key, request.range)
    summary = composition.build_monitor().process(
        source,
        entries,
        _delivery(request, context),
        whole_file=isinstance(request, CaptureFile) and request.range is None,
    )
    _count(source, summary)
    return summary


def _close_ledger(source: Source, request: MapRun | FailedExecution) -> Summary:
    closing = composition.build_ledger_closing()
    try:
        if isinstance(request, MapRun):
            logger.append_keys(map_run=request.map_run)
            closed = closing.close_map(source, request)
        else:
            closed = closing.close_failed(source, request)
    except UnbalancedLedgerError as error:
        _count_unaccounted(source, error.unaccounted)
        raise
    if closed.unaccounted is not None:
        _count_unaccounted(source, closed.unaccounted)
    return closed.summary


def _delivery(request: Batch | CaptureFile, context: LambdaContext) -> Delivery:
    """The same id for every attempt at the same records: Step Functions' retries, Lambda's own."""
    run = request.execution or context.aws_request_id
    if isinstance(request, Batch):
        records: Any = request.items
    else:
        records = [request.bucket, request.key, request.range and request.range.start]
    digest = hashlib.sha256(json.dumps([run, records]).encode()).hexdigest()
    left = context.get_remaining_time_in_millis() / 1000
    return Delivery(
        id=digest[:16],
        seconds_left=left,
        scoring_deadline=time.monotonic() + left - min(WRITE_SECONDS, left / 5),
        scoring=request.wanted.scoring,
        scorers=request.wanted.scorers,
        run=run,
    )


def _count(source: Source, summary: Summary) -> None:
    if summary.foreign:
        # The endpoint of the file is another one: count for the deployment that received it.
        _add_dimensions(get_settings().endpoint_name)
        metrics.add_metric(FOREIGN, MetricUnit.Count, summary.foreign)
        return
    _add_dimensions(source.endpoint)
    for field, metric in SUMMARY_METRICS.items():
        unit = MetricUnit.NoUnit if metric == JUDGE_COST else MetricUnit.Count
        metrics.add_metric(metric, unit, getattr(summary, field))


def _count_unaccounted(source: Source, lost: int) -> None:
    _add_dimensions(source.endpoint)
    metrics.add_metric(UNACCOUNTED, MetricUnit.Count, lost)


def _add_dimensions(endpoint: str) -> None:
    metrics.add_dimension("endpoint", endpoint)
    metrics.add_dimensions(service=SERVICE, deployment=get_settings().deployment)
