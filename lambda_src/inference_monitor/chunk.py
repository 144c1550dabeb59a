"""The entries that are looked up, scored and written together, and what became of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet

from mlflow.entities import AssessmentSourceType, Feedback

from inference_monitor.capture.reader import Entry, Quarantined, Skipped
from inference_monitor.domain import JudgeUsage, Record, ScoringState
from inference_monitor.inference import Inference, Source
from inference_monitor.ledger import Summary

CHUNK_RECORDS = 100
CHUNK_BYTES = 8 * 1024 * 1024


class Chunk:
    """Entries of one file, and a record for each inference among them.

    Entries with the same identity share a record, that of the first.
    """

    def __init__(self, entries: Sequence[Entry], source: Source, delivery: str = "") -> None:
        self._entries = entries
        self._occurrences: list[tuple[Entry, Record]] = []
        records: dict[str, Record] = {}
        for entry in entries:
            if isinstance(entry.record, Inference):
                found = Record.of(entry.record, source, delivery)
                record = records.setdefault(found.trace_id, found)
                self._occurrences.append((entry, record))
        self.records = list(records.values())

    @property
    def pending(self) -> int:
        """How many inferences wait for a judge that did not answer."""
        return sum(bool(one.verdicts and one.verdicts.pending) for one in self.records)

    @property
    def accepted(self) -> set[str]:
        """The trace ids of the records that MLflow did not refuse."""
        return {record.trace_id for record in self.records if record.refusal is None}

    def quarantined(self) -> list[tuple[Entry, str]]:
        """The entries that could not be read or written, each with its reason."""
        unreadable = [
            (e, e.record.reason) for e in self._entries if isinstance(e.record, Quarantined)
        ]
        refused = [
            (entry, record.refusal)
            for entry, record in self._occurrences
            if record.refusal is not None
        ]
        return unreadable + refused

    def summary(self, seen: AbstractSet[str] = frozenset()) -> Summary:
        """Count what became of every entry.

        A complete trace that the same delivery wrote counts as traced: it is the work of an earlier
        attempt. One that another delivery wrote is a duplicate.

        Args:
            seen: The trace ids of earlier chunks.
        """
        summary = Summary(
            captured=len(self._entries),
            skipped=sum(isinstance(e.record, Skipped) for e in self._entries),
            quarantined=len(self.quarantined()),
        )
        counted = set(seen)
        for _, record in self._occurrences:
            if record.refusal is not None:
                continue
            is_duplicate = record.trace_id in counted or _is_written_by_another(record)
            counted.add(record.trace_id)
            is_scored = any(map(_is_judged, (*record.existing, *record.assessments)))
            summary.duplicate += is_duplicate
            summary.traced += not is_duplicate
            summary.scored += is_scored
            summary.unscored += not is_scored
        self._count_scoring(summary)
        return summary

    def _count_scoring(self, summary: Summary) -> None:
        missing = Counter(reason for record in self.records for reason in record.missing_scores)
        summary.empty_answers = sum(one.inference.empty_answer for one in self.records)
        summary.judge_unavailable = missing[ScoringState.JUDGE_UNAVAILABLE]
        summary.judge_refused = missing[ScoringState.JUDGE_REFUSED]
        given = [record.verdicts for record in self.records if record.verdicts is not None]
        summary.budget_exhausted = sum(verdicts.exhausted for verdicts in given)
        summary.judge_declined = sum(verdicts.declined for verdicts in given)
        summary.judge_unreadable = sum(verdicts.unreadable for verdicts in given)
        usage = sum((verdicts.usage for verdicts in given), JudgeUsage())
        summary.judge_calls = usage.calls
        summary.judge_input_tokens = usage.input_tokens
        summary.judge_output_tokens = usage.output_tokens
        summary.judge_cost_usd = usage.cost_usd


def chunks(entries: Iterable[Entry], source: Source, delivery: str = "") -> Iterator[Chunk]:
    """Group entries so that few requests serve many, and memory stays bounded for large records."""
    group: list[Entry] = []
    size = 0
    for entry in entries:
        group.append(entry)
        size += len(entry.raw) if isinstance(entry.raw, bytes) else 0
        if len(group) == CHUNK_RECORDS or size >= CHUNK_BYTES:
            yield Chunk(group, source, delivery)
            group, size = [], 0
    if group:
        yield Chunk(group, source, delivery)


def _is_written_by_another(record: Record) -> bool:
    stored = record.stored
    return stored is not None and stored.complete and stored.delivery != record.delivery


def _is_judged(assessment: Feedback) -> bool:
    judge = assessment.source.source_type == AssessmentSourceType.LLM_JUDGE
    return judge and assessment.error is None and assessment.value is not None
