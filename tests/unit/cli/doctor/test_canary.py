"""The canary of `doctor`: wherever it gets stuck, that place is named."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import pytest

from inference_monitor_cli.doctor import trace as doctor_trace
from inference_monitor_cli.doctor.canary import CANARY, Canary
from inference_monitor_cli.doctor.checks import Check, Context, Finding, look
from inference_monitor_cli.doctor.trace import FoundTrace
from tests.unit.emulated_account import BUCKET, MACHINE, RESULTS, Account, emulated, healthy

TRACED = {"captured": 1, "traced": 1, "scored": 1, "judge_cost_usd": 0.012}
EXECUTION = f"{MACHINE.replace(':stateMachine:', ':execution:')}:canary"


@dataclass
class Chain:
    """What becomes of the canary: nothing, unless a test says otherwise."""

    account: Account
    now: float = 0
    shown: list[str] = field(default_factory=list)
    each_poll: Callable[[], None] = lambda: None

    def send(self) -> Finding:
        """Send a canary that is given up after a minute."""
        session: Any = boto3.Session()
        context = Context(session)
        canary = Canary(context, 60, self.shown.append, lambda: self.now, self._sleep)
        return look(Check("canary", "", canary.look), context)

    def key(self) -> str | None:
        """The key of the canary in the bucket."""
        found = _s3().list_objects_v2(Bucket=BUCKET).get("Contents", [])
        return next((content["Key"] for content in found if CANARY in content["Key"]), None)

    def execution(self, status: str, ledger: dict[str, float] | None = None, **more: str) -> None:
        """Have an execution over the canary from the first poll on."""

        def start() -> None:
            event = {"detail": {"bucket": {"name": BUCKET}, "object": {"key": self.key()}}}
            self.account.executions = [
                {
                    "executionArn": EXECUTION,
                    "stateMachineArn": MACHINE,
                    "name": "canary",
                    "status": status,
                    "startDate": datetime.now(UTC),
                    "input": json.dumps(event),
                    **more,
                }
            ]
            if ledger:
                key = f"ledger/{BUCKET}/{self.key()}.json"
                _s3().put_object(Bucket=RESULTS, Key=key, Body=json.dumps(ledger).encode())

        self.each_poll = start

    def _sleep(self, seconds: float) -> None:
        self.now += seconds
        self.each_poll()


def _s3() -> Any:
    session: Any = boto3.Session()
    return session.client("s3")


@pytest.fixture
def chain(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Chain]:
    """A deployed monitor of `shop`, and a working directory without `.env`."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("STACK_PREFIX", "dev")
    with emulated(monkeypatch) as account:
        healthy(account)
        yield Chain(account)


@pytest.fixture
def mlflow(monkeypatch: pytest.MonkeyPatch) -> list[FoundTrace]:
    """What MLflow shows: the traces of this list, the last first."""
    traces: list[FoundTrace] = []
    monkeypatch.setattr(doctor_trace, "find_trace", lambda *_: traces[-1] if traces else None)
    return traces


def test_it_arrives(chain: Chain, mlflow: list[FoundTrace]) -> None:
    """The trace is named with its scores, and the file in the bucket is gone."""
    chain.execution("SUCCEEDED", TRACED)
    mlflow.append(FoundTrace("tr-1", 8, 0))
    finding = chain.send()
    assert (finding.state, finding.found) == (
        "ok", "trace tr-1: 8 scores, 0 errors, judged for $0.012",
    )  # fmt: skip
    assert chain.key() is None
    assert chain.shown[0].startswith(
        f"put s3://{BUCKET}/model-monitor/data-capture/shop/{CANARY}/20"
    )


