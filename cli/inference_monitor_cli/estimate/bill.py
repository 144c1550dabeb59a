"""Put an estimate together: the judge, and AWS around it. Needs MLflow's client."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from inference_monitor.config.models import ModelTable
from inference_monitor.config.scorers import ScorersConfig
from inference_monitor.config.specs import bedrock_model_id
from inference_monitor.inference import Inference
from inference_monitor_cli.captures import CaptureFile
from inference_monitor_cli.deploy_settings import DeploySettings
from inference_monitor_cli.estimate.assumed_chat import SOURCE, chat, chat_bytes
from inference_monitor_cli.estimate.aws_prices import AwsPrices
from inference_monitor_cli.estimate.aws_usage import FunctionSize, Judged, Line, standing, usage
from inference_monitor_cli.estimate.judge_forecast import JudgeForecast
from inference_monitor_cli.estimate.traffic import Batching, Traffic, Work, assumed_work
from inference_monitor_cli.judge_plan import Planned, Planner
from inference_monitor_cli.judge_shares import Ways
from inference_monitor_cli.problems import CommandError


@dataclass(frozen=True, slots=True)
class Parts:
    """What an estimate is made with."""

    config: ScorersConfig
    settings: DeploySettings
    prices: ModelTable
    aws: AwsPrices
    mlflow_usd_per_hour: float | None = None

    @property
    def batching(self) -> Batching:
        """How files are cut up."""
        return Batching(self.settings.batch_max_items, self.settings.batch_max_bytes)

    @property
    def planner(self) -> Planner:
        """What plans the judge's calls."""
        return Planner(self.config, self.settings.bedrock_model_id, self.prices)


@dataclass(frozen=True, slots=True)
class Bill:
    """What some work costs: the judge, and the services line by line."""

    work: Work
    judge: Ways
    lines: list[Line]
    batch: float

    @property
    def usd(self) -> float:
        """All of it, judged as it is configured."""
        return self.judge.configured.usd + sum(line.usd for line in self.lines)


@dataclass(frozen=True, slots=True)
class Rate:
    """How many records come in a day, and how many a capture file holds; None: not told."""

    per_day: float | None = None
    per_file: float | None = None


@dataclass(slots=True)
class Estimate:
    """What is estimated: the captures once, if there are any, and a day of traffic."""

    parts: Parts
    days: float
    rate: Rate
    per_day: Bill
    once: Bill | None = None
    counted: Traffic | None = None

    @property
    def records_per_day(self) -> float:
        """The inferences of the day that is priced."""
        return self.per_day.work.records

    @property
    def unpriced(self) -> list[str]:
        """The ids of models without a known price."""
        bills = [bill for bill in (self.once, self.per_day) if bill]
        return sorted({bedrock_model_id(m) for b in bills for m in b.judge.configured.unpriced})


def of_captures(
    files: Sequence[CaptureFile],
    parts: Parts,
    rate: Rate,
    days: float,
    show: Callable[[Traffic], None] = lambda _: None,
) -> Estimate:
    """Price captures, and traffic like theirs; `show` is called after each file.

    What `rate` leaves out is as it is in the captures.

    Raises:
        CommandError: If no inference is in them.
        OSError, MonitorError: If a file cannot be read.
    """
    planner, traffic = parts.planner, Traffic(parts.batching)
    planned, forecast = Planned(planner), JudgeForecast(planner)
    for file in files:
        source = file.source
        for entry in file.entries():
            traffic.add(entry)
            if isinstance(entry.record, Inference):
                record = planner.record(entry.record, source)
                planned.add(record)
                forecast.add(record)
        traffic.end_file()
        show(traffic)
    if not traffic.records:
        raise CommandError(f"no inference is in the {traffic.files} files")
    records = traffic.records_per_day if rate.per_day is None else rate.per_day
    work = traffic.per_day(records, rate.per_file)
    per_day = _bill(work, forecast.per_day(records), parts, hours=24)
    once = _bill(traffic.work, planned.ways, parts)
    return Estimate(parts, days, Rate(records, rate.per_file), per_day, once, traffic)


def of_rate(
    rate: Rate, input_tokens: int, output_tokens: int, parts: Parts, days: float
) -> Estimate:
    """Price traffic of which only the rate, which must be told, and the size are known."""
    planner = parts.planner
    forecast = JudgeForecast(planner)
    forecast.add(planner.record(chat(input_tokens, output_tokens), SOURCE))
    size = chat_bytes(input_tokens, output_tokens)
    records = rate.per_day or 0.0
    work = assumed_work(records, size, parts.batching, rate.per_file)
    bill = _bill(work, forecast.per_day(records), parts, hours=24)
    return Estimate(parts, days, rate, bill)


def _bill(work: Work, judge: Ways, parts: Parts, hours: int = 0) -> Bill:
    settings = parts.settings
    caps = sum(
        cap is not None
        for cap in (settings.judge_budget_usd_per_day, settings.judge_budget_usd_per_run)
    )
    judged = Judged(judge.configured.calls, judge.configured.output_tokens, caps)
    size = FunctionSize(settings.lambda_memory_mb, settings.judge_concurrency)
    lines = list(usage(work, judged, size, parts.aws))
    if hours:
        for line in standing(parts.aws, parts.mlflow_usd_per_hour):
            lines.append(Line(line.service, line.used, hours * line.usd))  # noqa: PERF401
    return Bill(work, judge, lines, parts.prices.batch)
