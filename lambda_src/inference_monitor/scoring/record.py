"""What a scorer is given, and what it gives back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from mlflow.entities import AssessmentSourceType, Feedback

from inference_monitor.config.scorers import ScorersConfig
from inference_monitor.config.specs import ScorerSpec
from inference_monitor.domain import JudgeUsage, Record, RefusedJudges
from inference_monitor.identity import assessment_id
from inference_monitor.scoring.cost.budget import Budget
from inference_monitor.scoring.material import answers_of, materials
from inference_monitor.text import NAME_LIMIT, cut_end, well_formed

MAX_RATIONALE = 4_000
"""Characters."""


def with_materials(record: Record, config: ScorersConfig) -> Record:
    """The record with the answers that judges see, rendered as a configuration says."""
    return replace(
        record,
        materials=materials(
            record.inference,
            config.max_record_tokens,
            config.max_judged_answers,
            config.context_marks,
        ),
    )


def split_answers(record: Record) -> Iterator[Record]:
    """One record for each answer to be judged, which has this answer alone.

    A record with one answer or none is given as it is.
    """
    if record.answers < 2 or not record.materials:
        yield record
        return
    inferences = list(answers_of(record.inference))
    for one in record.materials:
        yield replace(record, inference=inferences[one.number - 1], materials=(one,))


@dataclass(slots=True)
class Scored:
    """What came of one task, and its judge calls.

    `pending` when its judge could not be called, `exhausted` when the budget had no room, `refused`
    when its judge refuses permanently: all are tried again with the next delivery. `declined` when
    the judge will not judge this content, `unreadable` when its answer holds no verdict.
    """

    feedbacks: list[Feedback] = field(default_factory=list)
    pending: bool = False
    exhausted: bool = False
    refused: bool = False
    declined: bool = False
    unreadable: bool = False
    usage: JudgeUsage = field(default_factory=JudgeUsage)


@dataclass(frozen=True, slots=True)
class Allowance:
    """What a task may use: money, time up to a `time.monotonic()`, judges that do not refuse."""

    budget: Budget
    deadline: float | None = None
    refused_judges: RefusedJudges = field(default_factory=RefusedJudges)


class CodeScorer(Protocol):
    """One entry of `scorers.yaml` that we do not ask a judge about, ready to run.

    Called from several threads at once. A scorer that asks a judge itself says so by the counts.
    """

    @property
    def spec(self) -> ScorerSpec:
        """Its entry in `scorers.yaml`."""

    def score(self, record: Record, allowance: Allowance, /) -> Scored:
        """Score one inference.

        Raises:
            JudgeUnavailableError: If a judge could not be asked; nothing is to be written then.
        """


def attach(feedback: Feedback, record: Record, spec: ScorerSpec) -> Feedback:
    """Give an assessment its place: trace, final id, scorer and version; and text MLflow can store.

    A scorer's own name makes the id that a later delivery looks for. A scorer that gives several
    assessments has an id for each of their names.
    """
    feedback.name = cut_end(well_formed(feedback.name), NAME_LIMIT)
    named = spec.name if feedback.name == spec.name else f"{spec.name}/{feedback.name}"
    feedback.assessment_id = assessment_id(record.trace_id, named, spec.version)
    feedback.trace_id = record.trace_id
    if feedback.rationale is not None:
        feedback.rationale = cut_end(well_formed(feedback.rationale), MAX_RATIONALE)
    if isinstance(feedback.value, str):
        feedback.value = well_formed(feedback.value)
    own = {"scorer": spec.name, "scorer_version": spec.version}
    feedback.metadata = {k: str(v) for k, v in (feedback.metadata or {}).items()} | own
    return feedback


def given_before(existing: Sequence[Feedback], record: Record, spec: ScorerSpec) -> list[Feedback]:
    """Those of a trace's assessments that this version of this scorer gave.

    Not what a person has said instead: an edit in MLflow's UI keeps the judge's metadata.
    """
    own_id = assessment_id(record.trace_id, spec.name, spec.version)
    own = {"scorer": spec.name, "scorer_version": spec.version}
    return [
        feedback
        for feedback in existing
        if feedback.assessment_id == own_id
        or (
            feedback.source.source_type != AssessmentSourceType.HUMAN
            and own.items() <= (feedback.metadata or {}).items()
        )
    ]
