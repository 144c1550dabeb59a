"""The calls to the judge that records need, and their price, before any is made.

For records that are there; for those that are to come, see `judge_forecast`. Needs MLflow's client.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from inference_monitor.config.models import ModelTable
from inference_monitor.config.scorers import ScorersConfig
from inference_monitor.config.specs import JudgedSpec, ScorerSpec
from inference_monitor.domain import Record
from inference_monitor.inference import Inference, Source
from inference_monitor.scoring.cost.forecast import Forecast
from inference_monitor.scoring.judge.calls import JudgeCall, plan_calls
from inference_monitor.scoring.judge.criteria import Criterion, criteria
from inference_monitor.scoring.record import with_materials
from inference_monitor.scoring.selection import Selection
from inference_monitor_cli.judge_shares import Ways, shares_of
from inference_monitor_cli.scorers_file import judged


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
