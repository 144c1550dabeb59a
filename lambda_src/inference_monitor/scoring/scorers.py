"""Run the configured scorers over a batch of inferences, many judge calls at a time."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait

from inference_monitor.config.scorers import ScorersConfig
from inference_monitor.delivery import Delivery
from inference_monitor.errors import TransientError
from inference_monitor.ports import ToScore, Verdicts, supersedes
from inference_monitor.scoring.answers import OfAnswer, combine
from inference_monitor.scoring.breaker import Breaker
from inference_monitor.scoring.cost.budget import Budget, Unlimited
from inference_monitor.scoring.record import Allowance, Scored, record_of
from inference_monitor.scoring.tasks import Planned, Planner, Task

Budgets = Callable[[str, str], Budget]
"""The budget of an endpoint and a run."""

_Runs = list[tuple[Task, Future[Scored | None]]]


class Scorers:
    """The scorers of a deployment; an `InferenceScorer` of `ports`."""

    def __init__(
        self,
        planner: Planner,
        config: ScorersConfig,
        *,
        concurrency: int,
        budgets: Budgets | None = None,
        give_up_after: int = 5,
    ) -> None:
        """Assessments are given in the order that the scorers have in `config`."""
        self._planner = planner
        self._config = config
        self._specs = {spec.name: spec for spec in config.scorers}
        self._order = {name: place for place, name in enumerate(self._specs)}
        self._concurrency = concurrency
        self._budgets = budgets or (lambda _endpoint, _run: Unlimited())
        self._give_up_after = give_up_after

    def score(
        self, batch: Sequence[ToScore], delivery: Delivery | None = None
    ) -> Generator[Verdicts, None, None]:
        """Give what is missing for each inference, in order; its third part is what it already has.

        A scorer whose assessment is there is not run again. One that left an error is, and its new
        assessment has the same id; the same error of the same judge is not given again.
        `judge_calls` counts what was asked, with its retries, as one call. All inferences are
        worked on from the first one on; closing the generator ends that.

        Args:
            batch: Inferences with their sources and the assessments MLflow holds of them.
            delivery: Its `scoring_deadline` is when whatever is not done is pending, its `run` what
                the budget is counted for; `scorers` names the only ones to run, if not all are. A
                judge that refuses for good is noted in it, and not asked again.

        Raises:
            TransientError: If it cannot be told which records are to be judged.
        """
        delivery = delivery or Delivery("")
        breaker = Breaker(self._give_up_after)
        deadline = delivery.scoring_deadline
        planned: list[tuple[Planned, _Runs]] = []
        # Not `with`: leaving it would wait for calls that are to be abandoned at the deadline.
        pool = ThreadPoolExecutor(self._concurrency, thread_name_prefix="scorer")
        try:
            for one in batch:
                plan = self._plan(one, delivery)
                budget = self._budgets(one[1].endpoint, delivery.run)
                allowance = Allowance(budget, deadline, delivery.refused_judges)
                runs = [(t, pool.submit(_run, t, breaker, allowance)) for t in plan.tasks]
                planned.append((plan, runs))
            for plan, runs in planned:
                remaining = None if deadline is None else max(0.0, deadline - time.monotonic())
                wait([future for _, future in runs], timeout=remaining)
                yield self._verdicts(plan, runs)
        finally:
            pool.shutdown(wait=False, cancel_futures=True)

    def _plan(self, one: ToScore, delivery: Delivery) -> Planned:
        inference, source, existing = one
        record = record_of(inference, source, self._config)
        return self._planner.plan(record, existing, delivery.scorers)

    def _verdicts(self, planned: Planned, runs: _Runs) -> Verdicts:
        """Add up what the tasks of a record gave; what was said of its answers becomes one."""
        verdicts = Verdicts(others_missing=planned.others_missing, declined_before=planned.declined)
        earlier = {f.assessment_id: f for f in planned.earlier}
        done = [(task, _result(future)) for task, future in runs]
        unsettled: set[str] = set()
        without_value: set[str] = set()
        for name, said in _by_scorer(done).items():
            given = combine(self._specs[name], said, planned.answers)
            if not given and any(one.feedbacks is None for one in said):
                unsettled.add(name)
            if name in unsettled or any(feedback.error for feedback in given):
                without_value.add(name)
            verdicts.assessments += [
                f
                for f in given
                if f.assessment_id not in earlier or supersedes(f, earlier[f.assessment_id])
            ]
        for task, scored in done:
            waiting = [name for name in task.names if name in unsettled]
            if scored is None or scored.pending:
                verdicts.pending += [name for name in waiting if name not in verdicts.pending]
            if scored is not None:
                verdicts.exhausted |= scored.exhausted and bool(waiting)
                verdicts.refused |= scored.refused and not without_value.isdisjoint(task.names)
                verdicts.declined |= scored.declined and not without_value.isdisjoint(task.names)
                verdicts.unreadable += scored.unreadable
                verdicts.judge_calls += scored.judge_calls
                verdicts.input_tokens += scored.input_tokens
                verdicts.output_tokens += scored.output_tokens
                verdicts.cost_usd += scored.cost_usd
        verdicts.assessments.sort(key=lambda f: self._order[(f.metadata or {})["scorer"]])
        return verdicts


def _result(future: Future[Scored | None]) -> Scored | None:
    return future.result() if future.done() and not future.cancelled() else None


def _by_scorer(done: Iterable[tuple[Task, Scored | None]]) -> dict[str, list[OfAnswer]]:
    """What each scorer said, answer by answer."""
    said: dict[str, list[OfAnswer]] = {}
    for task, scored in done:
        for name in task.names:
            own = None
            if scored is not None and not (scored.pending or scored.exhausted):
                own = [f for f in scored.feedbacks if (f.metadata or {})["scorer"] == name]
            said.setdefault(name, []).append(OfAnswer(task.answer, own))
    return said


def _run(task: Task, breaker: Breaker, allowance: Allowance) -> Scored | None:
    """Run a task; None when its judge was not to be asked any more."""
    late = allowance.deadline is not None and time.monotonic() >= allowance.deadline
    if late or (task.asks_judge and breaker.open):
        return None
    try:
        scored = task.run(allowance)
    except TransientError as error:
        breaker.failed(str(error))
        return Scored(judge_calls=1, pending=True)
    if scored.judge_calls:
        breaker.answered()
    return scored
