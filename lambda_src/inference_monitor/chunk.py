"""The entries that are looked up, scored and written together, and what became of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from mlflow.entities import AssessmentSourceType, Feedback

from inference_monitor.capture.reader import Entry, Quarantined, Skipped
from inference_monitor.identity import trace_id
from inference_monitor.inference import Inference, Source
from inference_monitor.ledger import Summary
from inference_monitor.ports import ScoringState, StoredTrace, Verdicts

CHUNK_RECORDS = 100
CHUNK_BYTES = 8 * 1024 * 1024


@dataclass(slots=True)
class Chunk:
    """Entries of one file, and what is known of their inferences, by trace id.

    `known` is what MLflow held before, `verdicts` what scoring gave, `refused` why MLflow would
    not take a record.
    """

    entries: list[Entry]
    source: Source
    inferences: dict[str, Inference] = field(default_factory=dict)
    known: dict[str, StoredTrace] = field(default_factory=dict)
    verdicts: dict[str, Verdicts] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Find the inferences; the first of several with one identity stands for all."""
        for key, entry in self._identified():
            if isinstance(entry.record, Inference):
                self.inferences.setdefault(key, entry.record)

    def known_assessments(self, key: str) -> Sequence[Feedback]:
        """The assessments MLflow held before."""
        return self.known[key].assessments if key in self.known else ()

    def new_assessments(self, key: str) -> Sequence[Feedback]:
        """The assessments to be written."""
        return self.verdicts[key].assessments if key in self.verdicts else ()

    def new_scoring(self, key: str) -> ScoringState | None:
        """What the trace's tag is to say of its scores; None when that is what it says already."""
        if key not in self.verdicts:
            return None
        verdicts, missing = self.verdicts[key], self.verdicts[key].missing
        before = self.known[key].scoring if key in self.known else None
        if before and not missing and not verdicts.others_missing:
            missing = ScoringState.COMPLETE
        return None if missing == before else missing

    def is_complete(self, key: str) -> bool:
        """Whether MLflow held the whole trace before."""
        return key in self.known and self.known[key].complete

    @property
    def pending(self) -> int:
        """How many inferences wait for a judge that did not answer."""
        return sum(bool(verdicts.pending) for verdicts in self.verdicts.values())

    def quarantined(self) -> list[tuple[Entry, str]]:
        """The entries that could not be read or written, each with its reason."""
        unreadable = [
            (e, e.record.reason) for e in self.entries if isinstance(e.record, Quarantined)
        ]
        refused = [(e, self.refused[key]) for key, e in self._identified() if key in self.refused]
        return unreadable + refused

    def summary(self, delivery: str, seen: set[str]) -> Summary:
        """Count what became of every entry.

        Args:
            delivery: A complete trace that this delivery wrote counts as traced: it is the work of
                an earlier attempt. One that another wrote is a duplicate.
            seen: The identities of earlier chunks; those of this one are added.
        """
        summary = Summary(
            captured=len(self.entries),
            skipped=sum(isinstance(e.record, Skipped) for e in self.entries),
            quarantined=len(self.quarantined()),
        )
        for key, _ in self._identified():
            if key in self.refused:
                continue
            written_before = self.is_complete(key) and self.known[key].delivery != delivery
            summary.duplicate += key in seen or written_before
            summary.traced += not (key in seen or written_before)
            seen.add(key)
            scored = any(
                map(_is_judged, (*self.known_assessments(key), *self.new_assessments(key)))
            )
            summary.scored += scored
            summary.unscored += not scored
        summary.empty_answers = sum(one.empty_answer for one in self.inferences.values())
        missing = Counter(reason for key in self.inferences for reason in self._reasons(key))
        summary.judge_unavailable = missing[ScoringState.JUDGE_UNAVAILABLE]
        summary.judge_refused = missing[ScoringState.JUDGE_REFUSED]
        for verdicts in self.verdicts.values():
            summary.budget_exhausted += verdicts.exhausted
            summary.judge_declined += verdicts.declined
            summary.judge_unreadable += verdicts.unreadable
            summary.judge_calls += verdicts.judge_calls
            summary.judge_input_tokens += verdicts.input_tokens
            summary.judge_output_tokens += verdicts.output_tokens
            summary.judge_cost_usd += verdicts.cost_usd
        return summary

    def _reasons(self, key: str) -> Sequence[str]:
        """Why scores are missing: as found now, else as the trace's tag says."""
        if key in self.verdicts:
            return self.verdicts[key].reasons
        scoring = self.known[key].scoring if key in self.known else None
        return [scoring] if scoring else []

    def _identified(self) -> Iterator[tuple[str, Entry]]:
        for entry in self.entries:
            if isinstance(entry.record, Inference):
                yield trace_id(self.source, entry.record.event_id), entry


def chunks(entries: Iterable[Entry], source: Source) -> Iterator[Chunk]:
    """Group entries so that few requests serve many, and memory stays flat for large records."""
    group: list[Entry] = []
    size = 0
    for entry in entries:
        group.append(entry)
        size += len(entry.raw) if isinstance(entry.raw, bytes) else 0
        if len(group) == CHUNK_RECORDS or size >= CHUNK_BYTES:
            yield Chunk(group, source)
            group, size = [], 0
    if group:
        yield Chunk(group, source)


def _is_judged(assessment: Feedback) -> bool:
    judge = assessment.source.source_type == AssessmentSourceType.LLM_JUDGE
    return judge and assessment.error is None and assessment.value is not None
