"""One fault's share of the running stack: an endpoint, its files, and waiting for their end."""

from __future__ import annotations

import json
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

from benchmarks.reliability.captures import Captures, mixed
from benchmarks.reliability.executions import Attempt, Executions
from inference_monitor.claims import GRACE_SECONDS
from local.chain import Chain, Deployment
from local.faults import Fault
from local.judge.server import Behaviour, StandInJudge

T = TypeVar("T")
SECONDS = 300
STARTS = 3
# Every execution is some threads in the emulator; AWS would start thousands at once.
AT_ONCE = 12


class TrialError(Exception):
    """The fault did not come about, or the chain did not recover; says what was awaited."""


@dataclass
class Trial:
    """Capture files put for one fault, by key, and the executions that must come of them."""

    chain: Chain
    deployment: Deployment
    executions: Executions
    name: str
    files: dict[str, Captures] = field(default_factory=dict)
    direct_errors: list[str] = field(default_factory=list)
    direct_answers: list[dict[str, Any]] = field(default_factory=list)
    beside: list[Trial] = field(default_factory=list)
    _wanted: Counter[str] = field(default_factory=Counter)
    _mended_at: float | None = None
    _ended_at: float | None = None

    def __post_init__(self) -> None:
        """Name the endpoint, as no other run does."""
        self.endpoint = f"{self.name}-{uuid.uuid4().hex[:6]}"
        self.seconds_allowed = SECONDS

    def deploy_beside(self, stack_prefix: str) -> Trial:
        """A further deployment that watches the same files, with an experiment of its own.

        `bench` checks and destroys it with this trial.
        """
        watched = self.deployment
        deployment = self.chain.deploy(
            stack_prefix,
            bucket=watched.bucket,
            endpoint=watched.prefix,
            JUDGE_CONCURRENCY=watched.settings["JUDGE_CONCURRENCY"],
            MLFLOW_EXPERIMENT_NAME=stack_prefix,
        )
        other = Trial(self.chain, deployment, Executions(self.chain, deployment), self.name)
        other.endpoint = self.endpoint
        self.beside.append(other)
        return other

    @property
    def judge(self) -> StandInJudge:
        """The stand-in judge."""
        assert self.chain.judge
        return self.chain.judge

    @property
    def recovered_after(self) -> float:
        """Seconds from the end of the fault to the end of the last execution."""
        if self._mended_at is None or self._ended_at is None:
            raise TrialError(f"{self.name}: the fault never ended")
        return max(0.0, self._ended_at - self._mended_at)

    def mixed(self, count: int, first: int = 0) -> Captures:
        """Inferences of every family."""
        return mixed(self.endpoint, range(first, first + count))

    def keep(self, captures: Captures, name: str = "09/captures", *, watched: bool = True) -> str:
        """Give a file a key, in SageMaker's layout; one that is not watched starts nothing."""
        prefix = self.deployment.prefix if watched else "by-hand"
        key = f"{prefix}/{self.endpoint}/AllTraffic/2026/03/02/{name}.jsonl"
        self.files[key] = captures
        return key

    def put(self, captures: Captures, name: str = "09/captures") -> str:
        """Put a file, which starts an execution; gives its key."""
        key = self.keep(captures, name)
        self.upload(key)
        return key

    def upload(self, key: str) -> None:
        """Put a file again, or for the first time."""
        self._wanted[key] += 1
        s3 = self.chain.emulated("s3")
        s3.put_object(Bucket=self.deployment.bucket, Key=key, Body=self.files[key].body)

    def event(self, key: str) -> dict[str, Any]:
        """The event of S3 for a file."""
        return {"detail": {"bucket": {"name": self.deployment.bucket}, "object": {"key": key}}}

    def start(self, key: str) -> None:
        """Start an execution over a file (again), with the input it had."""
        self._wanted[key] += 1
        self.executions.start(self.event(key))

    def started_by_others(self, key: str) -> None:
        """Note that somebody else has started an execution over a file, to wait for its end."""
        self._wanted[key] += 1

    def invoke(self, key: str) -> bool:
        """Let the function read a file itself; gives whether it succeeded."""
        payload = json.dumps({"bucket": self.deployment.bucket, "key": key})
        said = self.chain.emulated("lambda").invoke(
            FunctionName=self.deployment.function_arn, Payload=payload
        )
        answer = json.loads(said["Payload"].read())
        if "FunctionError" in said:
            self.direct_errors.append(f"{answer['errorType']}: {answer['errorMessage']}")
            return False
        self.direct_answers.append(answer)
        return True

    def settle(self) -> None:
        """Wait until every execution that was started has ended."""
        self.until(self._all_ended, "all executions have ended")
        self._ended_at = time.monotonic()

    def recover(self) -> str:
        """Wait likewise; what has failed by then is started again, as its alarm says.

        A real retry waits long enough for a server to restart, and until the claims that a failed
        attempt has given back expire; shortened ones do not, so that is waited for here.
        """
        self.settle()
        for starts in range(STARTS):
            failed = [k for k in self.files if "SUCCEEDED" not in self.executions.of(k).values()]
            if not failed:
                return f"; failed and started again ({starts} x)" if starts else ""
            time.sleep(GRACE_SECONDS)
            for key in failed:
                self.start(key)
            self.settle()
        return f"; failed and started again ({STARTS} x)"

    def mend(self) -> None:
        """Take every fault away; recovering is counted from now."""
        self.chain.proxy.fault = None
        self.judge.behaviour = Behaviour()
        self._mended_at = time.monotonic()

    @contextmanager
    def mlflow(self, fault: Fault) -> Iterator[None]:
        """A fault on the way to MLflow, for as long as the block lasts."""
        self.chain.proxy.fault = fault
        try:
            yield
        finally:
            self.mend()

    @contextmanager
    def judging(self, behaviour: Behaviour) -> Iterator[None]:
        """A judge that behaves like this, for as long as the block lasts."""
        self.judge.behaviour = behaviour
        try:
            yield
        finally:
            self.mend()

    def failed_attempts(self) -> list[Attempt]:
        """The failed attempts at tasks over all files so far."""
        self.executions.refresh()
        arns = [arn for key in self.files for arn in self.executions.of(key)]
        return [attempt for arn in arns for attempt in self.executions.failed_attempts(arn)]

    def invocations(self, key: str) -> int:
        """How often the function was asked to judge a file's batches, by all its executions."""
        return sum(len(self.executions.children(arn)) for arn in self.executions.of(key))

    def judged(self, key: str) -> set[str]:
        """The events of a file that a judge is asked about."""
        return {event for event, e in self.files[key].inferences.items() if e.judged}

    def until(self, condition: Callable[[], object], what: str) -> None:
        """Wait until a condition holds.

        Raises:
            TrialError: If that takes longer than `seconds_allowed`.
        """
        started = time.monotonic()
        while True:
            asked = time.monotonic()
            if condition():
                return
            took = time.monotonic() - asked
            if asked - started > self.seconds_allowed:
                raise TrialError(f"{self.name}: not in {self.seconds_allowed} s: {what}")
            time.sleep(max(0.1, took))

    def all_at_once(self, actions: Iterable[Callable[[], T]]) -> list[T]:
        """Do several things at the same time."""
        actions = list(actions)
        with ThreadPoolExecutor(len(actions)) as pool:
            return [future.result() for future in [pool.submit(action) for action in actions]]

    def a_few_at_a_time(self, begin: Callable[[str], None], keys: Iterable[str]) -> None:
        """Begin something for each file, with no more than some executions running."""
        for key in keys:
            if self._wanted.total() % AT_ONCE == 0:
                self.until(self._all_ended, "the executions before have ended")
            begin(key)

    def _all_ended(self) -> bool:
        self.executions.refresh()
        return all(
            len(found := self.executions.of(key)) == wanted and "RUNNING" not in found.values()
            for key, wanted in self._wanted.items()
        )
