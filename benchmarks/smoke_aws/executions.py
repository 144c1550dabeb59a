"""Put the capture files, and follow what the workflow makes of each."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from benchmarks.smoke_aws.captures import Capture
from benchmarks.smoke_aws.findings import Finding, Outcome, compared, unknown
from inference_monitor.ledger import Summary, ledger_key
from inference_monitor_cli.deployment import Deployment

_RUNNING = "RUNNING"
_HOUR = "2026/03/02/09"


@dataclass(frozen=True)
class Watch:
    """The executions of a deployment; seconds to be patient, and between two looks."""

    deployment: Deployment
    event_seconds: float = 600
    run_seconds: float = 900
    again_seconds: float = 15
    look_seconds: float = 3

    def first_event(self, capture: Capture) -> Iterator[Finding]:
        """Put a file again and again until one starts the workflow: EventBridge's delay."""
        began, puts = time.monotonic(), 0
        expected = "an execution within 10 minutes of the switch on EventBridge"
        while (waited := time.monotonic() - began) < self.event_seconds:
            key = self._put(f"first-{puts}", capture.body)
            puts += 1
            if self._executions(key, self.again_seconds):
                yield compared(
                    "EventBridge's delay after the switch", True, expected=expected,
                    found=f"file {puts} started one, {waited:.0f} s after the deployment; the "
                    f"{puts - 1} before did not", means="", seconds=round(waited), puts=puts,
                )  # fmt: skip
                return
        yield Finding(
            "EventBridge's delay after the switch", Outcome.DIFFERS, expected,
            f"none of {puts} files started the workflow in {waited:.0f} s",
            "Events do not come: check the bucket's EventBridge switch, its Region and the rule.",
        )  # fmt: skip

    def file(self, capture: Capture) -> Finding:
        """Put a file, wait for its execution, and compare its ledger with what it holds."""
        check = f"file: {capture.name}"
        expected = (
            f"succeeds; {capture.captured} captured, {capture.duplicate} duplicate, "
            f"{capture.quarantined} quarantined"
        )
        key = self._put(capture.name, capture.body)
        ended = self._ended(key)
        if ended is None:
            return unknown(check, expected, f"no execution has ended in {self.run_seconds:.0f} s")
        ledger = self.ledger(key)
        errors = self.errors(ended["executionArn"])
        counts = ledger.as_dict() if ledger else {}
        good = ended["status"] == "SUCCEEDED" and _right(ledger, capture)
        found = f"{ended['status']}; "
        found += (
            f"{ledger.captured} captured, {ledger.traced} traced, "
            f"{ledger.duplicate} duplicate, {ledger.quarantined} quarantined"
            if ledger
            else "no ledger"
        )
        states = self._states(ended["executionArn"])
        found += f"; error names: {', '.join(errors) or 'none'}; by {', '.join(states)}"
        return compared(
            check, good, expected=expected, found=found,
            means="Lines are lost or counted wrongly here: the error name belongs into "
            "`stacks/workflow.py`'s Catch, or the ledger's counts into the readers.",
            status=ended["status"], error=ended.get("error"), errors=errors, ledger=counts,
        )  # fmt: skip

    def ledger(self, key: str) -> Summary | None:
        """The ledger of a file, None if there is none."""
        s3 = self.deployment.session.client("s3")
        bucket = self.deployment.results_bucket
        try:
            body = s3.get_object(
                Bucket=bucket, Key=ledger_key(self.deployment.capture_bucket, key)
            )["Body"].read()
        except s3.exceptions.NoSuchKey:
            return None
        return Summary.from_dict(json.loads(body))

    def errors(self, execution: str) -> list[str]:
        """The names of all errors in the history of an execution and of its map's children."""
        found = dict.fromkeys(self._errors_of(execution))
        sfn = self.deployment.session.client("stepfunctions")
        for run in sfn.list_map_runs(executionArn=execution)["mapRuns"]:
            children = sfn.list_executions(mapRunArn=run["mapRunArn"])["executions"]
            for child in children:
                found |= dict.fromkeys(self._errors_of(child["executionArn"]))
        return list(found)

    def _states(self, execution: str) -> list[str]:
        """The states that an execution has entered, in their order."""
        entered = (event.get("stateEnteredEventDetails") for event in self._events(execution))
        return [details["name"] for details in entered if details]

    def stop_all(self) -> None:
        """Stop what still runs, so that the stack can be deleted."""
        sfn = self.deployment.session.client("stepfunctions")
        for execution in self._listed(_RUNNING):
            sfn.stop_execution(executionArn=execution["executionArn"])

    def key(self, name: str) -> str:
        """The key of a file in SageMaker's folder layout."""
        return f"{self.deployment.capture_prefix}AllTraffic/{_HOUR}/{name}.jsonl"

    def _put(self, name: str, body: bytes) -> str:
        key = self.key(name)
        s3 = self.deployment.session.client("s3")
        s3.put_object(Bucket=self.deployment.capture_bucket, Key=key, Body=body)
        return key

    def _ended(self, key: str) -> dict[str, Any] | None:
        deadline = time.monotonic() + self.run_seconds
        while time.monotonic() < deadline:
            found = self._executions(key, 0)
            if found and all(e["status"] != _RUNNING for e in found):
                return found[0]
            time.sleep(self.look_seconds)
        return None

    def _executions(self, key: str, patience: float) -> list[dict[str, Any]]:
        """The executions over a file, once there are some, or after `patience` seconds."""
        sfn = self.deployment.session.client("stepfunctions")
        deadline = time.monotonic() + patience
        while True:
            described = (
                sfn.describe_execution(executionArn=e["executionArn"]) for e in self._listed()
            )
            found = [e for e in described if _key_of(e) == key]
            if found or time.monotonic() >= deadline:
                return found
            time.sleep(min(self.look_seconds, patience))

    def _listed(self, status: str | None = None) -> list[dict[str, Any]]:
        sfn = self.deployment.session.client("stepfunctions")
        only = {"statusFilter": status} if status else {}
        machine = self.deployment.state_machine_arn
        pages = sfn.get_paginator("list_executions").paginate(stateMachineArn=machine, **only)
        return [execution for page in pages for execution in page["executions"]]

    def _errors_of(self, execution: str) -> Iterator[str]:
        for event in self._events(execution):
            for name, details in event.items():
                if name.endswith("EventDetails") and details.get("error"):
                    yield f"{event['type']} {details['error']}"

    def _events(self, execution: str) -> Iterator[dict[str, Any]]:
        sfn = self.deployment.session.client("stepfunctions")
        # Without what the states were given: that holds records.
        pages = sfn.get_paginator("get_execution_history").paginate(
            executionArn=execution, includeExecutionData=False
        )
        for page in pages:
            yield from page["events"]


def _key_of(execution: dict[str, Any]) -> str | None:
    try:
        return str(json.loads(execution["input"])["detail"]["object"]["key"])
    except (KeyError, TypeError, ValueError):
        return None


def _right(ledger: Summary | None, capture: Capture) -> bool:
    if ledger is None:
        return capture.captured == 0
    counts = (ledger.captured, ledger.quarantined, ledger.duplicate)
    expected = (capture.captured, capture.quarantined, capture.duplicate)
    return ledger.balanced and counts == expected
