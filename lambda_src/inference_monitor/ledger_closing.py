"""Close the ledger of a capture file: after its map, or after an execution that failed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from inference_monitor.errors import (
    BatchNotStartedError,
    InvalidEventError,
    MissingFileError,
    UnbalancedLedgerError,
)
from inference_monitor.events import Batch, CaptureFile, FailedExecution, MapRun, parse_event
from inference_monitor.inference import Source
from inference_monitor.ledger import Summary
from inference_monitor.ports import EntryCounter, LedgerStore

# Errors of Step Functions itself begin with `States.`; these two are about a task that it started.
_TASK_ERRORS = ("States.Timeout", "States.TaskFailed")


@dataclass(frozen=True, slots=True)
class ClosedLedger:
    """The counts of a file; `unaccounted` is None where no ledger was written."""

    summary: Summary
    unaccounted: int | None = None


class LedgerClosing:
    """Sums up what became of the lines of a capture file."""

    def __init__(self, results: LedgerStore, count_entries: EntryCounter) -> None:
        self._results = results
        self._count_entries = count_entries

    def close_map(self, source: Source, run: MapRun) -> ClosedLedger:
        """Add up the batches of a map. The records of its failed batches count as captured only.

        Raises:
            BatchNotStartedError: If Step Functions could not hand over a batch. No ledger is
                written: the workflow reads the file again, in ranges.
            UnbalancedLedgerError: If batches failed; the ledger is written before.
            TransientError: If S3 fails temporarily.
        """
        succeeded, failed = self._results.read_map_results(run.manifest_bucket, run.manifest_key)
        if any(map(_is_not_started, failed)):
            raise BatchNotStartedError(
                f"{source.uri}: Step Functions could not hand over a batch: reading the file in "
                "ranges"
            )
        summary = Summary()
        for counts in succeeded:
            summary += Summary.from_dict(counts)
        lost = sum(self._count_records(json.loads(execution["Input"])) for execution in failed)
        summary.captured += lost
        self._results.write_ledger(source, summary)
        if not summary.balanced:
            raise UnbalancedLedgerError(
                f"{source.uri}: {lost} of {summary.captured} records were in batches that failed, "
                f"as listed beside s3://{run.manifest_bucket}/{run.manifest_key}. "
                "Send them again with `inference-monitor replay --failed-batches`, or start the "
                "execution again with the same input: traces that are written stay as they are",
                unaccounted=lost,
            )
        return ClosedLedger(summary, lost)

    def close_failed(self, source: Source, execution: FailedExecution) -> ClosedLedger:
        """Count all lines of the file as captured only, unless it has a ledger already.

        What the batches of the execution have written is not known here; `replay
        --failed-batches`, a redrive, or the next execution over the file corrects the ledger. A
        ledger that exists stays, because the event may come late, or twice, after one of these.

        Raises:
            TransientError: If S3 fails temporarily.
        """
        if execution.error == UnbalancedLedgerError.__name__:
            return ClosedLedger(Summary())  # the execution has closed its ledger itself
        try:
            lost = self._count_entries(source.bucket, source.key)
        except MissingFileError:
            return ClosedLedger(Summary())
        summary = Summary(captured=lost)
        written = self._results.write_first_ledger(source, summary)
        return ClosedLedger(summary, lost if written else None)

    def _count_records(self, child_input: dict[str, Any]) -> int:
        """Count the records that a child execution was to process."""
        request = parse_event(child_input)
        if isinstance(request, Batch):
            return len(request.items)
        if isinstance(request, CaptureFile):
            return self._count_entries(request.bucket, request.key, request.range)
        return 0


def _is_not_started(execution: Mapping[str, Any]) -> bool:
    """Whether Step Functions failed a batch before the function got it, or its input is unknown.

    A range never counts as not started: it is what such a batch is replaced with.
    """
    try:
        is_range = isinstance(parse_event(json.loads(execution["Input"])), CaptureFile)
    except (InvalidEventError, KeyError, TypeError, ValueError):
        return True
    error = str(execution.get("Error", ""))
    return not is_range and error.startswith("States.") and error not in _TASK_ERRORS
