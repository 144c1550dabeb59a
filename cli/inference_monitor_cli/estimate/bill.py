"""The estimate: traffic, judge calls and AWS services, priced."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise

from inference_monitor.config.models import ModelTable
from inference_monitor.config.scorers import ScorersConfig
from inference_monitor.config.specs import JudgedSpec, ScorerSpec, bedrock_model_id
from inference_monitor.domain import Record
from inference_monitor.inference import Choice, Inference, Kind, Request, Response, Source, Usage
from inference_monitor.scoring.selection import Selection, holds
from inference_monitor_cli.captures import CaptureFile
from inference_monitor_cli.deploy_settings import DeploySettings
from inference_monitor_cli.estimate.aws_prices import AwsPrices
from inference_monitor_cli.estimate.aws_usage import FunctionSize, Judged, Line, standing, usage
from inference_monitor_cli.estimate.traffic import Batching, Traffic, Work, assumed_work
from inference_monitor_cli.judge_plan import Planned, Planner, Ways
from inference_monitor_cli.problems import CommandError
from inference_monitor_cli.scorers_file import every_record

SOURCE = Source("assumed", "assumed", "assumed", "AllTraffic")

# As `text.estimate_tokens` counts English.
_CHARACTERS_PER_TOKEN = 4
# About what SageMaker and the OpenAI format write around the texts of a chat in samples/.
_ENVELOPE_BYTES = 900
_WORD = "word "


def chat(input_tokens: int, output_tokens: int) -> Inference:
    """One question and its answer, of so many tokens."""
    messages = [{"role": "user", "content": _text(input_tokens)}]
    usage = Usage(input_tokens, output_tokens)
    return Inference(
        "assumed",
        datetime.now(UTC),
        Kind.LLM,
        "openai_chat",
        Request("openai_chat", messages=messages),
        Response("openai_chat", choices=(Choice(_text(output_tokens)),), usage=usage),
    )


def chat_bytes(input_tokens: int, output_tokens: int) -> int:
    """What such a chat takes in a capture file."""
    return (input_tokens + output_tokens) * _CHARACTERS_PER_TOKEN + _ENVELOPE_BYTES


def _text(tokens: int) -> str:
    characters = tokens * _CHARACTERS_PER_TOKEN
    return (_WORD * (characters // len(_WORD) + 1))[:characters]


_HOURS = 24


@dataclass(slots=True)
class _Alike:
    """Records that the same hourly rules are about; `places` are their endpoints and variants."""

    records: int = 0
    sampled: Ways = field(default_factory=Ways)
    all: Ways = field(default_factory=Ways)
    places: set[tuple[str, str | None]] = field(default_factory=set)


class JudgeForecast:
    """Adds up records like those that will come."""

    def __init__(self, planner: Planner) -> None:
        self._planner = planner
        self._config = planner.config
        self._hourly = [rule for rule in self._config.always if rule.first_per_hour is not None]
        self._alike: dict[tuple[int, ...], _Alike] = {}
        self._records = 0

    def add(self, record: Record) -> None:
        """Take in one more record."""
        self._records += 1
        rules = tuple(i for i, rule in enumerate(self._hourly) if holds(rule.when, record))
        alike = self._alike.setdefault(rules, _Alike())
        alike.records += 1
        alike.places.add((record.source.endpoint, record.source.variant))
        if record.material is None:
            return
        fitting = fitting_judges(record, self._config)
        for specs, share in bands(record, fitting, self._config):
            alike.sampled.add(self._planner.ways(record, specs), share)
        if rules and fitting:
            alike.all.add(self._planner.ways(record, fitting))

    def per_day(self, records: float) -> Ways:
        """What so many records a day cost, hourly rules at the most that they can let in."""
        ways = Ways()
        for rules, alike in self._alike.items():
            scale = records / self._records
            first = self._first_share(rules, alike, scale)
            ways.add(alike.sampled, scale * (1 - first))
            ways.add(alike.all, scale * first)
        return ways

    def _first_share(self, rules: Sequence[int], alike: _Alike, scale: float) -> float:
        """The share of such records that come first in an hour, by one of the rules or another."""
        others = 1.0
        for index in rules:
            rule = self._hourly[index]
            # All records that the rule is about share its places.
            about = [a for held, a in self._alike.items() if index in held]
            places = set().union(*(a.places for a in about))
            most = (rule.first_per_hour or 0) * _HOURS * len(places)
            coming = scale * sum(a.records for a in about)
            others *= 1 - min(rule.sample_rate, most / coming)
        return 1 - others if alike.records else 0.0


def fitting_judges(record: Record, config: ScorersConfig) -> list[ScorerSpec]:
    """The judges whose conditions hold for a record, whatever their rate; one at 0 is off."""
    on = {spec.name for spec in config.scorers if spec.sample_rate}
    fitting = Selection((), None).choose(record, every_record(config).scorers)
    return [s for s in config.scorers if isinstance(s, JudgedSpec) and s.name in on
            and any(s.name == found.name for found in fitting)]  # fmt: skip


def bands(
    record: Record, fitting: Sequence[ScorerSpec], config: ScorersConfig
) -> Iterator[tuple[list[ScorerSpec], float]]:
    """Which of the scorers are asked together, for which share of such records.

    Of rules, those without `first_per_hour` count: they raise every scorer's rate.
    """
    rules = (rule for rule in config.always if rule.first_per_hour is None)
    least = max((rule.sample_rate for rule in rules if holds(rule.when, record)), default=0.0)
    rates = {spec.name: max(spec.sample_rate, least) for spec in fitting}
    levels = [*sorted(set(rates.values()), reverse=True), 0.0]
    for level, below in pairwise(levels):
        yield [spec for spec in fitting if rates[spec.name] >= level], level - below


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
