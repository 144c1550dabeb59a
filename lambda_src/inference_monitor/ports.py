"""What the service needs from the outside, as protocols; `composition` passes the adapters."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import Any, Protocol

from mlflow.entities import Feedback

from inference_monitor.capture.reader import Entry
from inference_monitor.capture.source import ByteRange
from inference_monitor.domain import Delivery, Record, ScoringState, StoredTrace, Verdicts
from inference_monitor.inference import Source
from inference_monitor.ledger import Summary


class TraceStore(Protocol):
    """MLflow, as the service sees it. Methods raise TransientError when MLflow does not answer."""

    def experiment_id(self) -> str:
        """The experiment that a delivery's traces belong to, as MLflow names it now."""

    def lookup(self, trace_ids: Sequence[str]) -> dict[str, StoredTrace]:
        """The traces that exist among these ids, by id."""

    def write(self, records: Sequence[Record]) -> dict[str, str]:
        """Write traces with their assessments, of which `lookup` found none or a half-written one.

        Returns the permanent refusals only: trace id to the reason MLflow gave.
        """

    def add(
        self,
        stored: StoredTrace,
        assessments: Sequence[Feedback],
        scoring: ScoringState | None = None,
    ) -> None:
        """Add assessments to a complete trace; one that is there stays, unless superseded.

        `scoring` is what its tag is to say from now on, None leaves it as it is.
        """


class Claims(Protocol):
    """Who writes which trace, as the service sees it; TransientError when nobody can tell."""

    def claim(self, trace_ids: Sequence[str], delivery: Delivery) -> set[str]:
        """Claim traces for a delivery; gives those no other live delivery has."""

    def release(self, trace_ids: Sequence[str], delivery: Delivery) -> None:
        """Give claims back that came to nothing, so that another delivery need not wait long."""


class InferenceScorer(Protocol):
    """The configured scorers, as the service sees them."""

    def score(
        self, records: Sequence[Record], delivery: Delivery
    ) -> Generator[Verdicts, None, None]:
        """Yield what is missing for each record, in order, as soon as it is known.

        Work on all of them begins at once; closing the generator stops it. A score that is not
        there at the delivery's `scoring_deadline` is pending. A failing scorer does not raise: it
        gives an assessment with an error, or is pending.

        Raises:
            TransientError: If it cannot be determined which records are to be scored.
        """


class ResultsStore(Protocol):
    """The stack's own bucket, as the service sees it; TransientError when S3 does not answer."""

    def quarantine(self, source: Source, lines: Sequence[tuple[Entry, str]]) -> None:
        """Keep lines of a capture file whole, each with its reason; the same lines only once."""

    def write_ledger(self, source: Source, summary: Summary) -> None:
        """Keep what became of a capture file; a later delivery replaces it."""


class LedgerStore(Protocol):
    """Where ledgers are closed: the same bucket, with the results of map runs in it."""

    def write_ledger(self, source: Source, summary: Summary) -> None:
        """Keep what became of a capture file; a later delivery replaces it."""

    def write_first_ledger(self, source: Source, summary: Summary) -> bool:
        """Keep it unless the file has a ledger; returns whether it was kept."""

    def read_map_results(
        self, bucket: str, manifest_key: str
    ) -> tuple[Sequence[Any], Sequence[Any]]:
        """The outputs of the batches of a map that succeeded, and the executions that failed."""


class EntryCounter(Protocol):
    """Counts the lines of a capture file in S3 that hold a record."""

    def __call__(self, bucket: str, key: str, part: ByteRange | None = None, /) -> int:
        """Count those of the whole file, or those that begin in a part of it.

        Raises:
            MissingFileError: If there is no such file.
            TransientError: If S3 fails temporarily.
        """
