"""The prices of AWS services, from a file with the date, the Region and a source for each."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from inference_monitor.config.yaml_file import ConfigFile
from inference_monitor.errors import MonitorError

PRICES_FILE = Path(__file__).with_name("aws_prices.yaml")

Usd = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class InvalidAwsPricesError(MonitorError):
    """The price file cannot be used; one line for each problem, with the file's line number."""


class _Service(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    source: str


class LambdaPrices(_Service):
    """Of memory for a time, and of requests."""

    gb_second: Usd
    million_requests: Usd


class StepFunctionsPrices(_Service):
    """Of a Standard workflow's state transitions."""

    thousand_transitions: Usd


class S3Prices(_Service):
    """Of requests that write or read, and of storage."""

    thousand_writes: Usd
    thousand_reads: Usd
    gb_month: Usd


class DynamoDbPrices(_Service):
    """Of write request units."""

    million_writes: Usd


class EventBridgePrices(_Service):
    """Of events."""

    million_events: Usd


class CloudWatchPrices(_Service):
    """Of metrics of one's own, alarms, dashboards, and logs that are taken in."""

    metric_month: Usd
    alarm_month: Usd
    dashboard_month: Usd
    gb_logs: Usd


class XRayPrices(_Service):
    """Of traces that are recorded."""

    million_traces: Usd


class AwsPrices(BaseModel):
    """What the services cost in one Region."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    as_of: date
    region: str
    lambda_: LambdaPrices = Field(alias="lambda")
    step_functions: StepFunctionsPrices
    s3: S3Prices
    dynamodb: DynamoDbPrices
    eventbridge: EventBridgePrices
    cloudwatch: CloudWatchPrices
    xray: XRayPrices

    @staticmethod
    def load(path: Path = PRICES_FILE) -> AwsPrices:
        """Read a price file.

        Raises:
            InvalidAwsPricesError: If the file is none.
        """
        return _FILE.read(path)


_SERVICES = ("lambda", "step_functions", "s3", "dynamodb", "eventbridge", "cloudwatch", "xray")
_PRICES = (
    "gb_second", "million_requests", "thousand_transitions", "thousand_writes", "thousand_reads",
    "gb_month", "million_writes", "million_events", "metric_month", "alarm_month",
    "dashboard_month", "gb_logs", "million_traces",
)  # fmt: skip
_FILE = ConfigFile(
    AwsPrices,
    InvalidAwsPricesError,
    {
        "": f"a mapping with as_of, region, {', '.join(_SERVICES)}",
        "as_of": "a date, e.g. 2026-11-24",
        "region": "an AWS Region, e.g. eu-west-1",
        "source": "where the prices are from, as text",
        **dict.fromkeys(_SERVICES, "a mapping of the service's prices, with `source`"),
        **dict.fromkeys(_PRICES, "a number of USD"),
    },
    {},
)
