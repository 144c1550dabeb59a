"""Plan the judge calls of records as the function does, and share their cost among scorers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Self

from inference_monitor.config.models import ModelTable
from inference_monitor.config.scorers import ScorersConfig
from inference_monitor.config.specs import JudgedSpec, ScorerSpec
from inference_monitor.domain import Record
from inference_monitor.inference import Inference, Source
from inference_monitor.scoring.cost.forecast import Forecast
from inference_monitor.scoring.judge.calls import JudgeCall, plan_calls
from inference_monitor.scoring.judge.prompts import Criterion, criteria
from inference_monitor.scoring.record import with_materials
from inference_monitor.scoring.selection import Selection
from inference_monitor_cli.scorers_file import judged

if TYPE_CHECKING:
    from inference_monitor.scoring.judge.calls import JudgeCall


@dataclass(slots=True)
class Share:
    """What one scorer asks of one model; of a call with others, its equal part.

    `records` are judged by it. `usd` is None where the model has no known price.
    """

    records: float = 0.0
    calls: float = 0.0
    input_tokens: float = 0.0
    output_tokens: float = 0.0
    usd: float | None = 0.0

    def add(self, other: Share, times: float = 1.0) -> None:
        """Add another share, so many times."""
        self.records += times * other.records
        self.calls += times * other.calls
        self.input_tokens += times * other.input_tokens
        self.output_tokens += times * other.output_tokens
        if self.usd is not None:
            self.usd = None if other.usd is None else self.usd + times * other.usd


@dataclass(slots=True)
class Shares:
    """The shares of all scorers, by scorer and model (`bedrock:/…`)."""

    by_scorer: dict[tuple[str, str], Share] = field(default_factory=dict)

    def add(self, other: Shares, times: float = 1.0) -> None:
        """Add those of others, so many times."""
        for key, share in other.by_scorer.items():
            self.by_scorer.setdefault(key, Share()).add(share, times)

    def times(self, factor: float) -> Shares:
        """The same, so many times."""
        result = Shares()
        result.add(self, factor)
        return result

    @property
    def unpriced(self) -> list[str]:
        """Models that are asked and have no known price."""
        return sorted({model for (_, model), s in self.by_scorer.items() if s.usd is None})

    @property
    def calls(self) -> float:
        """How many calls."""
        return sum(share.calls for share in self.by_scorer.values())

    @property
    def input_tokens(self) -> float:
        """What is sent."""
        return sum(share.input_tokens for share in self.by_scorer.values())

    @property
    def output_tokens(self) -> float:
        """What is answered."""
        return sum(share.output_tokens for share in self.by_scorer.values())

    @property
    def usd(self) -> float:
        """What calls with a known price cost."""
        return sum(share.usd or 0.0 for share in self.by_scorer.values())


def shares_of(calls: Iterable[JudgeCall], forecast: Forecast) -> Shares:
    """What calls will cost, as far as it is known before their answers.

    Calls about several answers of an inference are about one record.
    """
    shares = Shares()
    seen: set[tuple[str, str]] = set()
    for call in calls:
        usd, parts = forecast.usd(call), len(call.criteria)
        part = Share(
            0.0,
            1 / parts,
            call.estimated_input_tokens / parts,
            forecast.output_tokens(call) / parts,
            None if usd is None else usd / parts,
        )
        for name in call.names:
            share = shares.by_scorer.setdefault((name, call.model), Share())
            share.add(part)
            share.records += (call.record.trace_id, name) not in seen
            seen.add((call.record.trace_id, name))
    return shares


@dataclass(slots=True)
class Ways:
    """The same judging as it is configured, and with every judge asked in one way."""

    configured: Shares = field(default_factory=Shares)
    each: Shares = field(default_factory=Shares)
    panel: Shares = field(default_factory=Shares)

    def add(self, other: Ways, times: float = 1.0) -> None:
        """Add another, so many times."""
        for name in self.__slots__:
            getattr(self, name).add(getattr(other, name), times)

    def times(self, factor: float) -> Self:
        """The same, so many times."""
        return type(self)(*(getattr(self, name).times(factor) for name in self.__slots__))


class Planner:
    """Plans the calls for a record in each way; `config` is as it will be deployed."""

    def __init__(self, config: ScorersConfig, default_model: str, prices: ModelTable) -> None:
        self.config = config
        self._forecast = Forecast(prices)
        self._configured = _by_name(config, default_model)
        self._ways = [_by_name(judged(config, way), default_model) for way in ("each", "panel")]

    def record(self, inference: Inference, source: Source) -> Record:
        """An inference as the scorers see it."""
        return with_materials(Record.of(inference, source), self.config)

    def calls(self, record: Record, specs: Sequence[ScorerSpec]) -> list[JudgeCall]:
        """The calls for these scorers as they are configured."""
        return _plan(record, specs, self._configured)

    def ways(self, record: Record, specs: Sequence[ScorerSpec]) -> Ways:
        """What these scorers cost for a record."""
        each, panel = (shares_of(_plan(record, specs, way), self._forecast) for way in self._ways)
        asked = {self._configured[s.name].judging for s in specs if s.name in self._configured}
        if asked == {"each"} or not asked:
            return Ways(each, each, panel)
        if asked == {"panel"}:
            return Ways(panel, each, panel)
        return Ways(shares_of(self.calls(record, specs), self._forecast), each, panel)


class Planned:
    """What judging these records costs, with the samples and rules of the configuration."""

    def __init__(self, planner: Planner) -> None:
        self.ways = Ways()
        self.judged = 0
        self._planner = planner
        self._selection = Selection(planner.config.always, _FirstSeen())

    def add(self, record: Record) -> None:
        """Plan the calls for one more record."""
        specs = self._selection.choose(record, self._planner.config.scorers)
        asking = [spec for spec in specs if isinstance(spec, JudgedSpec)]
        if asking and record.material is not None:
            self.judged += 1
            self.ways.add(self._planner.ways(record, asking))


@dataclass(slots=True)
class _FirstSeen:
    """Who is first in an hour, where nobody has been before: the most that a rule can let in."""

    seen: dict[tuple[str, str | None, datetime, int], set[str]] = field(default_factory=dict)

    def admit(
        self, endpoint: str, variant: str | None, hour: datetime, limit: int, trace_id: str
    ) -> bool:
        """Let in the first of each hour."""
        begun = hour.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
        members = self.seen.setdefault((endpoint, variant, begun, limit), set())
        if len(members) < limit:
            members.add(trace_id)
        return trace_id in members


def _by_name(config: ScorersConfig, default_model: str) -> dict[str, Criterion]:
    return {criterion.spec.name: criterion for criterion in criteria(config, default_model)}


def _plan(
    record: Record, specs: Sequence[ScorerSpec], known: dict[str, Criterion]
) -> list[JudgeCall]:
    return plan_calls(record, [known[spec.name] for spec in specs if spec.name in known])
