"""What a deployment finds in the account, and how one fails that could never work."""

from __future__ import annotations

import pytest

from local.cdk import CdkError
from local.chain import ARTIFACT_STORE, Chain
from tests.e2e.conftest import BUCKET
from tests.e2e.deployed import Stack


def test_what_was_found_is_told(dev: Stack) -> None:
    """Neither bucket, folder nor artifact store was set; the outputs have them."""
    cloudformation = dev.chain.emulated("cloudformation")
    name = "SageMakerInferenceMonitoringStack-dev"
    (stack,) = cloudformation.describe_stacks(StackName=name)["Stacks"]
    outputs = {o["OutputKey"]: o["OutputValue"] for o in stack["Outputs"]}
    assert (outputs["DataCaptureBucketName"], outputs["DataCapturePrefix"]) == (BUCKET, "dev-llm")
    assert outputs["MlflowArtifactStore"] == ARTIFACT_STORE
    assert (outputs["DataCapturePercentage"], outputs["Notes"]) == ("100", "nothing")


def test_captures_that_go_elsewhere_fail_the_deployment(chain: Chain) -> None:
    """The last words of `cdk deploy` are what to set."""
    chain.make_endpoint("elsewhere-llm", f"s3://{BUCKET}/other")
    with pytest.raises(CdkError) as caught:
        chain.deploy(
            "elsewhere", bucket=BUCKET, endpoint="elsewhere-llm", DATA_CAPTURE_S3_PREFIX="wrong"
        )
    assert "set DATA_CAPTURE_S3_PREFIX=other/elsewhere-llm" in " ".join(str(caught.value).split())
