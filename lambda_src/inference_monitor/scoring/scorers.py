"""Run the configured scorers over a batch of inferences, many judge calls at a time."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait

from inference_monitor.config.scorers import ScorersConfig
from inference_monitor.domain import Delivery, JudgeUsage, Record, Verdicts, supersedes
from inference_monitor.errors import TransientError
from inference_monitor.scoring.answers import OfAnswer, combine
from inference_monitor.scoring.breaker import Breaker
from inference_monitor.scoring.cost.budget import Budget, Unlimited
from inference_monitor.scoring.record import Allowance, Scored, with_materials
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
        self, records: Sequence[Record], delivery: Delivery | None = None
    ) -> Generator[Verdicts, None, None]:
        """Yield what is missing for each record, in order, see `ports.InferenceScorer`.

        A scorer whose assessment is stored does not run again. One that left an error does, and its
        new assessment has the same id; the same error of the same judge is not given again.

        Args:
            records: With what MLflow holds of them; their materials are rendered here.
            delivery: The deadline, the run that the budget is counted for, and the scorers to run.
                A judge that refuses permanently is noted in it, and not called again.

        Raises:
            TransientError: If it cannot be determined which records are to be judged.
        """
        delivery = delivery or Delivery("")
        breaker = Breaker(self._give_up_after)
        deadline = delivery.scoring_deadline
        planned: list[tuple[Planned, _Runs]] = []
        # Not `with`: leaving it would wait for calls that are to be abandoned at the deadline.
        pool = ThreadPoolExecutor(self._concurrency, thread_name_prefix="scorer")
        try:
            for record in records:
                plan = self._planner.plan(with_materials(record, self._config), delivery.scorers)
                budget = self._budgets(record.source.endpoint, delivery.run)
                allowance = Allowance(budget, deadline, delivery.refused_judges)
                runs = [(t, pool.submit(_run, t, breaker, allowance)) for t in plan.tasks]
                planned.append((plan, runs))
            for plan, runs in planned:
                remaining = None if deadline is None else max(0.0, deadline - time.monotonic())
                wait([future for _, future in runs], timeout=remaining)
                yield self._verdicts(plan, runs)
        finally:
            pool.shutdown(wait=False, cancel_futures=True)

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
                verdicts.usage += scored.usage
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
        return Scored(usage=JudgeUsage(calls=1), pending=True)
    if scored.usage.calls:
        breaker.answered()
    return scored
