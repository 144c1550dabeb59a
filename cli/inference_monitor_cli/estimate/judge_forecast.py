"""What judging records that are still to come will cost, from records like them.

A record of the sample stands for all that are like it, so its scorers are not drawn: each counts
with its rate. Samples are nested, so scorers with different rates are asked together for some
records and alone for others, which matters for a panel.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from inference_monitor.config.scorers import ScorersConfig
from inference_monitor.config.specs import JudgedSpec, ScorerSpec
from inference_monitor.domain import Record
from inference_monitor.scoring.selection import Selection, holds
from inference_monitor_cli.judge_plan import Planner
from inference_monitor_cli.judge_shares import Ways
from inference_monitor_cli.scorers_file import every_record

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
