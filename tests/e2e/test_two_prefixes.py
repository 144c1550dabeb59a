"""Two deployments share a capture bucket, and do not know of each other."""

from __future__ import annotations

from typing import Any

from local.chain import Chain
from tests.e2e.conftest import BUCKET
from tests.e2e.deployed import Stack
from tests.e2e.records import chat, lines


def test_side_by_side(chain: Chain, dev: Stack, others: dict[str, Any]) -> None:
    """`dev` and `prod` each trace their own endpoint; destroying one leaves the other working.

    Notifications that the bucket had before are still there, after deploying and after destroying.
    """
    prod = Stack(chain, chain.deploy("prod", bucket=BUCKET, endpoint="prod-llm"))
    assert notifications(chain) == others
    for stack, event in ((dev, "beside-dev"), (prod, "beside-prod")):
        assert stack.process("beside", lines(chat(event)))["status"] == "SUCCEEDED"
        assert set(stack.traces(stack.key("beside"))) == {event}
        assert set(stack.ledger(stack.key("beside"))) >= {"traced"}
    assert not dev.executions(prod.key("beside"))
    assert not prod.executions(dev.key("beside"))

    chain.destroy(prod.deployment)
    stacks = chain.emulated("cloudformation").list_stacks()["StackSummaries"]
    status = {stack["StackName"]: stack["StackStatus"] for stack in stacks}
    assert status["SageMakerInferenceMonitoringStack-prod"] == "DELETE_COMPLETE"
    machines = chain.emulated("stepfunctions").list_state_machines()["stateMachines"]
    assert "sagemaker-data-capture-monitoring-prod" not in {m["name"] for m in machines}
    assert notifications(chain) == others
    assert dev.process("left", lines(chat("left-1")))["status"] == "SUCCEEDED"
    assert set(dev.traces(dev.key("left"))) == {"left-1"}


def test_names_and_outputs(dev: Stack) -> None:
    """The deployed stack has the names and exports that others rely on."""
    cloudformation = dev.chain.emulated("cloudformation")
    name = "SageMakerInferenceMonitoringStack-dev"
    (stack,) = cloudformation.describe_stacks(StackName=name)["Stacks"]
    outputs = {o["OutputKey"]: (o["OutputValue"], o.get("ExportName")) for o in stack["Outputs"]}
    assert outputs["DataCaptureBucketName"] == (BUCKET, "DataCaptureBucketName-dev")
    assert outputs["StateMachineArn"][0].endswith(":sagemaker-data-capture-monitoring-dev")
    assert outputs["ProcessorLambdaArn"][0].endswith(":sagemaker-data-capture-processor-dev")
    rules = dev.chain.emulated("events").list_rules()["Rules"]
    assert "sagemaker-s3-event-rule-dev" in {rule["Name"] for rule in rules}


def notifications(chain: Chain) -> dict[str, Any]:
    """The bucket's notifications, without our own EventBridge, which must be on."""
    found = chain.emulated("s3").get_bucket_notification_configuration(Bucket=BUCKET)
    assert found.pop("EventBridgeConfiguration") == {}
    found.pop("ResponseMetadata")
    return dict(found)
