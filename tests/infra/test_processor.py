"""The function: its environment, its limits, and everything it may do."""

from __future__ import annotations

import pytest

from inference_monitor.settings import Settings
from tests.infra.conftest import REQUIRED, Synthesize
from tests.infra.deployed import Deployed

ROLE = "ProcessorRole"
APP = REQUIRED["mlflow_tracking_uri"]
SERVER = "arn:aws:sagemaker:us-east-1:111122223333:mlflow-tracking-server/server"
KEY = "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
OTHER_KEY = "arn:aws:kms:us-east-1:111122223333:key/99999999-12ab-34cd-56ef-1234567890ab"


@pytest.fixture
def environment(deployed: Deployed) -> dict[str, str]:
    """The function's environment variables."""
    return dict(deployed.function["Environment"]["Variables"])


def test_the_environment_is_what_the_function_reads(
    environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The variables CDK sets are exactly those the function validates, and they are valid."""
    monitor = {name for name in environment if name.startswith("MONITOR_")}
    assert monitor == {f"MONITOR_{name.upper()}" for name in Settings.model_fields}
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    read = Settings()
    assert read.mlflow_tracking_uri == REQUIRED["mlflow_tracking_uri"]
    assert read.endpoint_name == read.experiment_name == "llm-endpoint"
    assert read.judge_budget_usd_per_day == 10
    assert read.judge_budget_usd_per_run is None
    assert read.judge_requests_per_minute == read.judge_tokens_per_minute == 0


def test_mlflow_neither_phones_home_nor_writes_after_the_answer(
    environment: dict[str, str],
) -> None:
    """Lambda freezes after its answer: traces are written before it, the workflow retries them."""
    assert environment["MLFLOW_ENABLE_ASYNC_TRACE_LOGGING"] == "false"
    assert environment["MLFLOW_DISABLE_TELEMETRY"] == "true"
    assert int(environment["MLFLOW_HTTP_REQUEST_MAX_RETRIES"]) <= 3


def test_the_settings_size_the_function(synthesize: Synthesize) -> None:
    """Memory, time, disk and concurrency are the deployment's settings."""
    function = synthesize(
        lambda_memory_mb=3072,
        lambda_timeout_seconds=300,
        lambda_ephemeral_storage_mb=1024,
        lambda_reserved_concurrency=20,
        judge_concurrency=4,
        redaction="patterns",
        judge_budget_usd_per_day=5,
        judge_budget_usd_per_run=0.5,
        judge_requests_per_minute=600,
        judge_tokens_per_minute=100_000,
        map_max_concurrency=8,
        judge_prices="a=1/2",
    ).function
    assert function["MemorySize"] == 3072
    assert function["Timeout"] == 300
    assert function["EphemeralStorage"] == {"Size": 1024}
    assert function["ReservedConcurrentExecutions"] == 20
    assert function["Environment"]["Variables"]["MONITOR_JUDGE_CONCURRENCY"] == "4"
    assert function["Environment"]["Variables"]["MONITOR_REDACTION"] == "patterns"
    assert function["Environment"]["Variables"]["MONITOR_JUDGE_BUDGET_USD_PER_DAY"] == "5.0"
    assert function["Environment"]["Variables"]["MONITOR_JUDGE_BUDGET_USD_PER_RUN"] == "0.5"
    assert function["Environment"]["Variables"]["MONITOR_JUDGE_PRICES"] == "a=1/2"
    # Of all instances together, however many files are in work.
    assert function["Environment"]["Variables"]["MONITOR_JUDGE_REQUESTS_PER_MINUTE"] == "600.0"
    assert function["Environment"]["Variables"]["MONITOR_JUDGE_TOKENS_PER_MINUTE"] == "100000.0"


def test_no_cap_reaches_the_function_as_it_was_said(
    synthesize: Synthesize, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`none` in the settings is no cap in the function, not its default."""
    variables = synthesize(judge_budget_usd_per_day="none").function["Environment"]["Variables"]
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert Settings().judge_budget_usd_per_day is None
    monkeypatch.delenv("MONITOR_JUDGE_BUDGET_USD_PER_DAY")
    assert Settings().judge_budget_usd_per_day == 10


def test_no_concurrency_is_set_aside_unasked(deployed: Deployed) -> None:
    """Reserved concurrency is taken from the whole account, so it is the user's decision."""
    assert "ReservedConcurrentExecutions" not in deployed.function


def test_the_function_is_an_image_for_x86_with_tracing_and_a_log(deployed: Deployed) -> None:
    """An image function with X-Ray and a log group that is kept as long as the settings say."""
    function = deployed.function
    assert function["PackageType"] == "Image"
    assert function["Architectures"] == ["x86_64"]
    assert function["TracingConfig"] == {"Mode": "Active"}
    groups = deployed.of_type("AWS::Logs::LogGroup")
    group = groups[function["LoggingConfig"]["LogGroup"].strip("<>")]
    assert group["LogGroupName"] == "/aws/lambda/sagemaker-data-capture-processor-dev"
    assert group["RetentionInDays"] == 90


def test_s3_is_these_captures_and_its_own_results(deployed: Deployed) -> None:
    """It reads captures and map results, and writes ledger, quarantine and artifacts."""
    (bucket,) = deployed.of_type("AWS::S3::Bucket")
    (found,) = deployed.of_type("Custom::AccountLookup")
    own = {f"<{bucket}.Arn>/ledger/*", f"<{bucket}.Arn>/quarantine/*"}
    assert deployed.allowed(ROLE, "s3") == {
        "s3:GetObject": {
            "arn:aws:s3:::captures-111122223333/llm-endpoint/*",
            f"<{bucket}.Arn>/map-results/*",
        },
        "s3:PutObject": {*own, f"arn:aws:s3:::<{found}.ArtifactStore>/*"},
    }


@pytest.mark.parametrize(("arn", "calls_app"), [(APP, True), (SERVER, False)])
def test_mlflow_is_this_app_or_this_server(
    synthesize: Synthesize, arn: str, calls_app: bool
) -> None:
    """Traces are written to the one MLflow that was named; nothing there can be deleted."""
    deployed = synthesize(mlflow_tracking_uri=arn)
    allowed = deployed.allowed(ROLE, "sagemaker-mlflow")
    assert {"sagemaker-mlflow:CreateExperiment", "sagemaker-mlflow:StartTrace"} <= set(allowed)
    assert not any("Delete" in action or "*" in action for action in allowed)
    assert all(resources == {arn} for resources in allowed.values())
    app = {"sagemaker:CallMlflowAppApi": {arn}} if calls_app else {}
    assert deployed.allowed(ROLE, "sagemaker") == app


def test_artifacts_are_written_only_where_the_settings_say(synthesize: Synthesize) -> None:
    """An old server's artifact store can be written when it is named, below its folder."""
    allowed = synthesize(mlflow_artifact_s3_uri="s3://mlflow-bucket/store").allowed(ROLE, "s3")
    artifacts = "arn:aws:s3:::mlflow-bucket/store/*"
    assert artifacts in allowed["s3:PutObject"]
    assert artifacts not in allowed["s3:GetObject"]


def test_bedrock_is_the_judge_of_the_settings(synthesize: Synthesize) -> None:
    """The role may ask the model that was named, in its Region, and no other."""
    deployed = synthesize(bedrock_model_id="bedrock:/amazon.nova-pro-v1:0")
    assert deployed.allowed(ROLE, "bedrock") == {
        "bedrock:InvokeModel": {"arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-pro-v1:0"}
    }
    variables = deployed.function["Environment"]["Variables"]
    assert variables["MONITOR_JUDGE_MODEL"] == "bedrock:/amazon.nova-pro-v1:0"


def test_an_application_profile_can_be_synthesized(synthesize: Synthesize) -> None:
    """The one model wildcard there is passes cdk-nag, because a condition binds it."""
    arn = "arn:aws:bedrock:us-east-1:111122223333:application-inference-profile/a1b2c3"
    allowed = synthesize(bedrock_model_id=f"bedrock:/{arn}").allowed(ROLE, "bedrock")
    assert arn in allowed["bedrock:InvokeModel"]


def test_only_xray_has_no_resource_to_name(deployed: Deployed) -> None:
    """Nothing is granted on `*` but sending traces to X-Ray, which has no ARNs."""
    on_everything = {
        action
        for statement in deployed.statements(ROLE)
        if statement["Resource"] == "*"
        for action in statement["Action"]
    }
    assert on_everything == {"xray:PutTelemetryRecords", "xray:PutTraceSegments"}


def test_customer_keys_are_granted_on_both_sides(synthesize: Synthesize) -> None:
    """Captures can be decrypted, results encrypted too, by the function and by the workflow."""
    deployed = synthesize(data_capture_kms_key_arn=KEY, results_kms_key_arn=OTHER_KEY)
    (found,) = deployed.of_type("Custom::BucketLookup")
    artifacts = f"<{found}.ArtifactKeyArn>"
    for role, of_artifacts in ((ROLE, {artifacts}), ("WorkflowStateMachineRole", set[str]())):
        assert deployed.allowed(role, "kms") == {
            "kms:Decrypt": {KEY, OTHER_KEY} | of_artifacts,
            "kms:GenerateDataKey": {OTHER_KEY} | of_artifacts,
        }


def test_without_customer_keys_only_found_ones_are_granted(deployed: Deployed) -> None:
    """The results have S3's own encryption; the keys of others are those that are looked up."""
    (found,) = deployed.of_type("Custom::BucketLookup")
    captures, artifacts = f"<{found}.CaptureKeyArn>", f"<{found}.ArtifactKeyArn>"
    assert deployed.allowed("WorkflowStateMachineRole", "kms") == {"kms:Decrypt": {captures}}
    assert deployed.allowed(ROLE, "kms") == {
        "kms:Decrypt": {captures, artifacts},
        "kms:GenerateDataKey": {artifacts},
    }
