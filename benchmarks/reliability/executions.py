"""Which executions of a state machine there are over which file, asked for again and again.

What has ended is not asked for again: of ten thousand that would take longer than their work.
"""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from local.chain import Chain, Deployment

_PAGE = 100


@dataclass(frozen=True, slots=True)
class Attempt:
    """A failed attempt at a task: the error by its name, and what it says."""

    error: str
    message: str


class Executions:
    """The executions of one deployment; `refresh` asks for news."""

    def __init__(self, chain: Chain, deployment: Deployment) -> None:
        self._sfn = chain.emulated("stepfunctions")
        self._machine = deployment.state_machine_arn
        self._key_of: dict[str, str] = {}
        self._found: dict[str, dict[str, str]] = defaultdict(dict)
        self._running: set[str] = set()

    def refresh(self) -> None:
        """Ask Step Functions, which gives the newest first, for new and for running executions."""
        pages = self._sfn.get_paginator("list_executions").paginate(
            stateMachineArn=self._machine, PaginationConfig={"PageSize": _PAGE}
        )
        awaited = set(self._running)
        for page in pages:
            arns = {execution["executionArn"] for execution in page["executions"]}
            news = arns - self._key_of.keys()
            awaited -= arns
            for execution in page["executions"]:
                self._keep(execution["executionArn"], execution["status"])
            if not news and not awaited:
                return

    def _keep(self, arn: str, status: str) -> None:
        if arn not in self._key_of:
            text = self._sfn.describe_execution(executionArn=arn)["input"]
            self._key_of[arn] = json.loads(text)["detail"]["object"]["key"]
        self._found[self._key_of[arn]][arn] = status
        if status == "RUNNING":
            self._running.add(arn)
        else:
            self._running.discard(arn)

    def of(self, key: str) -> dict[str, str]:
        """The statuses of the executions over a file, by ARN."""
        return dict(self._found[key])

    def describe(self, arn: str) -> dict[str, Any]:
        """An execution as DescribeExecution has it."""
        return dict(self._sfn.describe_execution(executionArn=arn))

    def start(self, event: dict[str, Any]) -> None:
        """Start an execution as the rule does, or a person."""
        self._sfn.start_execution(stateMachineArn=self._machine, input=json.dumps(event))

    def redrive(self, arn: str) -> None:
        """Let an execution that failed go on, as a person does."""
        self._sfn.redrive_execution(executionArn=arn)
        self._keep(arn, "RUNNING")

    def children(self, arn: str) -> dict[str, str]:
        """The statuses of the batches of an execution so far, by ARN."""
        return {
            child["executionArn"]: child["status"]
            for run in self._sfn.list_map_runs(executionArn=arn)["mapRuns"]
            for child in self._sfn.list_executions(mapRunArn=run["mapRunArn"])["executions"]
        }

    def failed_attempts(self, arn: str) -> list[Attempt]:
        """The failed attempts at tasks of an execution and its batches."""
        return [
            _attempt(event["taskFailedEventDetails"])
            for execution in (arn, *self.children(arn))
            for event in self._sfn.get_execution_history(executionArn=execution)["events"]
            if "taskFailedEventDetails" in event
        ]


def _attempt(details: dict[str, str]) -> Attempt:
    return Attempt(details["error"], message_of(details.get("cause", "")))


def message_of(cause: str) -> str:
    """What a person reads of a cause, which is a function's error as JSON, or plain text."""
    try:
        document = json.loads(cause)
    except ValueError:
        return cause
    return str(document.get("errorMessage", cause)) if isinstance(document, dict) else cause
