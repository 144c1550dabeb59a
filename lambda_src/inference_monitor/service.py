"""The use case: records in, each written to MLflow once and scored, every line accounted for."""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import closing, suppress
from dataclasses import replace

from inference_monitor.capture.reader import Entry
from inference_monitor.chunk import Chunk, chunks
from inference_monitor.domain import Delivery, Record
from inference_monitor.errors import JudgeUnavailableError, PermanentWriteError, TransientError
from inference_monitor.inference import Source
from inference_monitor.ledger import Summary
from inference_monitor.ports import Claims, InferenceScorer, ResultsStore, TraceStore

logger = logging.getLogger(__name__)

# MLflow that refused this many chunks in a row is down; trying the rest of a large file would
# only use up the function's time.
GIVE_UP_AFTER = 3
# Writing begins with so few, long before the last verdict; each group is twice the one before, for
# meanwhile more is done, and some requests serve all of a group.
FIRST_GROUP = 20
# For whoever invoked the function by hand; the workflow does it by itself.
_AGAIN = "send the same event again, what is written stays as it is"


class Monitor:
    """Write and score the inferences of one capture file, or of one batch of it.

    `redact` is what every entry goes through before its inference is looked at, see `privacy`.
    Without `other_endpoints`, files of other endpoints are counted and left alone.
    """

    def __init__(
        self,
        traces: TraceStore,
        claims: Claims,
        scorer: InferenceScorer,
        results: ResultsStore,
        redact: Callable[[Entry], Entry] | None = None,
        *,
        other_endpoints: bool = False,
    ) -> None:
        self._traces = traces
        self._claims = claims
        self._scorer = scorer
        self._results = results
        self._redact = redact
        self._other_endpoints = other_endpoints

    def process(
        self,
        source: Source,
        entries: Iterable[Entry],
        delivery: Delivery,
        *,
        whole_file: bool = False,
    ) -> Summary:
        """Process every entry and count what became of each.

        Args:
            source: The file that the entries are of.
            entries: Read one by one, so that memory stays bounded.
            delivery: What brings them.
            whole_file: Whether these are all entries of the file, so that the counts are its
                ledger.

        Raises:
            TransientError: At once if MLflow does not say which experiment it is; after everything
                was tried, if MLflow or S3 failed for a part of it, another delivery is at the same
                records, or time ran out.
            JudgeUnavailableError: If everything is written, but scores are missing.
        """
        if source.foreign and not self._other_endpoints:
            lines = sum(1 for _ in entries)
            summary = Summary(captured=lines, skipped=lines, foreign=lines)
        else:
            summary = self._process_all(source, entries, delivery)
        if whole_file:
            self._results.write_ledger(source, summary)
        return summary

    def _process_all(self, source: Source, entries: Iterable[Entry], delivery: Delivery) -> Summary:
        source = self._with_experiment(source)
        summary, pending, seen = Summary(), 0, set[str]()
        failures: list[TransientError] = []
        in_a_row = 0
        if self._redact:
            entries = map(self._redact, entries)
        for chunk in chunks(entries, source, delivery.id):
            if summary.captured and delivery.is_late():
                failures.append(TransientError("out of time; the next attempt goes on here"))
                break
            try:
                self._process(chunk, source, delivery)
            except TransientError as error:
                failures.append(error)
                in_a_row += 1
                if in_a_row == GIVE_UP_AFTER:
                    break
                continue
            in_a_row = 0
            summary += chunk.summary(seen)
            seen |= chunk.accepted
            pending += chunk.pending
        if failures:
            raise TransientError(
                f"{source.uri}: {len(failures)} chunks failed, {summary.captured} lines are done: "
                f"{failures[-1]}; {_AGAIN}"
            ) from failures[-1]
        if pending:
            raise JudgeUnavailableError(
                f"{source.uri}: every trace is written, {pending} inferences wait for the judge; "
                f"{_AGAIN}"
            )
        return summary

    def _with_experiment(self, source: Source) -> Source:
        """Asked anew for each delivery, for a warm instance outlives what people do in MLflow."""
        try:
            return replace(source, experiment_id=self._traces.experiment_id())
        except TransientError as error:
            raise TransientError(f"{source.uri}: nothing is done: {error}; {_AGAIN}") from error

    def _process(self, chunk: Chunk, source: Source, delivery: Delivery) -> None:
        if chunk.records:
            stored = self._traces.lookup([record.trace_id for record in chunk.records])
            for record in chunk.records:
                record.stored = stored.get(record.trace_id)
            ours = self._claim(chunk.records, delivery)
            try:
                self._score_and_write(ours, delivery)
            except TransientError:
                self._release(ours, delivery)
                raise
            if others := len(chunk.records) - len(ours):
                raise TransientError(f"{others} records are being written by another delivery")
        if lost := chunk.quarantined():
            self._results.quarantine(source, lost)

    def _claim(self, records: Sequence[Record], delivery: Delivery) -> list[Record]:
        """The records that no other live delivery has claimed; complete ones need no claim."""
        new = [record.trace_id for record in records if not record.is_complete]
        claimed = self._claims.claim(new, delivery) if new else set()
        return [one for one in records if one.is_complete or one.trace_id in claimed]

    def _release(self, records: Sequence[Record], delivery: Delivery) -> None:
        """Let others try what this attempt could not write; its own next one may be far off."""
        claimed = [record.trace_id for record in records if not record.is_complete]
        with suppress(TransientError):
            self._claims.release(claimed, delivery)

    def _score_and_write(self, records: Sequence[Record], delivery: Delivery) -> None:
        """Write results as they arrive; stop judging if the store fails."""
        with closing(self._score(records, delivery)) as groups:
            for group in groups:
                self._write(group)

    def _score(
        self, records: Sequence[Record], delivery: Delivery
    ) -> Generator[Sequence[Record], None, None]:
        """Yield groups of records that are scored, while the others still are judged."""
        if not delivery.scoring:
            yield records
            return
        group: list[Record] = []
        room = FIRST_GROUP
        with closing(self._scorer.score(records, delivery)) as scored:
            for record, verdicts in zip(records, scored, strict=True):
                record.verdicts = verdicts
                group.append(record)
                if len(group) == room:
                    yield group
                    group, room = [], 2 * room
            if group:
                yield group

    def _write(self, records: Sequence[Record]) -> None:
        for record in records:
            if record.stored and record.is_complete and (record.assessments or record.scoring):
                try:
                    self._traces.add(record.stored, record.assessments, record.scoring)
                except PermanentWriteError as error:
                    # The trace is there and the others go on; the record stays unscored.
                    logger.warning("scores refused for trace %s: %s", record.trace_id, error)
                    record.verdicts = None
        if new := [record for record in records if not record.is_complete]:
            refused = self._traces.write(new)
            for record in new:
                record.refusal = refused.get(record.trace_id)
