"""Run the configured scorers over a batch of inferences, many judge calls at a time."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from threading import Lock

from mlflow.entities import Feedback

from inference_monitor.errors import JudgeUnavailableError
from inference_monitor.inference import Inference, Source
from inference_monitor.ports import Verdicts
from inference_monitor.scoring.material import material
from inference_monitor.scoring.record import Record, Scored, Scorer, given_before
from inference_monitor.traces.identity import trace_id

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Task:
    """One scorer and one inference; `earlier` is what the scorer gave for it on a past delivery."""

    index: int
    scorer: Scorer
    record: Record
    earlier: list[Feedback]


class Scorers:
    """The scorers of a deployment; an `InferenceScorer` of `ports`."""

    def __init__(
        self,
        scorers: Sequence[Scorer],
        *,
        concurrency: int,
        max_characters: int,
        give_up_after: int = 5,
    ) -> None:
        self._scorers = scorers
        self._concurrency = concurrency
        self._max_characters = max_characters
        self._give_up_after = give_up_after

    def score(
        self,
        batch: Sequence[tuple[Inference, Source, Sequence[Feedback]]],
        deadline: float | None = None,
    ) -> list[Verdicts]:
        """Give what is missing for each inference, in order; its third part is what it already has.

        A scorer whose assessment is there is not run again. One that left an error is, and its new
        assessment has the same id; nothing is given when it is the same error again.
        `judge_calls` counts Converse calls, failed ones too, with botocore's retries as one call.

        Args:
            batch: Inferences with their sources and the assessments MLflow holds of them.
            deadline: A `time.monotonic()` after which whatever is not done is pending.
        """
        verdicts = [Verdicts() for _ in batch]
        breaker = _Breaker(self._give_up_after)
        # Not `with`: leaving it would wait for calls that are to be abandoned at the deadline.
        pool = ThreadPoolExecutor(self._concurrency, thread_name_prefix="scorer")
        try:
            runs = [
                (task, pool.submit(_run, task, breaker, deadline)) for task in self._tasks(batch)
            ]
            remaining = None if deadline is None else max(0.0, deadline - time.monotonic())
            wait([future for _, future in runs], timeout=remaining)
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
        for task, future in runs:
            done = future.done() and not future.cancelled()
            _add(verdicts[task.index], task, future.result() if done else None)
        return verdicts

    def _tasks(self, batch: Sequence[tuple[Inference, Source, Sequence[Feedback]]]) -> list[_Task]:
        """What is to be run: every scorer that is for an inference and has no assessment of it."""
        tasks = []
        for index, (inference, source, existing) in enumerate(batch):
            record = Record(
                inference,
                source,
                trace_id(source.endpoint, inference.event_id),
                material(inference, self._max_characters),
            )
            for scorer in self._scorers:
                earlier = given_before(existing, record, scorer.spec)
                if record.is_for(scorer.spec) and all(feedback.error for feedback in earlier):
                    tasks.append(_Task(index, scorer, record, earlier))
        return tasks


class _Breaker:
    """Stops asking a judge that did not answer several times in a row, for the rest of a batch.

    Each unanswered call costs its timeouts and retries; the batch comes back anyway.
    """

    def __init__(self, give_up_after: int) -> None:
        self._give_up_after = give_up_after
        self._failures = 0
        self._lock = Lock()

    @property
    def open(self) -> bool:
        return self._failures >= self._give_up_after

    def answered(self) -> None:
        with self._lock:
            if not self.open:  # late answers of calls already in flight do not close it again
                self._failures = 0

    def failed(self, reason: str) -> None:
        with self._lock:
            self._failures += 1
            if self._failures == self._give_up_after:
                logger.warning("judge unavailable (%s): the rest of the batch is pending", reason)


def _run(task: _Task, breaker: _Breaker, deadline: float | None) -> Scored | None:
    """Run one scorer; None when its judge was not to be asked any more."""
    asks_judge = task.scorer.asks_judge
    if (asks_judge and breaker.open) or (deadline is not None and time.monotonic() >= deadline):
        return None
    try:
        scored = task.scorer.score(task.record)
    except JudgeUnavailableError as error:
        breaker.failed(str(error))
        return Scored(judge_calls=1, pending=True)
    if scored.judge_calls:
        breaker.answered()
    return scored


def _add(verdicts: Verdicts, task: _Task, scored: Scored | None) -> None:
    if scored is None or scored.pending:
        verdicts.pending.append(task.scorer.spec.name)
    if scored is None:
        return
    known_errors = {(f.assessment_id, f.error_code, f.error_message) for f in task.earlier}
    verdicts.assessments += [
        feedback
        for feedback in scored.feedbacks
        if not feedback.error
        or (feedback.assessment_id, feedback.error_code, feedback.error_message) not in known_errors
    ]
    verdicts.judge_calls += scored.judge_calls
    verdicts.input_tokens += scored.input_tokens
    verdicts.output_tokens += scored.output_tokens
    verdicts.cost_usd += scored.cost_usd
