"""What is to be run for a record: its code scorers, and the calls its judged criteria need."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from mlflow.entities import Feedback

from inference_monitor.config.specs import ScorerSpec
from inference_monitor.domain import Record
from inference_monitor.scoring.ask import Asking
from inference_monitor.scoring.error_codes import JUDGE_DECLINED
from inference_monitor.scoring.judge.calls import JudgeCall, plan_calls
from inference_monitor.scoring.judge.prompts import Criterion
from inference_monitor.scoring.record import (
    Allowance,
    CodeScorer,
    Scored,
    given_before,
    split_answers,
)
from inference_monitor.scoring.selection import Selection


class Task(Protocol):
    """A piece of work for one answer of a record. `names` are the scorers that wait for it."""

    @property
    def names(self) -> list[str]:
        """The scorers that wait for it."""

    @property
    def answer(self) -> int:
        """The number of the answer, from 1 on."""

    @property
    def asks_judge(self) -> bool:
        """Whether it is of no use to run it while the judge is down."""

    def run(self, allowance: Allowance) -> Scored:
        """Do it.

        Raises:
            TransientError: If it could not be done for now.
        """


@dataclass(frozen=True, slots=True)
class CodeTask:
    """One of the scorers that are code."""

    scorer: CodeScorer
    record: Record
    asks_judge: bool = False

    @property
    def names(self) -> list[str]:
        """The one scorer."""
        return [self.scorer.spec.name]

    @property
    def answer(self) -> int:
        """The answer it is run on."""
        return self.record.number

    def run(self, allowance: Allowance) -> Scored:
        """Run it."""
        return self.scorer.score(self.record, allowance)


@dataclass(frozen=True, slots=True)
class JudgeTask:
    """One call to the judge."""

    call: JudgeCall
    asking: Asking
    asks_judge: bool = True

    @property
    def names(self) -> list[str]:
        """The criteria of the call."""
        return self.call.names

    @property
    def answer(self) -> int:
        """The answer it is about."""
        return self.call.record.number

    def run(self, allowance: Allowance) -> Scored:
        """Make it."""
        return self.asking.ask(self.call, allowance)


@dataclass(frozen=True, slots=True)
class Planned:
    """What is missing for a record. `earlier` are the errors that its scorers left before.

    `others_missing` says that more is missing, of scorers that were not asked for; `answers` is
    how many answers the record has, of which some are judged. `declined` says that a judge has
    declined the record before, which is not asked again.
    """

    tasks: list[Task]
    earlier: list[Feedback]
    others_missing: bool = False
    declined: bool = False
    answers: int = 1


class Planner:
    """Finds out what a record's scorers still have to do."""

    def __init__(
        self,
        specs: Sequence[ScorerSpec],
        code: Mapping[str, CodeScorer],
        criteria: Mapping[str, Criterion],
        selection: Selection,
        asking: Asking,
    ) -> None:
        """`specs` in the order of the file; each is in `code` or in `criteria`, by its name."""
        self._specs = specs
        self._code = code
        self._criteria = criteria
        self._selection = selection
        self._asking = asking

    def plan(self, record: Record, only: frozenset[str] | None) -> Planned:
        """Leave out what this version of a scorer has given already, unless that is an error.

        Raises:
            TransientError: If it cannot be determined which records are to be judged.
        """
        missing, earlier = not_given(self._specs, record)
        all_chosen = self._selection.choose(record, missing)
        chosen = [s for s in all_chosen if only is None or s.name in only]
        asked = [self._criteria[s.name] for s in chosen if s.name in self._criteria]
        calls: list[Task] = [JudgeTask(call, self._asking) for call in plan_calls(record, asked)]
        code: list[Task] = [
            CodeTask(self._code[s.name], one, s.asks_judge)
            for s in chosen
            if s.name in self._code
            for one in (split_answers(record) if s.of_each_answer else [record])
        ]
        # The judge first: it is what takes long.
        others_missing = len(chosen) < len(all_chosen)
        answers = record.answers if record.materials else 1
        declined = any(
            is_declined(feedback)
            for spec in self._specs
            for feedback in given_before(record.existing, record, spec)
        )
        return Planned(calls + code, earlier, others_missing, declined, answers)


def not_given(
    specs: Sequence[ScorerSpec], record: Record
) -> tuple[list[ScorerSpec], list[Feedback]]:
    """The scorers whose version has given a record nothing but errors, and these errors.

    A judge that declined the content is not called again.
    """
    missing: list[ScorerSpec] = []
    earlier: list[Feedback] = []
    for spec in specs:
        given = given_before(record.existing, record, spec)
        if all(feedback.error and not is_declined(feedback) for feedback in given):
            missing.append(spec)
            earlier += given
    return missing, earlier


def is_declined(feedback: Feedback) -> bool:
    """Whether an assessment says that the judge will not judge the content."""
    return feedback.error is not None and feedback.error.error_code == JUDGE_DECLINED