def test_its_execution_fails(chain: Chain) -> None:
    """The error of the workflow is told, with the log to look at; the file stays and is named."""
    chain.execution("FAILED", error="TransientError", cause="MLflow answers 503")
    finding = chain.send()
    assert finding.state == "failed"
    assert finding.found.startswith(
        "stuck in the workflow: its execution has FAILED: TransientError: MLflow answers 503"
    )
    assert f"the record is s3://{BUCKET}/{chain.key()}" in finding.found
    assert (
        finding.mend == "aws logs tail /aws/lambda/sagemaker-data-capture-processor-dev --since 1h"
    )


def test_it_takes_too_long(chain: Chain) -> None:
    """An execution that is still running at the end is told with how to look into it."""
    chain.execution("RUNNING")
    finding = chain.send()
    assert "it is still running after 1 min" in finding.found
    assert f"--execution-arn {EXECUTION}" in str(finding.mend)
    assert "the execution is running, 1 min left" in chain.shown


def test_no_execution_starts(chain: Chain) -> None:
    """Without any known reason it says what is usual, and how to wait longer."""
    finding = chain.send()
    assert finding.found.startswith("stuck at the rule: no execution has started within 1 min")
    assert finding.mend == "inference-monitor doctor --only canary --wait 20"


def test_its_event_is_in_the_dead_letter_queue(chain: Chain) -> None:
    """The rule could not start the state machine: the queue is named."""
    session: Any = boto3.Session()
    sqs = session.client("sqs")
    url = sqs.get_queue_url(QueueName="dead-letters")["QueueUrl"]
    chain.each_poll = lambda: sqs.send_message(QueueUrl=url, MessageBody="{}")
    finding = chain.send()
    assert finding.found.startswith("stuck at the rule: no execution has started: ")
    assert finding.mend == "inference-monitor replay --dlq"


@pytest.mark.parametrize(
    ("ledger", "told"),
    [
        ({"captured": 1, "quarantined": 1}, "stuck in the function: the record is quarantined"),
        ({"captured": 1, "skipped": 1, "foreign": 1}, "took the record for one of another"),
        ({"captured": 1, "traced": 1, "judge_refused": 1}, "score: the judge refuses for good"),
        ({"captured": 1, "traced": 1, "judge_unavailable": 1}, "judge could not be reached"),
        ({"captured": 1, "traced": 1}, "stuck at the judge: trace tr-1 has no score"),
    ],
)
def test_it_is_not_scored(
    ledger: dict[str, float], told: str, chain: Chain, mlflow: list[FoundTrace]
) -> None:
    """What the function did instead is read from the ledger of the file."""
    chain.execution("SUCCEEDED", ledger)
    mlflow.append(FoundTrace("tr-1", 1, 0))
    finding = chain.send()
    assert (finding.state, told in finding.found) == ("failed", True), finding


def test_a_budget_that_is_used_up_is_no_failure(chain: Chain, mlflow: list[FoundTrace]) -> None:
    """The chain works; the record is judged when there is money again."""
    chain.execution("SUCCEEDED", {"captured": 1, "traced": 1, "budget_exhausted": 1})
    mlflow.append(FoundTrace("tr-1", 1, 0))
    assert chain.send().state == "note"


@pytest.mark.usefixtures("mlflow")
def test_mlflow_does_not_show_it(chain: Chain) -> None:
    """Written, and not found for a minute: MLflow is the place."""
    chain.execution("SUCCEEDED", TRACED)
    finding = chain.send()
    assert finding.found.startswith("stuck in MLflow: ")
    assert chain.now < 70


def test_it_may_not_be_put(chain: Chain) -> None:
    """Whoever may not write to the bucket is told what to grant; that is no failure."""
    chain.account.denied = {"s3:PutObject"}
    finding = chain.send()
    assert (finding.state, finding.mend) == ("unknown", "grant your credentials s3:PutObject")


def test_not_deployed(chain: Chain) -> None:
    """Before the deployment there is nothing to send it through."""
    chain.account.stack = None
    assert chain.send() == Finding(state="skipped", found="not looked at: see stack")  # type: ignore[arg-type]
