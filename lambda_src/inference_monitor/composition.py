"""Assemble the function: the only module that makes its clients and adapters.

Each part is made once for all invocations of an instance.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, lru_cache, partial
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config

from inference_monitor.capture.s3 import count_entries
from inference_monitor.claims import DynamoClaims
from inference_monitor.config.caps import Caps
from inference_monitor.config.models import ModelTable, model_table, parse_prices
from inference_monitor.config.scorers import load_scorers
from inference_monitor.counters import DynamoCounters
from inference_monitor.ledger_closing import LedgerClosing
from inference_monitor.privacy.build import build_redaction
from inference_monitor.results import S3Results
from inference_monitor.scoring.build import SCORERS_FILE, build_scorers
from inference_monitor.scoring.cost.budget import Budget, CappedBudget, Unlimited
from inference_monitor.scoring.first_of_hour import CountedFirstOfHour
from inference_monitor.scoring.judge.client import bedrock_client
from inference_monitor.scoring.judge.rate_limit import Pace
from inference_monitor.scoring.judge.shared_limit import SharedSlots
from inference_monitor.service import Monitor
from inference_monitor.settings import Settings, get_settings
from inference_monitor.traces.store import MlflowTraceStore

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

# Runs whose refusals an instance remembers.
_RUNS = 32


@cache
def build_monitor() -> Monitor:
    """The service that processes records."""
    settings = get_settings()
    counters = _counters(settings.counters_table, settings.judge_concurrency)
    scorers = build_scorers(
        load_scorers(SCORERS_FILE),
        bedrock_client(settings.judge_concurrency, read_timeout=settings.judge_timeout_seconds),
        default_model=settings.judge_model,
        concurrency=settings.judge_concurrency,
        prices=build_prices(settings),
        pace=build_pace(settings),
        budgets=_build_budgets(settings, counters),
        first_of_hour=CountedFirstOfHour(counters),
    )
    traces = MlflowTraceStore(
        settings.mlflow_tracking_uri, settings.experiment_name, settings.trace_store
    )
    return Monitor(
        traces,
        DynamoClaims(boto3.client("dynamodb"), settings.claims_table),
        scorers,
        build_results(),
        build_redaction(settings.redaction),
        other_endpoints=settings.other_endpoints == "include",
    )


@cache
def build_ledger_closing() -> LedgerClosing:
    """The service that closes ledgers. It needs neither MLflow nor a judge."""
    return LedgerClosing(build_results(), partial(count_entries, build_s3()))


@cache
def build_results() -> S3Results:
    """The results bucket."""
    return S3Results(build_s3(), get_settings().results_bucket)


@cache
def build_s3() -> S3Client:
    """The client for capture files and the results bucket."""
    return boto3.client("s3")


def build_prices(settings: Settings) -> ModelTable:
    """The model table of the image; the prices of this deployment take precedence."""
    return model_table().with_own(parse_prices(settings.judge_prices))


def build_pace(settings: Settings) -> Pace:
    """The rate limit of judge calls, which all instances share."""
    requests = settings.judge_requests_per_minute or None
    tokens = settings.judge_tokens_per_minute or None
    if requests is None and tokens is None:
        return Pace()
    # A thread that waits for its turn keeps the others waiting, and can do without an answer.
    config = Config(
        connect_timeout=1, read_timeout=1, retries={"mode": "standard", "total_max_attempts": 2}
    )
    counters = DynamoCounters(boto3.client("dynamodb", config=config), settings.counters_table)
    return Pace(requests, tokens, slots=SharedSlots(counters))


def _build_budgets(settings: Settings, counters: DynamoCounters) -> Callable[[str, str], Budget]:
    """The budget of an endpoint and a run, the same object each time.

    The run is the execution that sent the records, or a direct invoke's request: not a
    `Delivery.id`, of which an execution has one for each batch.
    """
    caps = Caps(settings.judge_budget_usd_per_day, settings.judge_budget_usd_per_run)
    if caps == Caps():
        return lambda _endpoint, _run: Unlimited()

    @lru_cache(_RUNS)
    def budget(endpoint: str, run: str) -> Budget:
        return CappedBudget(counters, endpoint, run, caps)

    return budget


def _counters(table: str, threads: int) -> DynamoCounters:
    # A write takes milliseconds. With botocore's default of 60 s, one lost answer would use up the
    # time for the judge.
    config = Config(
        connect_timeout=2,
        read_timeout=3,
        max_pool_connections=threads,
        retries={"mode": "standard", "total_max_attempts": 4},
    )
    return DynamoCounters(boto3.client("dynamodb", config=config), table)
