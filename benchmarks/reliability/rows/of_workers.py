"""Function workers that die, or run out of time."""

from __future__ import annotations

import time

from benchmarks.reliability.captures import Captures, chat, failed
from benchmarks.reliability.rows.evidence import attempts, struck
from benchmarks.reliability.trial import Trial
from benchmarks.reliability.workers import kill, workers
from local.faults import Fault
from local.judge.server import Behaviour

# Judge calls of one worker at once; more in flight means that two are judging.
JUDGE_CONCURRENCY = 16
NOTICED_SECONDS = 3
"""Within these the end of a worker has failed its attempt."""


def killed_while_judging(trial: Trial) -> str:
    """One of the workers that judge is killed."""
    # So slow that no worker is done before it is hit.
    with trial.judging(Behaviour(latency=5)):
        trial.put(trial.mixed(60))
        trial.until(lambda: trial.judge.stats.in_flight > JUDGE_CONCURRENCY, "workers judge")
        kill_a_busy_one(trial)
    trial.settle()
    return attempts(trial, "Runtime.ExitError")


def kill_a_busy_one(trial: Trial) -> None:
    """Kill workers, the oldest first, until an attempt has failed: one without work fails none."""
    for worker in workers(trial.chain, trial.deployment):
        kill([worker])
        given_up = time.monotonic() + NOTICED_SECONDS
        while time.monotonic() < given_up:
            if trial.failed_attempts():
                return
            time.sleep(0.1)


def killed_while_writing(trial: Trial) -> str:
    """All workers are killed when some traces of their batches are written and others are not."""
    proxy = trial.chain.proxy
    before = proxy.struck.total()
    with trial.mlflow(Fault(path="/api/3.0/mlflow/traces", delay=0.4)):
        trial.put(trial.mixed(50))
        trial.until(lambda: proxy.struck.total() >= before + 12, "traces are being written")
        kill(workers(trial.chain, trial.deployment))
    trial.settle()
    return attempts(trial, "Runtime.ExitError")


def out_of_time(trial: Trial) -> str:
    """A slow judge takes longer over a batch than the function has."""
    captures = Captures()
    for number in range(25):
        captures.add(f"{trial.endpoint}-{number}", *chat(number))
    with trial.judging(Behaviour(latency=5)):
        trial.put(captures)
        trial.until(trial.failed_attempts, "an attempt has run out of time")
    trial.settle()
    return attempts(trial, "JudgeUnavailableError")


def out_of_time_in_a_range(trial: Trial) -> str:
    """The same in a range of a file, whose second chunk is left for the next attempt."""
    captures = Captures()
    for number in range(25):
        captures.add(f"{trial.endpoint}-{number}", *chat(number))
    unjudged = failed(trial.endpoint, range(25, 110), 200)
    captures.lines += unjudged.lines
    captures.inferences |= unjudged.inferences
    captures.add_broken([b"{broken"])
    with trial.judging(Behaviour(latency=5)):
        trial.put(captures)
        trial.until(trial.failed_attempts, "an attempt has run out of time")
    trial.settle()
    return attempts(trial, "TransientError")


def slow_store(trial: Trial) -> str:
    """MLflow takes so long that Lambda ends the function in the middle of its writing."""
    before = trial.chain.proxy.struck.total()
    with trial.mlflow(Fault(path="/api/3.0/mlflow/traces", delay=25)):
        trial.put(trial.mixed(25))
        trial.until(trial.failed_attempts, "an attempt was ended by Lambda")
    trial.settle()
    return f"{struck(trial, before)}; {attempts(trial, 'Sandbox.Timedout')}"
