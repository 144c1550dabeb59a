"""Put an estimate together: the judge, and AWS around it. Needs MLflow's client."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from inference_monitor.inference import Inference
from inference_monitor.scoring.config import ScorersConfig
from inference_monitor.scoring.models import ModelTable
from inference_monitor.scoring.specs import bedrock_model_id
from inference_monitor_cli.assumed_chat import SOURCE, chat, chat_bytes
from inference_monitor_cli.aws_prices import AwsPrices
from inference_monitor_cli.aws_usage import FunctionSize, Judged, Line, standing, usage
from inference_monitor_cli.captures import CaptureFile
from inference_monitor_cli.deploy_settings import DeploySettings
from inference_monitor_cli.judge_forecast import JudgeForecast
from inference_monitor_cli.judge_plan import Planned, Planner
from inference_monitor_cli.judge_shares import Ways
from inference_monitor_cli.problems import CommandError
from inference_monitor_cli.traffic import Batching, Traffic, Work, assumed_work


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


@dataclass(slots=True)
class Estimate:
    """What is estimated: the captures once, if there are any, and a day of traffic."""

    parts: Parts
    days: float
    records_per_day: float
    per_day: Bill
    once: Bill | None = None
    counted: Traffic | None = None

    @property
    def unpriced(self) -> list[str]:
        """The ids of models without a known price."""
        bills = [bill for bill in (self.once, self.per_day) if bill]
        return sorted({bedrock_model_id(m) for b in bills for m in b.judge.configured.unpriced})


def of_captures(
    files: Sequence[CaptureFile],
    parts: Parts,
    records_per_day: float | None,
    days: float,
    show: Callable[[Traffic], None] = lambda _: None,
) -> Estimate:
    """Price captures, and traffic like theirs; `show` is called after each file.

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
    rate = traffic.records_per_day if records_per_day is None else records_per_day
    per_day = _bill(traffic.per_day(rate), forecast.per_day(rate), parts, hours=24)
    once = _bill(traffic.work, planned.ways, parts)
    return Estimate(parts, days, rate, per_day, once, traffic)


def of_rate(
    records_per_day: float, input_tokens: int, output_tokens: int, parts: Parts, days: float
) -> Estimate:
    """Price traffic of which only the rate and the size are known."""
    planner = parts.planner
    forecast = JudgeForecast(planner)
    forecast.add(planner.record(chat(input_tokens, output_tokens), SOURCE))
    size = chat_bytes(input_tokens, output_tokens)
    work = assumed_work(records_per_day, size, parts.batching)
    bill = _bill(work, forecast.per_day(records_per_day), parts, hours=24)
    return Estimate(parts, days, records_per_day, bill)


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
