"""In-memory adapters that keep the promises of `ports`."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from mlflow.entities import AssessmentSource, Feedback

from inference_monitor.capture.reader import Entry
from inference_monitor.domain import (
    Delivery,
    JudgeUsage,
    Record,
    ScoringState,
    StoredTrace,
    Verdicts,
    supersedes,
)
from inference_monitor.errors import TransientError
from inference_monitor.inference import Source
from inference_monitor.ledger import Summary

EXPERIMENT = "7"


@dataclass
class FakeTraces:
    """MLflow in a dictionary. `down` makes calls fail; `refuses` names event ids it refuses."""

    stored: dict[str, StoredTrace] = field(default_factory=dict)
    down: bool = False
    refuses: frozenset[str] = frozenset()
    writes: int = 0

    def experiment_id(self) -> str:
        """Always the same one."""
        if self.down:
            raise TransientError("MLflow is down")
        return EXPERIMENT

    def lookup(self, trace_ids: Sequence[str]) -> dict[str, StoredTrace]:
        """What is stored among these ids."""
        if self.down:
            raise TransientError("MLflow is down")
        return {i: self.stored[i] for i in trace_ids if i in self.stored}

    def write(self, records: Sequence[Record]) -> dict[str, str]:
        """Store what is not refused."""
        refused = {}
        for record in records:
            if record.inference.event_id in self.refuses:
                refused[record.trace_id] = "MLflow answered 400: no"
                continue
            self.writes += 1
            self.stored[record.trace_id] = StoredTrace(
                record.trace_id,
                complete=True,
                delivery=record.delivery,
                scoring=record.scoring,
                assessments=tuple(record.assessments),
            )
        return refused

    def add(
        self,
        stored: StoredTrace,
        assessments: Sequence[Feedback],
        scoring: ScoringState | None = None,
    ) -> None:
        """Add to what is stored; one of the same id takes the place of an error."""
        self.writes += 1
        known = {one.assessment_id: one for one in stored.assessments}
        for one in assessments:
            if one.assessment_id not in known or supersedes(one, known[one.assessment_id]):
                known[one.assessment_id] = one
        both = tuple(known.values())
        self.stored[stored.trace_id] = replace(
            stored, assessments=both, scoring=scoring or stored.scoring
        )


@dataclass
class FakeClaims:
    """Owners by trace id."""

    owners: dict[str, str] = field(default_factory=dict)

    def claim(self, trace_ids: Sequence[str], delivery: Delivery) -> set[str]:
        """Those that have no other owner."""
        return {i for i in trace_ids if self.owners.setdefault(i, delivery.id) == delivery.id}

    def release(self, trace_ids: Sequence[str], delivery: Delivery) -> None:
        """Forget whose they were."""
        for key in trace_ids:
            if self.owners.get(key) == delivery.id:
                del self.owners[key]


@dataclass
class FakeScorer:
    """Judges everything once, unless the judge is `away` or there is no money left."""

    away: bool = False
    broke: bool = False
    others_missing: bool = False
    given: int = 0

    def score(
        self,
        records: Sequence[Record],
        delivery: Delivery,  # noqa: ARG002  # the port has it
    ) -> Generator[Verdicts, None, None]:
        """One verdict for each inference that has none."""
        for record in records:
            self.given += 1
            yield Verdicts() if record.existing else self._verdict()

    def _verdict(self) -> Verdicts:
        if self.broke:
            return Verdicts(exhausted=True)
        if self.away:
            return Verdicts(pending=["safety"], usage=JudgeUsage(calls=1))
        judge = AssessmentSource(source_type="LLM_JUDGE", source_id="judge")
        verdict = Feedback(name="safety", value="yes", source=judge)
        return Verdicts(
            [verdict],
            others_missing=self.others_missing,
            usage=JudgeUsage(calls=1, input_tokens=10, output_tokens=2, cost_usd=0.5),
        )


@dataclass
class FakeResults:
    """The results bucket in lists; `succeeded` and `failed` are what a finished map left in it."""

    quarantined: list[tuple[Entry, str]] = field(default_factory=list)
    ledgers: list[Summary] = field(default_factory=list)
    succeeded: tuple[dict[str, Any], ...] = ()
    failed: tuple[dict[str, Any], ...] = ()

    def quarantine(self, source: Source, lines: Sequence[tuple[Entry, str]]) -> None:  # noqa: ARG002
        """Keep the lines."""
        self.quarantined += lines

    def write_ledger(self, source: Source, summary: Summary) -> None:  # noqa: ARG002
        """Keep the summary."""
        self.ledgers.append(summary)

    def write_first_ledger(self, source: Source, summary: Summary) -> bool:
        """Keep it unless there is one, as a conditional write does."""
        if self.ledgers:
            return False
        self.write_ledger(source, summary)
        return True

    def read_map_results(self, _bucket: str, _manifest_key: str, /) -> tuple[Any, Any]:
        """The outputs of batches, and the records of failed ones."""
        return self.succeeded, self.failed
