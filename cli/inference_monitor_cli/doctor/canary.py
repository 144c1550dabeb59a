"""A canary record through the real chain, until MLflow has it as a scored trace.

It is a capture file of one record in the watched folder. Its variant and its inference id say what
it is, its event id is its own; the file is deleted once it has arrived, the trace stays.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError

from inference_monitor.aws_errors import code_of
from inference_monitor.config.specs import JudgedSpec
from inference_monitor.ledger import Summary, ledger_key
from inference_monitor_cli.deployment import RULE
from inference_monitor_cli.doctor.account import check_notifications
from inference_monitor_cli.doctor.checks import (
    Check,
    Context,
    Finding,
    State,
    failed,
    look,
    note,
    ok,
)
from inference_monitor_cli.doctor.deployed import check_dead_letters, check_rule, rule_matches
from inference_monitor_cli.problems import needs_mlflow
from inference_monitor_cli.project_files import SCORERS, locate
from inference_monitor_cli.scorers_file import load
from inference_monitor_cli.terminal import dollars

CANARY = "inference-monitor-canary"
"""The variant and the inference id of a canary: what it is found by, and removed."""
POLL_SECONDS = 2.0
_CLOCKS_DIFFER = timedelta(minutes=5)
_SEARCH_SECONDS = 60.0
_ENDED_BADLY = ("FAILED", "TIMED_OUT", "ABORTED")
_CAUSE_CHARACTERS = 300


@dataclass
class Canary:
    """Puts one canary, and follows it.

    `wait_seconds` is when it is given up, `progress` is told where it is, in a few words; `clock`
    and `sleep` are time.
    """

    context: Context
    wait_seconds: float
    progress: Callable[[str], None]
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    event_id: str = field(default_factory=lambda: f"{CANARY}-{uuid.uuid4()}")

    def look(self, context: Context) -> Finding:
        """Send it, and say how far it has come."""
        deployment = context.deployment
        self._key = self._new_key()
        if why := self._blocked():
            return why
        self._since = datetime.now(UTC) - _CLOCKS_DIFFER
        self._deadline = self.clock() + self.wait_seconds
        self._described: dict[str, str] = {}
        self._s3 = context.client("s3")
        self._s3.put_object(Bucket=deployment.capture_bucket, Key=self._key, Body=self._line())
        self.progress(f"put s3://{deployment.capture_bucket}/{self._key}")
        finding = self._follow()
        if finding.state in (State.OK, State.NOTE):
            self._s3.delete_object(Bucket=deployment.capture_bucket, Key=self._key)
            return finding
        left = f"the record is s3://{deployment.capture_bucket}/{self._key}"
        return Finding(finding.state, f"{finding.found}; {left}", finding.mend)

    def _follow(self) -> Finding:
        arn = self._started()
        if isinstance(arn, Finding):
            return arn
        ended = self._ended(arn)
        if isinstance(ended, Finding):
            return ended
        if trouble := self._of_ledger(ended):
            return trouble
        return self._traced(ended)

    def _started(self) -> str | Finding:
        """The execution over the file, or why there is none."""
        while True:
            if arn := self._execution():
                self.progress("an execution has started")
                return arn
            if not self._wait("waiting for the rule to start an execution"):
                return self._not_started()

    def _ended(self, arn: str) -> Summary | Finding:
        """What the ledger of the file says, once the execution has ended."""
        states = self.context.client("stepfunctions")
        while True:
            found = states.describe_execution(executionArn=arn)
            if found["status"] in _ENDED_BADLY:
                cause = f"{found.get('error', '')}: {found.get('cause', '')}"[:_CAUSE_CHARACTERS]
                function = self.context.deployment.function_arn.rpartition(":")[2]
                return failed(
                    f"stuck in the workflow: its execution has {found['status']}: {cause}",
                    f"aws logs tail /aws/lambda/{function} --since 1h",
                )
            if found["status"] == "SUCCEEDED":
                return self._ledger()
            if not self._wait("the execution is running"):
                return failed(
                    f"stuck in the workflow: it is still running after {self._minutes}",
                    f"aws stepfunctions get-execution-history --execution-arn {arn} "
                    "--reverse-order --max-items 5",
                )

    def _ledger(self) -> Summary | Finding:
        deployment = self.context.deployment
        key = ledger_key(deployment.capture_bucket, self._key)
        try:
            found = self._s3.get_object(Bucket=deployment.results_bucket, Key=key)
        except ClientError as error:
            if code_of(error) != "NoSuchKey":
                raise
            return failed(
                f"stuck in the workflow: it succeeded and left no ledger {key}", "npx cdk deploy"
            )
        return Summary.from_dict(json.loads(found["Body"].read()))

    def _of_ledger(self, ledger: Summary) -> Finding | None:
        """What the function did instead of tracing it."""
        if ledger.quarantined:
            return failed(
                "stuck in the function: the record is quarantined",
                f"inference-monitor replay --quarantined --dry-run; the reason is in s3://"
                f"{self.context.deployment.results_bucket}/quarantine/",
            )
        if ledger.skipped:
            return failed(
                "stuck in the function: it took the record for one of another endpoint",
                "set SAGEMAKER_ENDPOINT_NAME in .env; npx cdk deploy",
            )
        return None

    def _traced(self, ledger: Summary) -> Finding:
        """The trace as MLflow has it."""
        deployment = self.context.deployment
        uri = deployment.variable("MONITOR_MLFLOW_TRACKING_URI")
        name = deployment.variable("MONITOR_EXPERIMENT_NAME")
        with needs_mlflow("the canary is looked for in MLflow"):
            from inference_monitor_cli.doctor.trace import find_trace  # noqa: PLC0415
        until = self.clock() + _SEARCH_SECONDS
        while (trace := find_trace(uri, name, self.event_id)) is None:
            if self.clock() > until:
                return failed(
                    f"stuck in MLflow: the function has written the trace, and experiment {name} "
                    "does not show it",
                    f"inference-monitor reconcile --from {self.context.now:%Y-%m-%d} --to "
                    f"{self.context.now:%Y-%m-%d}",
                )
            self.progress("waiting for MLflow to show the trace")
            self.sleep(POLL_SECONDS)
        if ledger.scored:
            cost = dollars(ledger.judge_cost_usd)
            return ok(
                f"trace {trace.trace_id}: {trace.scores} scores, {trace.errors} errors, judged for "
                f"{cost}"
            )
        return self._unscored(ledger, trace.trace_id)

    def _unscored(self, ledger: Summary, trace_id: str) -> Finding:
        check = "inference-monitor scorers check --live"
        for count, why in (
            (ledger.judge_refused, "the judge refuses for good"),
            (ledger.judge_unavailable, "the judge could not be reached"),
            (ledger.judge_unreadable, "the judge's answers held no verdict"),
        ):
            if count:
                return failed(f"stuck at the judge: trace {trace_id} has no score: {why}", check)
        if ledger.budget_exhausted:
            return note(
                f"trace {trace_id} is not judged: the budget of this hour is used up",
                "raise JUDGE_BUDGET_USD_PER_DAY in .env; npx cdk deploy",
            )
        if any(
            s.sample_rate < 1 for s in load(locate(SCORERS)).scorers if isinstance(s, JudgedSpec)
        ):
            return note(f"trace {trace_id} is not judged: no scorer's sample_rate was met")
        return failed(f"stuck at the judge: trace {trace_id} has no score", check)

    def _blocked(self) -> Finding | None:
        """What makes it useless to send the record, if anything does."""
        rule = look(Check("rule", "", check_rule), self.context)
        if rule.state is State.FAILED:
            return _stuck("at the rule, where the record would start no execution", rule)
        deployment = self.context.deployment
        try:
            matches = rule_matches(self.context, deployment.capture_bucket, self._key)
        except ClientError:
            return None  # Who may not ask EventBridge waits for what comes.
        if not matches:
            return failed(
                f"stuck at the rule: {RULE.format(deployment.prefix)} does not match the record",
                "npx cdk deploy",
            )
        return None

    def _not_started(self) -> Finding:
        """Why no execution has started in all this time."""
        context = self.context
        for where, check in (
            ("at the bucket", check_notifications), ("at the rule", check_dead_letters)
        ):  # fmt: skip
            finding = look(Check("", "", check), context)
            if finding.state is State.FAILED:
                return _stuck(f"{where}: no execution has started", finding)
        return failed(
            f"stuck at the rule: no execution has started within {self._minutes}; right after a "
            "deployment S3 takes some minutes to send events",
            "inference-monitor doctor --only canary --wait 20",
        )

    def _execution(self) -> str | None:
        """The ARN of the execution whose input names the file."""
        states = self.context.client("stepfunctions")
        pages = states.get_paginator("list_executions").paginate(
            stateMachineArn=self.context.deployment.state_machine_arn
        )
        for page in pages:
            for execution in page["executions"]:
                if execution["startDate"] < self._since:
                    return None
                arn = execution["executionArn"]
                if arn not in self._described:
                    told = states.describe_execution(executionArn=arn).get("input", "")
                    self._described[arn] = told
                if self._key in self._described[arn]:
                    return str(arn)
        return None

    def _wait(self, where: str) -> bool:
        """Wait a little; False when there is no time left."""
        left = self._deadline - self.clock()
        if left <= 0:
            return False
        self.progress(f"{where}, {left / 60:.0f} min left")
        self.sleep(min(POLL_SECONDS, left))
        return True

    @property
    def _minutes(self) -> str:
        return f"{self.wait_seconds / 60:g} min"

    def _new_key(self) -> str:
        """A key as SageMaker names capture files, in the folder that the rule watches."""
        deployment = self.context.deployment
        endpoint, folder = deployment.variable("MONITOR_ENDPOINT_NAME"), deployment.capture_prefix
        if folder.rstrip("/").rpartition("/")[2] != endpoint:
            folder += f"{endpoint}/"
        return f"{folder}{CANARY}/{datetime.now(UTC):%Y/%m/%d/%H/%M-%S}-{self.event_id}.jsonl"

    def _line(self) -> bytes:
        """A capture record as SageMaker writes it."""
        now = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
        request = {
            "messages": [{"role": "user", "content": "In one sentence: what is a canary test?"}]
        }
        said = "It sends one known request through a system to see that all of it works."
        answer = {
            "choices": [
                {
                    "index": 0,
                    "message": {"role": "assistant", "content": said},
                    "finish_reason": "stop",
                }
            ],
            "usage": {"prompt_tokens": 17, "completion_tokens": 17, "total_tokens": 34},
        }
        sides = {
            f"endpoint{side}": {
                "observedContentType": "application/json",
                "mode": side.upper(),
                "data": json.dumps(payload),
                "encoding": "JSON",
            }
            for side, payload in (("Input", request), ("Output", answer))
        }
        metadata = {"eventId": self.event_id, "inferenceId": CANARY, "inferenceTime": now}
        record: dict[str, Any] = {
            "captureData": sides, "eventMetadata": metadata, "eventVersion": "0"
        }  # fmt: skip
        return f"{json.dumps(record)}\n".encode()


def _stuck(where: str, finding: Finding) -> Finding:
    return failed(f"stuck {where}: {finding.found}", finding.mend or "npx cdk deploy")
