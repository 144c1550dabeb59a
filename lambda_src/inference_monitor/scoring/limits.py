"""Make what limits judging in a deployment: pace, prices, caps, and who is first in an hour."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, lru_cache

import boto3
from botocore.config import Config

from inference_monitor.config.caps import Caps
from inference_monitor.config.models import ModelTable, model_table
from inference_monitor.config.own_prices import parse_prices
from inference_monitor.counters import DynamoCounters
from inference_monitor.scoring.cost.budget import Budget, CappedBudget, Unlimited
from inference_monitor.scoring.first_of_hour import CountedFirstOfHour, FirstOfHour
from inference_monitor.scoring.judge.pace import Pace
from inference_monitor.scoring.judge.slots import SharedSlots
from inference_monitor.settings import Settings

# Runs of which an instance of the function remembers a refusal.
_RUNS = 32


def build_prices(settings: Settings) -> ModelTable:
    """The price table of the image, behind the prices of this deployment."""
    return model_table().with_own(parse_prices(settings.judge_prices))


def build_pace(settings: Settings) -> Pace:
    """How fast this instance may ask the judge; the limits are those of all instances."""
    requests = settings.judge_requests_per_minute or None
    tokens = settings.judge_tokens_per_minute or None
    if requests is None and tokens is None:
        return Pace()
    return Pace(requests, tokens, slots=SharedSlots(_quotas(settings.counters_table)))


def build_budget(settings: Settings) -> Callable[[str, str], Budget]:
    """What gives the budget of an endpoint and a run, the same one each time.

    The run is the execution that brought the records, or a direct invoke's request: not a
    `Delivery.id`, of which an execution has one for each batch.
    """
    caps = Caps(settings.judge_budget_usd_per_day, settings.judge_budget_usd_per_run)
    if caps == Caps():
        return lambda _endpoint, _run: Unlimited()
    counters = _counters(settings.counters_table, settings.judge_concurrency)

    @lru_cache(_RUNS)
    def budget(endpoint: str, run: str) -> Budget:
        return CappedBudget(counters, endpoint, run, caps)

    return budget


def build_first_of_hour(settings: Settings) -> FirstOfHour:
    """Who is first in an hour, for all scorers of this instance."""
    return CountedFirstOfHour(_counters(settings.counters_table, settings.judge_concurrency))


def _quotas(table: str) -> DynamoCounters:
    # A thread that asks for its turn keeps the others waiting, and can do without an answer.
    config = Config(
        connect_timeout=1, read_timeout=1, retries={"mode": "standard", "total_max_attempts": 2}
    )
    return DynamoCounters(boto3.client("dynamodb", config=config), table)


@cache
def _counters(table: str, threads: int) -> DynamoCounters:
    # A write takes milliseconds. botocore's own 60 s would let one lost answer use up the time that
    # was meant for the judge.
    config = Config(
        connect_timeout=2,
        read_timeout=3,
        max_pool_connections=threads,
        retries={"mode": "standard", "total_max_attempts": 4},
    )
    return DynamoCounters(boto3.client("dynamodb", config=config), table)
