"""Which scores the inferences of capture files lack, as MLflow tells it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from inference_monitor.capture.reader import Entry
from inference_monitor.chunk import chunks
from inference_monitor.config.scorers import ScorersConfig
from inference_monitor.config.specs import ScorerSpec
from inference_monitor.domain import Record, StoredTrace
from inference_monitor.inference import Source
from inference_monitor.scoring.judge.calls import JudgeCall, plan_calls
from inference_monitor.scoring.judge.prompts import criteria
from inference_monitor.scoring.record import with_materials
from inference_monitor.scoring.selection import Selection
from inference_monitor.scoring.tasks import not_given

Lookup = Callable[[Sequence[str]], Mapping[str, StoredTrace]]
Redact = Callable[[Entry], Entry]

Score = tuple[str, str, str]
"""The trace, and name and version of the scorer."""


@dataclass(frozen=True, slots=True)
class Lacking:
    """An inference that lacks scores.

    `calls` is what a judge is to be asked, `others` are scorers that only the function can run;
    `lacking` are these and the scorers that were not looked for. `traced` is False where MLflow has
    no whole trace of it, to which a score could be added.
    """

    record: Record
    calls: list[JudgeCall]
    others: list[ScorerSpec]
    lacking: list[str]
    traced: bool

    @property
    def names(self) -> list[str]:
        """The scorers of `calls` and `others`."""
        return self.asked + [spec.name for spec in self.others]

    @property
    def asked(self) -> list[str]:
        """The scorers of `calls`, each once however many answers it is asked about."""
        return list(dict.fromkeys(name for call in self.calls for name in call.names))


class MissingScores:
    """Compares capture files with MLflow; the first of several with one identity stands for all.

    Rules with `first_per_hour` hold for nothing here: only the function knows who was first.
    """

    def __init__(
        self,
        config: ScorersConfig,
        default_model: str,
        lookup: Lookup,
        *,
        redact: Redact | None = None,
        only: Iterable[str] = (),
        under_way: frozenset[Score] = frozenset(),
    ) -> None:
        """What to look for.

        Args:
            config: The deployed `scorers.yaml`.
            default_model: The deployed judge.
            lookup: Asks MLflow.
            redact: What the function does to an entry before anything else.
            only: The scorers that are looked at; all when there are none.
            under_way: Scores that somebody is judging already, which are not missing.
        """
        self._config = config
        self._criteria = {one.spec.name: one for one in criteria(config, default_model)}
        self._selection = Selection(config.always, None)
        self._lookup = lookup
        self._redact = redact
        self._only = frozenset(only) or None
        self._under_way = under_way
        self._seen: set[bytes] = set()
        self.left_to_others = 0

    def of_file(self, source: Source, entries: Iterable[Entry]) -> Iterator[Lacking]:
        """The inferences of a file that lack something.

        Raises:
            MonitorError: If S3 or MLflow fails: nothing can be said then.
        """
        if self._redact:
            entries = map(self._redact, entries)
        for chunk in chunks(entries, source):
            new = [record for record in chunk.records if self._is_new(record.trace_id)]
            known = self._lookup([record.trace_id for record in new]) if new else {}
            for record in new:
                record.stored = known.get(record.trace_id)
                lacking = self._lacking(with_materials(record, self._config))
                if lacking.names:
                    yield lacking

    def _lacking(self, record: Record) -> Lacking:
        missing, _ = not_given(self._config.scorers, record)
        lacking = [s for s in self._selection.choose(record, missing) if self._fits(s, record)]
        wanted = [s for s in lacking if not self._only or s.name in self._only]
        mine = [s for s in wanted if (record.trace_id, s.name, s.version) not in self._under_way]
        self.left_to_others += len(wanted) - len(mine)
        return Lacking(
            record,
            plan_calls(record, [self._criteria[s.name] for s in mine if s.name in self._criteria]),
            [s for s in mine if s.name not in self._criteria],
            [s.name for s in lacking],
            traced=record.is_complete,
        )

    def _fits(self, spec: ScorerSpec, record: Record) -> bool:
        """Whether there is something to judge; a code scorer decides that itself."""
        criterion = self._criteria.get(spec.name)
        return criterion is None or any(map(criterion.can_be_asked, record.materials))

    def _is_new(self, key: str) -> bool:
        identity = bytes.fromhex(key.removeprefix("tr-"))
        if identity in self._seen:
            return False
        self._seen.add(identity)
        return True
