"""AWS as it behaves where nobody has recorded it, or for a while."""

from __future__ import annotations

import time

from benchmarks.reliability.captures import ANSWER, Captures, Expected
from benchmarks.reliability.rows.evidence import attempts, maybe_attempts
from benchmarks.reliability.rows.worker_faults import kill_one_of_two
from benchmarks.reliability.trial import Trial, TrialError
from local.emulator.behaviour import Behaviour, Oversize
from local.judge.server import Behaviour as JudgeBehaviour
from tests.samples.record import Sample

INACTIVE_SECONDS = 4
SIZES = (60_000, 200_000, 270_000, 1_000_000)
"""Characters of questions: within a batch, above its limit, above a state's, and far above."""


def oversize_fails_the_reader(trial: Trial) -> str:
    """A record above 256 KiB gives `States.ItemReaderFailed`."""
    return _oversize(trial, "reader")


def oversize_passes_the_limit(trial: Trial) -> str:
    """The same gives `States.DataLimitExceeded`."""
    return _oversize(trial, "limit")


def oversize_fails_its_child(trial: Trial) -> str:
    """The same fails a child execution: few of them in one file, the only one of another."""
    return _oversize(trial, "child")


def _oversize(trial: Trial, oversize: Oversize) -> str:
    with trial.aws(Behaviour(oversize=oversize)):
        many = trial.mixed(80)
        few = Captures()
        for number, size in enumerate(SIZES, start=80):
            _add_long(many, f"{trial.endpoint}-{number}", size)
        _add_long(few, f"{trial.endpoint}-alone", SIZES[-1])
        for name, captures in (("09/many", many), ("10/alone", few)):
            trial.put(captures, name)
        trial.settle()
        ways = {key: trial.executions.of(key) for key in trial.files}
    if any(set(ended.values()) != {"SUCCEEDED"} for ended in ways.values()):
        raise TrialError(f"{trial.name}: {ways}")
    children = [
        status
        for ended in ways.values()
        for arn in ended
        for status in trial.executions.children(arn).values()
    ]
    failed = children.count("FAILED")
    if (failed > 0) is not (oversize == "child"):
        raise TrialError(f"{trial.name}: {failed} children failed")
    return f"{failed} children failed; {maybe_attempts(trial)}"


def _add_long(captures: Captures, event: str, size: int) -> None:
    request = {"messages": [{"role": "user", "content": "Why so long? " * (size // 13)}]}
    choices = [{"index": 0, "message": {"role": "assistant", "content": ANSWER}}]
    usage = {"prompt_tokens": size // 4, "completion_tokens": 9}
    sample = Sample(request, {"choices": choices, "usage": usage}, {})
    captures.add(event, sample, Expected((size // 4, 9)))


def function_inactive(trial: Trial) -> str:
    """The function was not invoked for weeks, and Lambda has to set it up again first."""
    with trial.aws(Behaviour(inactive_until=time.time() + INACTIVE_SECONDS)):
        trial.put(trial.mixed(30))
        trial.settle()
    return attempts(trial, "Lambda.CodeArtifactUserPendingException")


def out_of_memory(trial: Trial) -> str:
    """A worker is ended for lack of memory, as current runtimes report it."""
    # The emulator looks up how it reports a worker's end when it notices it, after the kill; and
    # the end of any of these blocks mends everything.
    with (
        trial.aws(Behaviour(killed="Runtime.OutOfMemory")),
        trial.judging(JudgeBehaviour(latency=1)),
    ):
        trial.put(trial.mixed(60))
        kill_one_of_two(trial)
        trial.settle()
    return attempts(trial, "Runtime.OutOfMemory")
