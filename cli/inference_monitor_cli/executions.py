"""Start the workflow, and follow its executions to their ends."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from threading import Event
from typing import Any

from botocore.exceptions import ClientError

from inference_monitor_cli.captures import Hours, capture_files, nothing_found
from inference_monitor_cli.deployment import Deployment
from inference_monitor_cli.sending import NotSentError, Plan, Sending

POLL_SECONDS = 2.0
_ENDED_BADLY = ("FAILED", "TIMED_OUT", "ABORTED")
_CAUSE_CHARACTERS = 300


class Executions:
    """Executions of a deployment's workflow; `stopped` ends the waiting for them, not them."""

    def __init__(self, deployment: Deployment, stopped: Event) -> None:
        self._states = deployment.session.client("stepfunctions")
        self._machine = deployment.state_machine_arn
        self._stopped = stopped

    def start(self, names: Sequence[str], event: str) -> str:
        """Start one execution, under the first of these names that will do; gives its ARN.

        Step Functions refuses a name for 90 days. One that is taken by an execution that runs or
        has succeeded means that this was sent before; one whose execution failed is passed over.
        """
        for name in names:
            try:
                started = self._states.start_execution(
                    stateMachineArn=self._machine, name=name, input=event
                )
                return str(started["executionArn"])
            except ClientError as error:
                if error.response.get("Error", {}).get("Code") != "ExecutionAlreadyExists":
                    raise
            arn = f"{self._machine.replace(':stateMachine:', ':execution:')}:{name}"
            if self._states.describe_execution(executionArn=arn)["status"] not in _ENDED_BADLY:
                break
        return arn

    def follow(self, arn: str) -> None:
        """Wait until an execution has ended.

        Raises:
            NotSentError: If it has failed.
        """
        while True:
            found = self._states.describe_execution(executionArn=arn)
            if found["status"] in _ENDED_BADLY:
                raise NotSentError(f"{_told(found)}; see {arn}")
            if found["status"] != "RUNNING" or self._stopped.wait(POLL_SECONDS):
                return


class HoursReplay:
    """The capture files of a range of hours; `asked` goes into the inputs of their executions."""

    def __init__(
        self,
        deployment: Deployment,
        where: str | None,
        hours: Hours,
        stopped: Event,
        asked: Mapping[str, Any] | None = None,
    ) -> None:
        self._s3 = deployment.session.client("s3")
        self._bucket = deployment.capture_bucket
        self._prefix = _key(deployment, where)
        self._hours = hours
        self._asked = dict(asked or {})
        self._executions = Executions(deployment, stopped)
        # A day that was replayed before can be replayed again; a repeated request is one start.
        self._run = f"replay-{datetime.now(UTC):%Y%m%dT%H%M%S%f}"

    def plan(self) -> Plan:
        """Each capture file is one thing to send."""
        plan = Plan("capture files")
        plan.sendings = self.of(self.files(plan))
        return plan

    def files(self, plan: Plan) -> Iterator[str]:
        """The keys of the files; `plan` is told what belongs to no hour, and if there is none."""
        found = False
        for file in capture_files(self._s3, self._bucket, self._prefix, self._hours):
            found = True
            if file.hour is None:
                uri = f"s3://{self._bucket}/{file.key}"
                plan.stays.append(f"{uri}: its path has no date; invoke the function with its key")
            else:
                yield file.key
        if not found:
            plan.unusable.append(nothing_found(self._s3, self._bucket, self._prefix, self._hours))

    def of(self, keys: Iterable[str]) -> Iterator[Sending]:
        """Some of the files, ready to be sent."""
        for key in keys:
            yield Sending(f"s3://{self._bucket}/{key}", partial(self._send, key))

    def _send(self, key: str) -> None:
        file = {"bucket": {"name": self._bucket}, "object": {"key": key}}
        event = {"detail": file, **self._asked}
        name = f"{self._run}-{digest_of(key)}"
        self._executions.follow(self._executions.start([name], json.dumps(event)))


def digest_of(text: str) -> str:
    """A piece for the name of an execution, which has 80 characters in all."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _key(deployment: Deployment, where: str | None) -> str:
    """The part of the capture bucket that a person means; all that is watched by default."""
    if where is None:
        return deployment.capture_prefix
    return where.removeprefix(f"s3://{deployment.capture_bucket}/")


def _told(found: dict[str, Any]) -> str:
    cause = str(found.get("cause") or "")[:_CAUSE_CHARACTERS]
    return f"the execution ended as {found['status']}: {found.get('error', '')} {cause}".strip()
