"""The environment of the function. The CDK stack sets exactly these variables (tested)."""

from __future__ import annotations

from functools import cache
from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from inference_monitor.config.caps import DEFAULT_USD_PER_DAY, Cap


class Settings(BaseSettings):
    """Read from `MONITOR_*`; a missing or invalid one fails the first invocation by its name."""

    model_config = SettingsConfigDict(env_prefix="MONITOR_", frozen=True)

    mlflow_tracking_uri: str
    """ARN of the MLflow App or tracking server."""

    experiment_name: str
    trace_store: Literal["auto", "spans", "artifacts"] = "auto"
    """Where the spans of traces go, see `traces.span_transport`."""

    endpoint_name: str
    """Whose files are processed, and those whose key does not carry an endpoint."""

    deployment: str
    """The prefix of the stack: metrics carry it, so that alarms watch their own deployment."""

    other_endpoints: Literal["skip", "include"] = "skip"
    """What becomes of other endpoints' files below the watched prefix."""

    judge_model: str
    """`bedrock:/<model or inference profile id>`; a scorer may name another."""

    results_bucket: str
    """The stack's own bucket: ledgers, quarantined lines, map results."""

    claims_table: str
    """The DynamoDB table in which deliveries claim traces."""

    counters_table: str
    """The DynamoDB table in which all workers count what is spent, and who is first in an hour."""

    judge_budget_usd_per_day: Cap = DEFAULT_USD_PER_DAY
    """What judging an endpoint may cost in a UTC day; `none`: as much as it does."""

    judge_budget_usd_per_run: Cap = None
    """What judging may cost in one execution of the workflow, or one direct invoke."""

    judge_prices: str = ""
    """Prices that go before those of `models.yaml`, see `scoring.own_prices`."""

    judge_requests_per_minute: float = Field(default=0, ge=0, allow_inf_nan=False)
    """Judge calls that all instances together may begin in a minute; 0: any."""

    judge_tokens_per_minute: float = Field(default=0, ge=0, allow_inf_nan=False)
    """The same for tokens as Bedrock counts them for a quota."""

    judge_concurrency: int = Field(ge=1, le=200)
    """Judge calls in flight at once in one function instance."""

    judge_timeout_seconds: float = Field(gt=0, le=900, allow_inf_nan=False)
    """The longest that a judge may take for one answer."""

    redaction: Literal["off", "patterns", "presidio"]
    """What replaces personal and secret text before it is scored or written, see `privacy`."""


@cache
def get_settings() -> Settings:
    """Read the environment on first use, never at import, so that tests can set it."""
    return Settings()
