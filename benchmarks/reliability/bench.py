"""The running stack on which one fault after another is made to happen."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from botocore.exceptions import BotoCoreError, ClientError
from mlflow.exceptions import MlflowException

from benchmarks.reliability.check import check, failures
from benchmarks.reliability.executions import Executions
from benchmarks.reliability.faults import Fault
from benchmarks.reliability.rows.worker_faults import JUDGE_CONCURRENCY
from benchmarks.reliability.traces import Found
from benchmarks.reliability.trial import Trial, TrialError
from local.chain import Chain, Deployment
from local.emulator.behaviour import Behaviour as AwsBehaviour
from local.judge.server import Behaviour
from local.processes import StartError

BUCKET = "reliability-captures"
HURRIED_SECONDS = 60


@dataclass(frozen=True)
class Row:
    """What came of a fault. `said` is what a person reads of what failed for good."""

    fault: Fault
    found: Found
    recovered_after: float
    took: float
    evidence: str
    said: list[str] = field(default_factory=list)

    @property
    def good(self) -> bool:
        """Whether nothing is lost, double or otherwise wrong."""
        return not (self.found.lost or self.found.duplicated or self.found.problems)


class Bench:
    """One chain and its deployments; every fault gets an endpoint of its own."""

    def __init__(self, chain: Chain, deployment: Deployment | None = None) -> None:
        self._chain = chain
        self._deployments: dict[bool, tuple[Deployment, Executions]] = {}
        if deployment:
            self._deployments[False] = (deployment, Executions(chain, deployment))

    def run(self, fault: Fault) -> Row:
        """Make a fault happen, and see what became of its records."""
        trial = Trial(self._chain, *self._deployed(hurried=fault.hurried), fault.name)
        started = time.monotonic()
        self._reset()
        try:
            evidence = fault.happens(trial)
            found, seconds = check(trial), trial.recovered_after
            for other in trial.beside:
                found.add(check(other))
            said = sorted(set(failures(trial)))
        except (TrialError, StartError, ClientError, BotoCoreError, MlflowException) as error:
            found = Found(sum(len(captures.lines) for captures in trial.files.values()))
            found.problems.append(f"{type(error).__name__}: {error}")
            evidence, seconds, said = "", 0.0, []
        finally:
            self._reset()
            for other in trial.beside:
                self._chain.destroy(other.deployment)
        return Row(fault, found, seconds, time.monotonic() - started, evidence, said)

    def _reset(self) -> None:
        self._chain.proxy.fault = None
        self._chain.aws.behave(AwsBehaviour())
        assert self._chain.judge
        self._chain.judge.behaviour = Behaviour()

    def _deployed(self, *, hurried: bool) -> tuple[Deployment, Executions]:
        """The deployment, or the one whose function has only a minute; deployed when needed."""
        if hurried not in self._deployments:
            name = "hurried" if hurried else "steady"
            # What the rows are made for: a judge is slow by so many calls at once.
            limits = {"JUDGE_CONCURRENCY": str(JUDGE_CONCURRENCY)}
            if hurried:
                limits["LAMBDA_TIMEOUT_SECONDS"] = str(HURRIED_SECONDS)
            deployment = self._chain.deploy(name, bucket=BUCKET, endpoint=name, **limits)
            self._deployments[hurried] = (deployment, Executions(self._chain, deployment))
        return self._deployments[hurried]
