"""Run the configured scorers over a batch of inferences, many judge calls at a time."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait

from inference_monitor.delivery import Delivery
from inference_monitor.errors import TransientError
from inference_monitor.ports import ToScore, Verdicts
from inference_monitor.scoring.breaker import Breaker
from inference_monitor.scoring.budget import Budget, Unlimited
from inference_monitor.scoring.material import material
from inference_monitor.scoring.record import Allowance, Record, Scored
from inference_monitor.scoring.tasks import Planned, Planner, Task
from inference_monitor.traces.identity import trace_id

Budgets = Callable[[str, str], Budget]
"""The budget of an endpoint and a run."""

_Runs = list[tuple[Task, Future[Scored | None]]]


class Scorers:
    """The scorers of a deployment; an `InferenceScorer` of `ports`."""

    def __init__(
        self,
        planner: Planner,
        order: Sequence[str],
        *,
        concurrency: int,
        max_record_tokens: int,
        budgets: Budgets | None = None,
        give_up_after: int = 5,
    ) -> None:
        """`order` is that of the scorers in the file, by name: assessments are given in it."""
        self._planner = planner
        self._order = {name: place for place, name in enumerate(order)}
        self._concurrency = concurrency
        self._max_record_tokens = max_record_tokens
        self._budgets = budgets or (lambda _endpoint, _run: Unlimited())
        self._give_up_after = give_up_after

    def score(
        self, batch: Sequence[ToScore], delivery: Delivery | None = None
    ) -> Generator[Verdicts, None, None]:
        """Give what is missing for each inference, in order; its third part is what it already has.

        A scorer whose assessment is there is not run again. One that left an error is, and its new
        assessment has the same id; nothing is given when it is the same error again.
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
        record = Record(
            inference,
            source,
            trace_id(source.endpoint, inference.event_id),
            material(inference, self._max_record_tokens),
        )
        return self._planner.plan(record, existing, delivery.scorers)

    def _verdicts(self, planned: Planned, runs: _Runs) -> Verdicts:
        """Add up what the tasks of a record gave."""
        verdicts = Verdicts(others_missing=planned.others_missing, declined_before=planned.declined)
        known = {(f.assessment_id, f.error_code, f.error_message) for f in planned.earlier}
        for task, future in runs:
            scored = future.result() if future.done() and not future.cancelled() else None
            if scored is None or scored.pending:
                verdicts.pending += task.names
            if scored is not None:
                verdicts.exhausted |= scored.exhausted
                verdicts.refused |= scored.refused
                verdicts.declined |= scored.declined
                verdicts.unreadable += scored.unreadable
                verdicts.assessments += [
                    f
                    for f in scored.feedbacks
                    if not f.error or (f.assessment_id, f.error_code, f.error_message) not in known
                ]
                verdicts.judge_calls += scored.judge_calls
                verdicts.input_tokens += scored.input_tokens
                verdicts.output_tokens += scored.output_tokens
                verdicts.cost_usd += scored.cost_usd
        verdicts.assessments.sort(key=lambda f: self._order[(f.metadata or {})["scorer"]])
        return verdicts


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
