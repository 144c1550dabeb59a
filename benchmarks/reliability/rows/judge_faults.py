"""A judge that throttles, is down, talks nonsense, or does not answer."""

from __future__ import annotations

from benchmarks.reliability.rows.evidence import attempts, maybe_attempts
from benchmarks.reliability.trial import Trial, TrialError
from local.judge.server import Behaviour


def throttling(trial: Trial) -> str:
    """Three of ten calls are throttled, all the time."""
    before = trial.judge.stats.throttled
    with trial.judging(Behaviour(throttle=0.3)):
        trial.put(trial.mixed(50))
        trial.settle()
    trial.settle()
    throttled = trial.judge.stats.throttled - before
    if not throttled:
        raise TrialError(f"{trial.name}: nothing was throttled")
    return f"{throttled} calls throttled; {maybe_attempts(trial)}"


def down(trial: Trial) -> str:
    """The judge answers 503 until an attempt has failed for it."""
    with trial.judging(Behaviour(mode="down")):
        trial.put(trial.mixed(50))
        trial.until(trial.failed_attempts, "an attempt has failed")
    trial.settle()
    return attempts(trial, "JudgeUnavailableError")


def down_for_long(trial: Trial) -> str:
    """The judge is down longer than all retries last; the next delivery fills in the scores."""
    with trial.judging(Behaviour(mode="down")):
        key = trial.put(trial.mixed(50))
        trial.settle()
    statuses = set(trial.executions.of(key).values())
    trial.start(key)
    trial.settle()
    return f"execution {', '.join(statuses)} unscored; {attempts(trial, 'JudgeUnavailableError')}"


def nonsense(trial: Trial) -> str:
    """Every verdict is prose: an assessment with an error, replaced by the next delivery."""
    before = trial.judge.stats.answered
    with trial.judging(Behaviour(mode="malformed")):
        key = trial.put(trial.mixed(50))
        trial.settle()
    answered = trial.judge.stats.answered - before
    if not answered:
        raise TrialError(f"{trial.name}: the judge was not asked")
    trial.start(key)
    trial.settle()
    return f"{answered} answers in prose"


def hanging(trial: Trial) -> str:
    """The judge takes calls and never answers them; then it answers new ones."""
    with trial.judging(Behaviour(mode="hang")):
        trial.put(trial.mixed(50))
        trial.until(lambda: trial.judge.stats.in_flight > 16, "calls hang")
    trial.settle()
    return f"{trial.judge.stats.in_flight} calls left hanging; {maybe_attempts(trial)}"
