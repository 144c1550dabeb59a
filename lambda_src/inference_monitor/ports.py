"""What the service needs from the outside, as protocols; adapters are passed in by `composition.py`."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

from mlflow.entities import Feedback

from inference_monitor.capture.reader import Entry
from inference_monitor.capture.source import ByteRange
from inference_monitor.delivery import Delivery
from inference_monitor.inference import Inference, Source
from inference_monitor.ledger import Summary


class ScoringState(StrEnum):
    """The tag `scoring` of a trace that was not scored in full at first: why, or that it is now."""

    JUDGE_REFUSED = "judge_refused"
    BUDGET_EXHAUSTED = "budget_exhausted"
    JUDGE_UNAVAILABLE = "judge_unavailable"
    JUDGE_DECLINED = "judge_declined"
    COMPLETE = "complete"


@dataclass(frozen=True, slots=True)
class StoredTrace:
    """What MLflow already holds of an inference.

    `complete` is False when an earlier delivery died between its spans and its trace record.
    `delivery` names the delivery that wrote it, `scoring` is what its tag says of its scores.
    """

    trace_id: str
    complete: bool
    delivery: str | None = None
    scoring: str | None = None
    assessments: tuple[Feedback, ...] = ()


def supersedes(new: Feedback, stored: Feedback) -> bool:
    """Whether an assessment takes the place of the one that MLflow holds under the same id.

    A value that is there stays. An error gives way to a value, and to an error that tells something
    else: of another source (the judge was changed), of another code or with another message.
    """
    if not stored.error:
        return False
    return (new.source, new.error_code, new.error_message) != (
        stored.source,
        stored.error_code,
        stored.error_message,
    )


@dataclass(frozen=True, slots=True)
class ScoredInference:
    """An inference, where it came from, and the assessments to write with its trace.

    `delivery` names the delivery that brings it, see `service.Monitor.process`; `scoring` says why
    scores are missing, None where none are.
    """

    inference: Inference
    source: Source
    delivery: str
    scoring: ScoringState | None = None
    assessments: tuple[Feedback, ...] = ()


ToScore = tuple[Inference, Source, Sequence[Feedback]]
"""An inference, where it came from, and the assessments that MLflow holds of it."""


@dataclass(slots=True)
class Verdicts:
    """What scoring one inference gave.

    `assessments` are to be written, with their final ids. `pending` names scorers whose judge could
    not be reached, for which nothing is written so that a later delivery asks again. `exhausted`
    says that the budget had no room for some, `refused` that a judge refuses for good until a
    person mends it: a later delivery can fill both in. `declined` says that a judge will not judge
    the content, `declined_before` that it said so to an earlier delivery. `others_missing` says
    that scores are missing of scorers that this delivery did not ask for. `unreadable` counts the
    answers of judges that held no verdict.
    """

    assessments: list[Feedback] = field(default_factory=list)
    pending: list[str] = field(default_factory=list)
    exhausted: bool = False
    refused: bool = False
    declined: bool = False
    declined_before: bool = False
    others_missing: bool = False
    unreadable: int = 0
    judge_calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float = 0.0

    @property
    def reasons(self) -> list[ScoringState]:
        """Why scores are missing, none where none are; what a person can mend comes first."""
        states = {
            ScoringState.JUDGE_REFUSED: self.refused,
            ScoringState.BUDGET_EXHAUSTED: self.exhausted,
            ScoringState.JUDGE_UNAVAILABLE: bool(self.pending),
            ScoringState.JUDGE_DECLINED: self.declined or self.declined_before,
        }
        return [state for state, holds in states.items() if holds]

    @property
    def missing(self) -> ScoringState | None:
        """The reason that the trace's tag tells; None where no score is missing."""
        return next(iter(self.reasons), None)


class TraceStore(Protocol):
    """MLflow, as the service sees it. Methods raise TransientError when MLflow does not answer."""

    def experiment_id(self) -> str:
        """The experiment that a delivery's traces belong to, as MLflow names it now."""

    def lookup(self, trace_ids: Sequence[str]) -> dict[str, StoredTrace]:
        """The traces that exist among these ids, by id."""

    def write(self, records: Sequence[ScoredInference]) -> dict[str, str]:
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
        self, batch: Sequence[ToScore], delivery: Delivery
    ) -> Generator[Verdicts, None, None]:
        """Give what is missing for each inference, in order, each as soon as it is there.

        All are worked on from the first one on; to close the generator ends that.
        What is not done at the delivery's `scoring_deadline` is pending.
        Never raises for a failing scorer: that is an assessment with an error, or a pending scorer.
        TransientError when it cannot be told which inferences are to be scored.
        """


class ResultsStore(Protocol):
    """The stack's own bucket, as the service sees it; TransientError when S3 does not answer."""

    def quarantine(self, source: Source, lines: Sequence[tuple[Entry, str]]) -> None:
        """Keep lines of a capture file whole, each with its reason; the same lines only once."""

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
