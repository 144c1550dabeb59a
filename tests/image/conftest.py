"""The image, and everything that the function talks to, on this machine."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from inference_monitor.config.mlflow_client import MLFLOW_CLIENT_ENVIRONMENT
from inference_monitor.tables import CLAIMS_KEY, COUNTERS_KEY
from local.chain import Chain
from local.settings import MADE_UP, ChainSettings, environment_of
from stacks.monitoring_stack import _environment
from stacks.settings import DeploySettings
from tests.image.engine import whatever_is_missing
from tests.image.function_image import MEMORY_MB, TAG, FunctionImage, build_image
from tests.image.lambda_container import LambdaContainer

CAPTURES, RESULTS, ENDPOINT = "captures", "results", "shop-assistant"
CLAIMS, COUNTERS = "claims", "counters"


@pytest.fixture(scope="session")
def image() -> FunctionImage:
    """The image, built from the Dockerfile as it is."""
    if missing := whatever_is_missing():
        pytest.skip(missing)
    return build_image()


@pytest.fixture(scope="session")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chain]:
    """The MLflow server behind SigV4, the stand-in judge, and emulated S3 and DynamoDB."""
    with Chain(ChainSettings(folder=tmp_path_factory.mktemp("image"))) as chain:
        for bucket in (CAPTURES, RESULTS):
            chain.emulated("s3").create_bucket(Bucket=bucket)
        for table, key in ((CLAIMS, CLAIMS_KEY), (COUNTERS, COUNTERS_KEY)):
            chain.emulated("dynamodb").create_table(
                TableName=table,
                KeySchema=[{"AttributeName": key, "KeyType": "HASH"}],
                AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"}],
                BillingMode="PAY_PER_REQUEST",
            )
        chain.mlflow.wait()
        yield chain


@dataclass(frozen=True, slots=True)
class Deployed:
    """The function in its container, and what it talks to."""

    container: LambdaContainer
    chain: Chain


@pytest.fixture(scope="session")
def deployed(image: FunctionImage, chain: Chain) -> Iterator[Deployed]:  # noqa: ARG001  # built first
    """One instance of the function, with the variables that the stack sets."""
    assert chain.judge
    settings = DeploySettings(
        _env_file=None,
        stack_prefix="image",
        mlflow_tracking_uri=chain.mlflow_arn(),
        sagemaker_endpoint_name=ENDPOINT,
        other_endpoints="include",
        data_capture_s3_bucket=CAPTURES,
    )
    environment = {
        **MLFLOW_CLIENT_ENVIRONMENT,
        **environment_of(MADE_UP, chain.settings.region),
        **_environment(
            settings, results_bucket=RESULTS, claims_table=CLAIMS, counters_table=COUNTERS
        ),
        "SAGEMAKER_MLFLOW_CUSTOM_ENDPOINT": chain.proxy.url,
        "AWS_ENDPOINT_URL_BEDROCK_RUNTIME": chain.judge.url,
        "AWS_ENDPOINT_URL_S3": chain.aws.url,
        "AWS_ENDPOINT_URL_DYNAMODB": chain.aws.url,
    }
    with LambdaContainer(TAG, environment, memory_mb=MEMORY_MB) as container:
        yield Deployed(container, chain)
