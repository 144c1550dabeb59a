"""What the template leaves to the look-ups of a deployment, and what it grants on their word."""

from __future__ import annotations

import ast
import sys
from typing import Any

import pytest
from aws_cdk import App, Stack

from stacks import LAMBDA_SRC
from stacks.lookups import Lookups
from tests.infra.conftest import CAPTURES, Synthesize, settings
from tests.infra.deployed import Deployed
from tests.infra.test_trigger import rule_id

LOOKED_UP = dict.fromkeys(CAPTURES)


@pytest.fixture
def open_stack(synthesize: Synthesize) -> Deployed:
    """A stack that is told neither bucket nor folder nor artifact store."""
    return synthesize(**LOOKED_UP)


def account_of(deployed: Deployed) -> str:
    """The logical id of the look-up of endpoint and MLflow."""
    (name,) = deployed.of_type("Custom::AccountLookup")
    return name


def keys_of(deployed: Deployed) -> str:
    """The logical id of the look-up of the buckets' keys."""
    (name,) = deployed.of_type("Custom::BucketLookup")
    return name


def test_the_rule_watches_what_is_found(open_stack: Deployed) -> None:
    """Bucket and folder of the pattern are those of the endpoint, with one wildcard."""
    pattern = open_stack.of_type("AWS::Events::Rule")[rule_id(open_stack)]["EventPattern"]
    found = account_of(open_stack)
    assert pattern["detail"] == {
        "bucket": {"name": [f"<{found}.CaptureBucket>"]},
        "object": {"key": [{"wildcard": f"<{found}.CapturePrefix>/*.jsonl"}]},
    }


def test_function_and_workflow_read_what_is_found(open_stack: Deployed) -> None:
    """Both may read the found folder of the found bucket and decrypt with its key, no other."""
    found, keys = account_of(open_stack), keys_of(open_stack)
    for role in ("ProcessorRole", "WorkflowStateMachineRole"):
        read = open_stack.allowed(role, "s3")["s3:GetObject"]
        captures = {arn for arn in read if "Results" not in arn}
        assert captures == {f"arn:aws:s3:::<{found}.CaptureBucket>/<{found}.CapturePrefix>/*"}
        assert f"<{keys}.CaptureKeyArn>" in open_stack.allowed(role, "kms")["kms:Decrypt"]


def test_the_function_writes_to_the_artifact_store_that_is_found(open_stack: Deployed) -> None:
    """Also where no setting names it: an App that takes no spans has nothing else."""
    found, keys = account_of(open_stack), keys_of(open_stack)
    written = open_stack.allowed("ProcessorRole", "s3")["s3:PutObject"]
    assert f"arn:aws:s3:::<{found}.ArtifactStore>/*" in written
    allowed = open_stack.allowed("ProcessorRole", "kms")
    assert allowed["kms:GenerateDataKey"] == {f"<{keys}.ArtifactKeyArn>"}


def test_settings_win(synthesize: Synthesize) -> None:
    """What is set stands in the template as it is; the look-up is told, so that it can check."""
    key = "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
    deployed = synthesize(
        mlflow_artifact_s3_uri="s3://mlflow-bucket/store", data_capture_kms_key_arn=key
    )
    told = deployed.only("Custom::AccountLookup")
    assert told["CaptureBucket"] == "captures-111122223333"
    assert told["CapturePrefix"] == "llm-endpoint"
    assert told["ArtifactUri"] == "s3://mlflow-bucket/store"
    assert deployed.only("Custom::BucketLookup")["CaptureKeySet"] == key
    assert deployed.outputs["MlflowArtifactStore"]["Value"] == "s3://mlflow-bucket/store"
    written = deployed.allowed("ProcessorRole", "s3")["s3:PutObject"]
    assert "arn:aws:s3:::mlflow-bucket/store/*" in written


@pytest.mark.parametrize(
    ("arn", "action"),
    [
        ("mlflow-app/app-ABC123DEF456", "sagemaker:DescribeMlflowApp"),
        ("mlflow-tracking-server/mine", "sagemaker:DescribeMlflowTrackingServer"),
    ],
)
def test_the_look_up_may_ask_about_these_and_no_others(
    synthesize: Synthesize, arn: str, action: str
) -> None:
    """One endpoint, one MLflow, and the two buckets that were found; nothing of the account."""
    tracking = f"arn:aws:sagemaker:us-east-1:111122223333:{arn}"
    deployed = synthesize(mlflow_tracking_uri=tracking, **LOOKED_UP)
    found = account_of(deployed)
    captures = f"arn:aws:s3:::<{found}.CaptureBucket>"
    artifacts = f"arn:aws:s3:::<{found}.ArtifactBucket>"
    endpoint = "arn:aws:sagemaker:us-east-1:111122223333:endpoint/llm-endpoint"
    assert deployed.allowed("LookupsLookUpRole", "sagemaker") == {
        "sagemaker:DescribeEndpoint": {endpoint},
        action: {tracking},
    }
    assert deployed.allowed("LookupsLookUpRole", "s3") == {
        "s3:ListBucket": {captures},
        "s3:GetEncryptionConfiguration": {captures, artifacts},
    }


def test_buckets_are_asked_about_when_that_is_allowed(open_stack: Deployed) -> None:
    """First the policy with their names, then the look-up, then the switch of EventBridge."""
    resources: dict[str, Any] = open_stack.template["Resources"]
    second = keys_of(open_stack)
    assert any("MayAskAboutBuckets" in name for name in resources[second]["DependsOn"])
    (switch,) = open_stack.of_type("Custom::EventBridgeSwitch")
    assert second in resources[switch]["DependsOn"]


def test_every_deployment_looks_again() -> None:
    """Another moment, other look-ups: they are made anew, and a rollback asks nothing."""
    names = []
    for moment in ("monday", "monday", "tuesday"):
        app = App()
        stack = Stack(app, "S")
        Lookups(stack, "Lookups", settings=settings(), moment=moment)
        resources = app.synth().stacks[0].template["Resources"]
        names.append({n for n, r in resources.items() if r["Type"].endswith("Lookup")})
    assert names[0] == names[1]
    assert not names[0] & names[2]


def test_the_code_needs_nothing_but_boto3() -> None:
    """What is uploaded imports neither the rest of our package nor its requirements."""
    for file in (LAMBDA_SRC / "inference_monitor/lookups").glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Import):
                roots = {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                roots = {(node.module or "").partition(".")[0]}
            else:
                continue
            assert roots <= {*sys.stdlib_module_names, "boto3", "botocore"}, file


def test_the_outputs_tell_what_was_found(open_stack: Deployed) -> None:
    """Commands, and people, read folder, share, version and store from the stack."""
    found = account_of(open_stack)
    values = {name: output["Value"] for name, output in open_stack.outputs.items()}
    assert values["DataCaptureBucketName"] == f"<{found}.CaptureBucket>"
    assert values["DataCapturePrefix"] == f"<{found}.CapturePrefix>"
    assert values["DataCapturePercentage"] == f"<{found}.CapturedPercent>"
    assert values["MlflowVersion"] == f"<{found}.MlflowVersion>"
    assert values["MlflowArtifactStore"] == f"s3://<{found}.ArtifactStore>"
    assert values["Notes"] == f"<{found}.Notes>"
