"""A judge that refuses for good until a person mends it, declines content, or never concludes."""

from __future__ import annotations

from collections import Counter

from benchmarks.reliability.backfill import backfill
from benchmarks.reliability.rows.evidence import (
    expect_errors,
    expect_ledger,
    expect_scoring,
    expect_traces,
)
from benchmarks.reliability.rows.worker_faults import JUDGE_CONCURRENCY
from benchmarks.reliability.trial import Trial, TrialError
from inference_monitor.domain import ScoringState
from inference_monitor.scoring.error_codes import (
    JUDGE_DECLINED,
    JUDGE_REFUSED,
    UNREADABLE_VERDICT,
)
from local.judge.server import Behaviour

UNSAFE = "Mix the bleach with acid."


def dead(trial: Trial) -> str:
    """The judge has reached its end; when there is a living one, a backfill has all judged."""
    evidence, key = _refusing(trial, Behaviour(mode="dead"))
    backfill(trial, key)
    trial.settle()
    expect_scoring(trial, ScoringState.COMPLETE, trial.judged(key))
    return f"{evidence}; backfilled"


def no_access(trial: Trial) -> str:
    """A policy lacks the judge's model; when it is mended, the next delivery has all judged."""
    evidence, key = _refusing(trial, Behaviour(mode="no_access"))
    trial.start(key)
    trial.settle()
    expect_scoring(trial, ScoringState.COMPLETE, trial.judged(key))
    return evidence


def declines(trial: Trial) -> str:
    """The judge declines some contents: that is kept, and neither asked again nor lost."""
    captures = trial.mixed(48)
    captures.add_declined(f"{trial.endpoint}-declined", range(6), UNSAFE)
    declined = {event for event, e in captures.inferences.items() if e.declined}
    behaviour = Behaviour(mode="declines", declines="bleach", declined_by="content_filtered")
    before = trial.judge.stats.declined
    with trial.judging(behaviour):
        key = trial.put(captures)
        trial.settle()
        expect_scoring(trial, ScoringState.JUDGE_DECLINED, declined)
        expect_errors(trial, JUDGE_DECLINED, declined)
        expect_ledger(trial, key, judge_declined=len(declined), judge_refused=0)
        asked = trial.judge.stats.declined - before
        trial.start(key)
        trial.settle()
    again = trial.judge.stats.declined - before - asked
    if not asked or again:
        raise TrialError(f"{trial.name}: declined {asked} times, and {again} times when put again")
    expect_scoring(trial, ScoringState.JUDGE_DECLINED, declined)
    return f"{asked} calls declined of {len(declined)} records, none asked again"


def thinks_too_long(trial: Trial) -> str:
    """The judge's thoughts use up all tokens: errors, which the next delivery replaces."""
    before = trial.judge.stats.thought_tokens
    with trial.judging(Behaviour(mode="thinks")):
        key = trial.put(trial.mixed(50))
        trial.settle()
    thought = trial.judge.stats.thought_tokens - before
    if not thought:
        raise TrialError(f"{trial.name}: the judge did not think")
    expect_traces(trial, key)
    expect_errors(trial, UNREADABLE_VERDICT, trial.judged(key))
    unreadable = expect_ledger(trial, key, judge_refused=0)["judge_unreadable"]
    if not unreadable:
        raise TrialError(f"{trial.name}: no call is counted as unreadable")
    trial.start(key)
    trial.settle()
    return f"{unreadable} calls without a verdict, {thought} tokens of thoughts"


def _refusing(trial: Trial, behaviour: Behaviour) -> tuple[str, str]:
    """Have a file judged while the judge refuses; gives what was seen, and the file's key."""
    before = Counter(trial.judge.stats.by_model).total()
    with trial.judging(behaviour):
        key = trial.put(trial.mixed(50))
        trial.settle()
    calls = Counter(trial.judge.stats.by_model).total() - before
    invocations = trial.invocations(key)
    # One each, where the function is new. One that knows the judge has calls in flight by then.
    if not 0 < calls <= invocations * JUDGE_CONCURRENCY:
        raise TrialError(f"{trial.name}: {calls} calls in {invocations} invocations")
    judged = trial.judged(key)
    expect_traces(trial, key)
    expect_scoring(trial, ScoringState.JUDGE_REFUSED, judged)
    expect_errors(trial, JUDGE_REFUSED, judged)
    expect_ledger(trial, key, judge_refused=len(judged), judge_declined=0)
    return f"{calls} calls refused in {invocations} invocations", key
