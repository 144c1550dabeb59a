"""Function workers that die, or run out of time."""

from __future__ import annotations

from psutil import Process

from benchmarks.reliability.captures import Captures, chat, failed
from benchmarks.reliability.rows.evidence import attempts, struck
from benchmarks.reliability.trial import Trial
from benchmarks.reliability.workers import judging, kill, workers
from local.faults import Fault
from local.judge.server import Behaviour

# Judge calls of one worker at once, so that a slow judge makes a worker run out of time.
JUDGE_CONCURRENCY = 16


def killed_while_judging(trial: Trial) -> str:
    """One of two workers that judge is killed."""
    with trial.judging(Behaviour(latency=1)):
        trial.put(trial.mixed(60))
        kill_one_of_two(trial)
    trial.settle()
    return attempts(trial, "Runtime.ExitError")


def kill_one_of_two(trial: Trial) -> None:
    """Wait until two workers wait for the judge, and kill one of them."""
    victims: list[Process] = []

    def two_judge() -> bool:
        victims[:] = judging(trial.chain, trial.deployment)
        return len(victims) > 1

    trial.until(two_judge, "two workers judge")
    kill(victims[:1])


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
