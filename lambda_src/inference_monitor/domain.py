"""An inference on its way: read, claimed, scored, and written to MLflow.

`Record` is its one shape from the capture file to the trace. What the endpoint was asked and
answered is in `inference`. Plain data: MLflow is imported for type checks only, because commands
that need parts of this run without it.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Self

from inference_monitor.identity import trace_id
from inference_monitor.inference import Inference, Source

if TYPE_CHECKING:
    from mlflow.entities import Feedback


class RefusedJudges:
    """The judges that refused permanently during one attempt, each with what a person can do.

    Threads only add to it; a call that begins at the same moment may still be made.
    """

    def __init__(self) -> None:
        self._reasons: dict[str, str] = {}

    def add(self, model_id: str, reason: str) -> None:
        """Note that a model is not to be called again; the first reason stays."""
        self._reasons.setdefault(model_id, reason)

    def reason(self, model_id: str) -> str | None:
        """Why a model is not to be called; None if it may be."""
        return self._reasons.get(model_id)


@dataclass(frozen=True, slots=True)
class Delivery:
    """What all attempts to process the same records share, and how long this one may take.

    Attributes:
        id: Equal for every attempt, and different for a new delivery of the same records.
        seconds_left: When Lambda ends this attempt.
        scoring_deadline: A `time.monotonic()` at which scoring has to end, so that the results can
            be written; None for no limit.
        scoring: Whether any scorer runs.
        scorers: The only scorers that run; None for all.
        run: The execution, or the invocation by hand, that sends the records: a budget for a run
            is counted for it.
        refused_judges: What this attempt finds out.
    """

    id: str
    seconds_left: float = 900
    scoring_deadline: float | None = None
    scoring: bool = True
    scorers: frozenset[str] | None = None
    run: str = ""
    refused_judges: RefusedJudges = field(default_factory=RefusedJudges, compare=False)

    def is_late(self) -> bool:
        """Whether the time to score is over, so that no more records should be begun."""
        return self.scoring_deadline is not None and time.monotonic() >= self.scoring_deadline


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgeUsage:
    """Calls to judges, their tokens, and their cost as far as prices are known.

    A call counts once, however often it is retried.
    """

    calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float = 0.0

    def __add__(self, other: JudgeUsage) -> JudgeUsage:
        return JudgeUsage(
            calls=self.calls + other.calls,
            input_tokens=self.input_tokens + other.input_tokens,
            output_tokens=self.output_tokens + other.output_tokens,
            cost_usd=self.cost_usd + other.cost_usd,
        )


class ScoringState(StrEnum):
    """The tag `scoring` of a trace that was not fully scored at first: why, or that it is now."""

    JUDGE_REFUSED = "judge_refused"
    BUDGET_EXHAUSTED = "budget_exhausted"
    JUDGE_UNAVAILABLE = "judge_unavailable"
    JUDGE_DECLINED = "judge_declined"
    COMPLETE = "complete"


@dataclass(frozen=True, slots=True)
class StoredTrace:
    """What MLflow already holds of an inference.

    `complete` is False when an earlier delivery died between its spans and its trace record.
    `delivery` names the delivery that wrote it, `scoring` is the tag of that name.
    """

    trace_id: str
    complete: bool
    delivery: str | None = None
    scoring: str | None = None
    assessments: tuple[Feedback, ...] = ()


def supersedes(new: Feedback, stored: Feedback) -> bool:
    """Whether an assessment replaces the one that MLflow holds under the same id.

    A stored value stays. An error gives way to a value, and to a different error: of another source
    (the judge was changed), of another code or with another message.
    """
    if not stored.error:
        return False
    return (new.source, new.error_code, new.error_message) != (
        stored.source,
        stored.error_code,
        stored.error_message,
    )


@dataclass(frozen=True, slots=True)
class Material:
    """One answer as text to be judged, with what belongs to it.

    Attributes:
        request: The conversation up to the answer; None when the endpoint captures answers only.
        response: The answer's text without its thoughts, then the tools that it calls.
        shortened: What was cut of this, None when nothing was.
        tools: The tools that the request offers, one JSON object a line; None when it offers none.
        contexts: The documents that the answer should be true to: results of tools, documents sent
            with the request, and marked parts of the prompt; None when there are none.
        calls_tools: Whether the answer calls a tool.
        only_calls_tools: Whether it has no text beside.
        turns: How many messages of the conversation are the user's.
        date: The day of the inference in UTC, as `2026-03-02`.
        number: Which answer of the inference it is, from 1 on.
    """

    request: str | None
    response: str
    shortened: str | None = None
    tools: str | None = None
    contexts: str | None = None
    calls_tools: bool = False
    only_calls_tools: bool = False
    turns: int = 1
    date: str | None = None
    number: int = 1


@dataclass(slots=True)
class Verdicts:
    """What scoring one inference gave.

    Attributes:
        assessments: To be written, with their final ids.
        pending: Scorers whose judge could not be reached. Nothing is written for them, so that a
            later delivery calls the judge again.
        exhausted: Whether the budget had no room for some scores; a later delivery can add them.
        refused: Whether a judge refuses permanently until a person corrects something; a later
            delivery can add the scores.
        declined: Whether a judge will not judge the content.
        declined_before: Whether it declined in an earlier delivery.
        others_missing: Whether scores are missing of scorers that this delivery did not run.
        unreadable: How many answers of judges held no verdict.
        usage: The judge calls, with their retries as one.
    """

    assessments: list[Feedback] = field(default_factory=list)
    pending: list[str] = field(default_factory=list)
    exhausted: bool = False
    refused: bool = False
    declined: bool = False
    declined_before: bool = False
    others_missing: bool = False
    unreadable: int = 0
    usage: JudgeUsage = field(default_factory=JudgeUsage)

    @property
    def reasons(self) -> list[ScoringState]:
        """Why scores are missing, empty if none are; what a person can correct comes first."""
        states = {
            ScoringState.JUDGE_REFUSED: self.refused,
            ScoringState.BUDGET_EXHAUSTED: self.exhausted,
            ScoringState.JUDGE_UNAVAILABLE: bool(self.pending),
            ScoringState.JUDGE_DECLINED: self.declined or self.declined_before,
        }
        return [state for state, holds in states.items() if holds]

    @property
    def missing(self) -> ScoringState | None:
        """The first of `reasons`, for the tag of the trace; None where no score is missing."""
        return next(iter(self.reasons), None)


@dataclass(slots=True, kw_only=True)
class Record:
    """An inference, where it came from, and what is known of it so far.

    Attributes:
        source: The capture file, and the experiment of the trace.
        inference: What was read.
        trace_id: Computed once, by `of`.
        delivery: The id of the delivery that brings it; empty where nothing is written.
        stored: What MLflow held before; None if nothing, or if MLflow was not asked.
        materials: The answers to be judged, several for a batch or several choices; empty when
            there is nothing to judge, or before `scoring.record.with_materials`.
        verdicts: What scoring gave; None as long as it was not scored.
        refusal: Why MLflow will not store it; None if it does.
    """

    source: Source
    inference: Inference
    trace_id: str
    delivery: str = ""
    stored: StoredTrace | None = None
    materials: tuple[Material, ...] = ()
    verdicts: Verdicts | None = None
    refusal: str | None = None

    @classmethod
    def of(cls, inference: Inference, source: Source, delivery: str = "") -> Self:
        """A record of which nothing else is known yet."""
        return cls(
            source=source,
            inference=inference,
            trace_id=trace_id(source, inference.event_id),
            delivery=delivery,
        )

    def in_experiment(self, experiment_id: str) -> Self:
        """The same record with its trace in an experiment, and the id that it has there."""
        source = replace(self.source, experiment_id=experiment_id)
        return replace(self, source=source, trace_id=trace_id(source, self.inference.event_id))

    @property
    def is_complete(self) -> bool:
        """Whether MLflow held the whole trace before."""
        return self.stored is not None and self.stored.complete

    @property
    def existing(self) -> Sequence[Feedback]:
        """The assessments that MLflow held before."""
        return self.stored.assessments if self.stored else ()

    @property
    def assessments(self) -> Sequence[Feedback]:
        """The assessments to be written."""
        return self.verdicts.assessments if self.verdicts else ()

    @property
    def scoring(self) -> ScoringState | None:
        """The value to be written to the tag `scoring`; None when it stays as it is."""
        if self.verdicts is None:
            return None
        missing, before = self.verdicts.missing, self.stored.scoring if self.stored else None
        if before and not missing and not self.verdicts.others_missing:
            missing = ScoringState.COMPLETE
        return None if missing == before else missing

    @property
    def missing_scores(self) -> Sequence[str]:
        """Why scores are missing: as found now, else as the tag of the stored trace says."""
        if self.verdicts is not None:
            return self.verdicts.reasons
        return [self.stored.scoring] if self.stored and self.stored.scoring else []

    @property
    def material(self) -> Material | None:
        """The first answer to be judged, None when there is none."""
        return self.materials[0] if self.materials else None

    @property
    def number(self) -> int:
        """Which answer it is, of a record that has one alone."""
        return self.material.number if self.material else 1

    @property
    def answers(self) -> int:
        """How many answers the inference has, judged or not."""
        response = self.inference.response
        return len(response.choices) if response else 0
