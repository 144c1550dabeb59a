"""What the chain asks of AWS, for `tests/infra` to hold against the policies.

Every call of all these tests is compared with the recording when they have ended, see `conftest`.
These tests take the ways that no other one takes.
"""

from __future__ import annotations

from typing import Any

import pytest
from mlflow import MlflowClient

from local.chain import ARTIFACT_BUCKET, ARTIFACT_STORE, Chain
from local.faults import Fault
from local.judge.server import Behaviour
from tests.e2e.conftest import BUCKET
from tests.e2e.deployed import Stack
from tests.e2e.records import chat, lines
from tests.infra import recorded


@pytest.fixture
def old_server(chain: Chain, others: dict[str, Any]) -> Stack:  # noqa: ARG001  # comes before us
    """A deployment for a tracking server that takes no spans and keeps artifacts in S3."""
    MlflowClient(chain.mlflow.url).create_experiment("old-llm", artifact_location=ARTIFACT_STORE)
    deployment = chain.deploy(
        "old",
        bucket=BUCKET,
        endpoint="old-llm",
        MLFLOW_TRACKING_URI=chain.mlflow_arn("tracking-server"),
    )
    return Stack(chain, deployment)


def test_a_server_that_takes_no_spans(old_server: Stack) -> None:
    """The spans of two records go to the artifact store of the server, below the granted folder."""
    chain = old_server.chain
    chain.proxy.fault = Fault(status=404, path="/v1/traces")
    try:
        done = old_server.process("no-spans", lines(chat("no-spans-1"), chat("no-spans-2")))
    finally:
        chain.proxy.fault = None
    assert done["status"] == "SUCCEEDED", done
    stored = chain.emulated("s3").list_objects_v2(Bucket=ARTIFACT_BUCKET)["Contents"]
    assert len(stored) == 2
    assert {o["Key"].split("/")[0] for o in stored} == {"store"}


def test_verdicts_that_could_not_be_read_are_replaced(dev: Stack) -> None:
    """A second run over a file asks again where an assessment is an error, and updates it.

    With its broken line this file is read in ranges, by the function.
    """
    assert dev.chain.judge
    body = lines(chat("reread-1"), "{broken")
    dev.chain.judge.behaviour = Behaviour(mode="malformed")
    try:
        dev.process("reread", body)
    finally:
        dev.chain.judge.behaviour = Behaviour()
    dev.process("reread", body)
    (trace,) = dev.traces(dev.key("reread")).values()
    assert not [a for a in trace.info.assessments if a.feedback and a.feedback.error]


def test_a_run_is_recorded(dev: Stack) -> None:
    """The recorder sees function, workflow and rule, and at deployment switch and look-up."""
    dev.process("recorded", lines(chat("recorded-1")))
    calls = recorded.from_lines(dev.chain.settings.calls.read_text().splitlines())
    callers = {"function", "workflow", "rule", "switch", "lookups"}
    assert {call.by for call in calls} == callers
    assert {call.service for call in calls if call.by == "function"} == {
        "s3", "dynamodb", "bedrock-runtime",
    }  # fmt: skip
