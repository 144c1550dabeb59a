"""The same records more than once: events, invocations, replays."""

from __future__ import annotations

from functools import partial

from benchmarks.reliability.rows.evidence import attempts
from benchmarks.reliability.trial import Trial, TrialError
from local.judge.server import Behaviour

EVENTS = 5
HOURS = 24
FILES = 4


def same_event(trial: Trial) -> str:
    """EventBridge delivers one event five times at once."""
    with trial.judging(Behaviour(latency=0.1)):
        # One batch, so that several executions are at the same records at the same time.
        key = trial.keep(trial.mixed(25))
        starts = [partial(trial.start, key)] * (EVENTS - 1)
        trial.all_at_once([partial(trial.upload, key), *starts])
        trial.settle()
    trial.settle()
    return f"{EVENTS} executions; {attempts(trial, 'TransientError')}"


def two_invokes(trial: Trial) -> str:
    """Two people let the function read the same file at once; who is refused tries again."""
    with trial.judging(Behaviour(latency=0.2)):
        key = trial.keep(trial.mixed(50), watched=False)
        trial.chain.emulated("s3").put_object(
            Bucket=trial.deployment.bucket, Key=key, Body=trial.files[key].body
        )
        succeeded = trial.all_at_once([partial(trial.invoke, key)] * 2)
    if all(succeeded):
        raise TrialError(f"{trial.name}: the invocations did not meet")
    again = [trial.invoke(key) for succeeded_before in succeeded if not succeeded_before]
    if not all(again):
        raise TrialError(f"{trial.name}: invoked again, it failed: {trial.direct_errors}")
    trial.settle()
    return f"{len(again)} refused, and done when invoked again"


def two_prefixes(trial: Trial) -> str:
    """A second deployment, with an experiment of its own, gets every file at the same time."""
    beside = trial.deploy_beside("beside")
    with trial.judging(Behaviour(latency=0.1)):
        for hour in range(FILES):
            key = trial.keep(trial.mixed(50, first=100 * hour), f"{hour:02d}/00-00-000")
            beside.files[key] = trial.files[key]
            beside.started_by_others(key)
            trial.upload(key)
        trial.settle()
        beside.settle()
    again = trial.recover() + beside.recover()
    return f"{FILES} files to 2 deployments at once{again}"


def started_again(trial: Trial) -> str:
    """An execution is started again when it is done."""
    key = trial.put(trial.mixed(50))
    trial.settle()
    calls = trial.judge.stats.calls
    trial.mend()
    trial.start(key)
    trial.settle()
    return f"{trial.judge.stats.calls - calls} judge calls the second time"


def whole_day(trial: Trial) -> str:
    """Every file of a day is put again."""
    for hour in range(HOURS):
        captures = trial.mixed(12, first=100 * hour)
        trial.keep(captures, f"{hour:02d}/00-00-000")
    trial.a_few_at_a_time(trial.upload, trial.files)
    trial.settle()
    calls = trial.judge.stats.calls
    trial.mend()
    trial.a_few_at_a_time(trial.upload, trial.files)
    trial.settle()
    return f"{HOURS} files twice; {trial.judge.stats.calls - calls} judge calls the second time"
