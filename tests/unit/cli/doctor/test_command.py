"""`inference-monitor doctor`: each mistake is found by its name, and nothing is where none is."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from typer.testing import CliRunner

from inference_monitor_cli.doctor.checks import State
from inference_monitor_cli.main import app
from tests.unit.emulated_account import (
    APP,
    BUCKET,
    MACHINE,
    REGION,
    RULE,
    SERVER,
    Account,
    emulated,
    healthy,
    key,
    put_rule,
)

ENV = f"""\
STACK_PREFIX=dev
SAGEMAKER_ENDPOINT_NAME=shop
DATA_CAPTURE_S3_BUCKET={BUCKET}
DATA_CAPTURE_S3_PREFIX=model-monitor/data-capture/shop
MLFLOW_TRACKING_URI={APP}
ALARM_EMAIL=me@example.com
"""
DEAD_JUDGE = "bedrock:/anthropic.claude-3-opus-20240229-v1:0"

Run = Callable[..., Any]
Seed = Callable[[Account], None]


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Account]:
    """A deployed monitor of `shop` where all is well, in the folder of the project."""
    monkeypatch.chdir(tmp_path)
    Path(".env").write_text(ENV)
    Path("cdk.json").write_text("{}")
    Path("package.json").write_text(json.dumps({"devDependencies": {"aws-cdk": "2.1148.1"}}))
    cdk = Path("node_modules/aws-cdk/package.json")
    cdk.parent.mkdir(parents=True)
    cdk.write_text(json.dumps({"version": "2.1148.1"}))
    monkeypatch.delenv("CDK_DOCKER", raising=False)
    install(monkeypatch, {"node": "v22.11.0\n", "docker": "Server: …\n"})
    with emulated(monkeypatch) as account:
        healthy(account)
        yield account


@pytest.fixture
def run(account: Account) -> Run:  # noqa: ARG001  # stands in for AWS
    """Run the command without its canary."""

    def run(*arguments: str) -> Any:
        arguments = ("--no-canary", *arguments)
        return CliRunner().invoke(app, ["doctor", *arguments], env={"COLUMNS": "80"})

    return run


def install(monkeypatch: pytest.MonkeyPatch, programs: dict[str, str]) -> None:
    """Have these programs, with what they print; others are not there."""

    def start(command: tuple[str, ...], **_: Any) -> subprocess.CompletedProcess[str]:
        if command[0] not in programs:
            raise FileNotFoundError(2, "No such file or directory", command[0])
        return subprocess.CompletedProcess(command, 0, programs[command[0]], "")

    monkeypatch.setattr(subprocess, "run", start)


def found(result: Any) -> dict[str, dict[str, Any]]:
    """The checks of a JSON document by name."""
    return {check["name"]: check for check in json.loads(result.stdout)["checks"]}


def in_state(result: Any, *states: State) -> set[str]:
    """The names of the checks in one of these states."""
    return {name for name, check in found(result).items() if check["state"] in states}


def test_no_false_alarm(run: Run) -> None:
    """Where all is well nothing fails, nothing is unknown and nothing needs a note."""
    result = run("--json")
    told = {name: check["found"] for name, check in found(result).items()}
    bad = (State.FAILED, State.UNKNOWN, State.NOTE)
    assert not in_state(result, *bad), {n: told[n] for n in in_state(result, *bad)}
    assert in_state(result, State.SKIPPED) == {"judge-answers"}
    assert (result.exit_code, json.loads(result.stdout)["fine"]) == (0, True)


def test_before_a_deployment(run: Run, account: Account) -> None:
    """What is not deployed yet is no failure, and EventBridge may still be off."""
    account.stack = None
    boto3.Session().client("s3").put_bucket_notification_configuration(
        Bucket=BUCKET, NotificationConfiguration={}
    )
    result = run("--json")
    assert result.exit_code == 0, result.output
    assert not in_state(result, State.FAILED, State.UNKNOWN)
    assert in_state(result, State.NOTE) == {"notifications"}
    assert found(result)["rule"]["state"] == "skipped"


def _env(old: str, new: str) -> Seed:
    def seed(_: Account) -> None:
        Path(".env").write_text(ENV.replace(old, new))

    return seed


def _client(service: str) -> Any:
    session: Any = boto3.Session()
    return session.client(service)


def _capture_off(account: Account) -> None:
    account.endpoints["shop"]["DataCaptureConfig"]["EnableCapture"] = False


def _capture_stopped(account: Account) -> None:
    account.endpoints["shop"]["DataCaptureConfig"]["CaptureStatus"] = "Stopped"


def _output_only(account: Account) -> None:
    capture = account.configs["shop-config"]["DataCaptureConfig"]
    capture["CaptureOptions"] = [{"CaptureMode": "Output"}]


def _endpoint_failed(account: Account) -> None:
    account.endpoints["shop"]["EndpointStatus"] = "Failed"


def _not_bootstrapped(_: Account) -> None:
    _client("ssm").delete_parameter(Name="/cdk-bootstrap/hnb659fds/version")


def _old_bootstrap(_: Account) -> None:
    _client("ssm").put_parameter(Name="/cdk-bootstrap/hnb659fds/version", Value="4", Overwrite=True)


def _events_off(_: Account) -> None:
    _client("s3").put_bucket_notification_configuration(Bucket=BUCKET, NotificationConfiguration={})


def _never_captured(_: Account) -> None:
    _client("s3").delete_object(Bucket=BUCKET, Key=key())
    _client("cloudwatch").put_metric_data(
        Namespace="AWS/SageMaker",
        MetricData=[
            {
                "MetricName": "Invocations",
                "Dimensions": [
                    {"Name": "EndpointName", "Value": "shop"},
                    {"Name": "VariantName", "Value": "AllTraffic"},
                ],
                "Value": 12,
                "Timestamp": datetime.now(UTC) - timedelta(hours=2),
            }
        ],
    )


def _server_stopped(account: Account) -> None:
    account.apps.clear()
    Path(".env").write_text(ENV.replace(APP, SERVER))
    account.function["Environment"]["Variables"]["MONITOR_MLFLOW_TRACKING_URI"] = SERVER


def _judge_legacy_by_bedrock(account: Account) -> None:
    account.lifecycle = {
        "status": "LEGACY", "endOfLifeTime": datetime.now(UTC) - timedelta(days=1),
    }  # fmt: skip


def _judge_denied(account: Account) -> None:
    account.agreement = "NOT_AVAILABLE"


def _no_profile(account: Account) -> None:
    account.profiles = False


def _rolled_back(account: Account) -> None:
    assert account.stack
    account.stack["StackStatus"] = "UPDATE_ROLLBACK_COMPLETE"


def _function_failed(account: Account) -> None:
    account.function |= {"State": "Failed", "StateReason": "image deleted"}


def _rule_disabled(_: Account) -> None:
    _client("events").disable_rule(Name=RULE)


def _rule_elsewhere(_: Account) -> None:
    put_rule(_client("events"), "shop")


def _execution_failed(account: Account) -> None:
    arn = f"{MACHINE.replace(':stateMachine:', ':execution:')}:one"
    account.executions = [
        {
            "executionArn": arn,
            "stateMachineArn": MACHINE,
            "name": "one",
            "status": "FAILED",
            "startDate": datetime.now(UTC) - timedelta(hours=1),
            "error": "TransientError",
            "cause": "MLflow answers 503",
        }
    ]


def _dead_letter(_: Account) -> None:
    sqs = _client("sqs")
    url = sqs.get_queue_url(QueueName="dead-letters")["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="{}")


def _alarm_rings(_: Account) -> None:
    _client("cloudwatch").set_alarm_state(
        AlarmName="sagemaker-inference-monitoring-dev-capture-files-failed",
        StateValue="ALARM",
        StateReason="test",
    )


def _metric(name: str) -> Seed:
    def seed(_: Account) -> None:
        _client("cloudwatch").put_metric_data(
            Namespace="SageMakerInferenceMonitor",
            MetricData=[
                {
                    "MetricName": name,
                    "Dimensions": [
                        {"Name": "service", "Value": "inference-monitor"},
                        {"Name": "deployment", "Value": "dev"},
                    ],
                    "Value": 3,
                    "Timestamp": datetime.now(UTC),
                }
            ],
        )

    return seed


def _foreign_bucket(account: Account) -> None:
    account.foreign_buckets.add(BUCKET)


SEEDS: dict[str, tuple[Seed, str, str, str]] = {
    "no endpoint": (_env("=shop\n", "=shopp\n"), "endpoint", "there is no endpoint shopp",
                    "init --force --endpoint NAME"),
    "endpoint failed": (_endpoint_failed, "endpoint", "shop is Failed", "describe-endpoint"),
    "capture off": (_capture_off, "capture", "capture of shop is off", "update-endpoint"),
    "capture stopped": (_capture_stopped, "capture", "capture of shop is off", "update-endpoint"),
    "answers only": (_output_only, "capture-sides", "Input of shop is not captured",
                     "update-endpoint"),
    "our old default folder": (
        _env("model-monitor/data-capture/shop", "shop"), "destination",
        "to model-monitor/data-capture/shop/, and DATA_CAPTURE_S3_PREFIX is shop",
        "DATA_CAPTURE_S3_PREFIX=model-monitor/data-capture/shop"),
    "another bucket": (_env(BUCKET, "not-there-at-all"), "bucket",
                       "there is no bucket not-there-at-all", "init --force --endpoint NAME"),
    "another account's bucket": (_foreign_bucket, "bucket-owner", "belongs to another account",
                                 "update-endpoint"),
    "another Region": (_env(REGION, "us-east-1"), "region",
                       "the Region is eu-west-1, and MLflow's ARN says us-east-1",
                       "export AWS_DEFAULT_REGION=us-east-1"),
    "not bootstrapped": (_not_bootstrapped, "bootstrap", "not bootstrapped in eu-west-1",
                         "npx cdk bootstrap aws://123456789012/eu-west-1"),
    "old bootstrap": (_old_bootstrap, "bootstrap", "has version 4", "npx cdk bootstrap"),
    "events off": (_events_off, "notifications", "does not tell EventBridge",
                   "--notification-configuration '{\"EventBridgeConfiguration\": {}}'"),
    "nothing captured": (_never_captured, "captures", "12 invocations in the last day",
                         f"aws s3 ls --recursive s3://{BUCKET}/"),
    "no MLflow": (_env("app-SHOP00000001", "app-GONE"), "mlflow", "there is no arn:aws:sagemaker",
                  "init --force --mlflow NAME"),
    "MLflow stopped": (_server_stopped, "mlflow", "tracking server old-server is Stopped",
                       "start-mlflow-tracking-server --tracking-server-name old-server"),
    "another artifact store": (
        _env("STACK", "MLFLOW_ARTIFACT_S3_URI=s3://x/y\nSTACK"), "artifacts",
        "MLFLOW_ARTIFACT_S3_URI is s3://x/y", "MLFLOW_ARTIFACT_S3_URI=s3://captures-of-shop-art"),
    "dead judge, by models.yaml": (
        _env("STACK", f"BEDROCK_MODEL_ID={DEAD_JUDGE}\nSTACK"), "scorers",
        "reached its end of life", "set BEDROCK_MODEL_ID"),
    "dead judge, by Bedrock": (_judge_legacy_by_bedrock, "judge-lifecycle", "ended (end of life",
                               "set BEDROCK_MODEL_ID=bedrock:/"),
    "judge not agreed to": (_judge_denied, "judge-access", "the agreement about the model is not",
                            "scorers check --live"),
    "profile not here": (_no_profile, "judge-access", "no such inference profile in this Region",
                         "set BEDROCK_MODEL_ID"),
    "misspelt": (_env("ALARM_EMAIL", "ALARM_EMIAL"), "settings", "did you mean ALARM_EMAIL?",
                 ".env.example"),
    "nothing set": (_env("STACK_PREFIX=dev\n", ""), "settings", "STACK_PREFIX is missing",
                    "inference-monitor init"),
    "rolled back": (_rolled_back, "stack", "is UPDATE_ROLLBACK_COMPLETE", "describe-stack-events"),
    "function failed": (_function_failed, "function", "is Failed: image deleted", "npx cdk deploy"),
    "not deployed since": (_env(APP, APP.replace("SHOP00000001", "LABS00000002")),
                           "deployed-settings", "MLFLOW_TRACKING_URI is", "npx cdk deploy"),
    "rule disabled": (_rule_disabled, "rule", f"{RULE} is disabled", "aws events enable-rule"),
    "rule elsewhere": (_rule_elsewhere, "pattern", f"{RULE} does not match s3://{BUCKET}/model-mo",
                       "DATA_CAPTURE_S3_PREFIX=model-monitor/data-capture/shop"),
    "execution failed": (_execution_failed, "executions", "TransientError: MLflow answers 503",
                         "replay --failed-batches"),
    "dead letter": (_dead_letter, "dead-letters", "1 events started no workflow", "replay --dlq"),
    "alarm": (_alarm_rings, "alarms", "1 of 1 in ALARM: capture-files-failed",
              "A capture file was not processed in full"),
    "unaccounted": (_metric("Unaccounted"), "unaccounted", "3 records", "replay --failed-batches"),
    "judge refuses": (_metric("JudgeRefused"), "judge-refusals", "3 records",
                      "scorers check --live"),
}  # fmt: skip


@pytest.mark.parametrize("mistake", SEEDS)
def test_each_mistake_is_found_by_name(mistake: str, run: Run, account: Account) -> None:
    """Its check fails, says what is wrong and names the command that mends it; the status is 1."""
    seed, name, told, mend = SEEDS[mistake]
    seed(account)
    result = run("--json")
    assert result.exit_code == 1
    check = found(result)[name]
    assert check["state"] == "failed", check
    assert told in check["found"]
    assert mend in check["mend"]
    # What follows from it may fail, too; what has nothing to do with it does not.
    assert len(in_state(result, State.FAILED)) <= 3, in_state(result, State.FAILED)


@pytest.mark.parametrize(
    ("programs", "name", "mend"),
    [
        ({"docker": ""}, "node", "install Node.js 22"),
        ({"node": "v20.19.0", "docker": ""}, "node", "install Node.js 22"),
        ({"node": "v22.1.0"}, "engine", "CDK_DOCKER=finch"),
    ],
)
def test_tools(
    programs: dict[str, str], name: str, mend: str, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is not installed, too old or not running is named."""
    install(monkeypatch, programs)
    result = run("--json")
    assert in_state(result, State.FAILED) == {name}
    assert mend in found(result)[name]["mend"]


def test_another_engine(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """CDK_DOCKER counts, as it does for the CDK."""
    install(monkeypatch, {"node": "v22.1.0", "finch": ""})
    monkeypatch.setenv("CDK_DOCKER", "finch")
    result = run("--only", "engine", "--json")
    assert (result.exit_code, found(result)["engine"]["found"]) == (0, "finch answers")


def test_another_cdk(run: Run) -> None:
    """A CDK CLI other than the pinned one, or none."""
    Path("node_modules/aws-cdk/package.json").write_text(json.dumps({"version": "2.1.0"}))
    assert found(run("--json"))["cdk"]["mend"] == "npm ci"
    Path("node_modules/aws-cdk/package.json").unlink()
    assert "not in node_modules" in found(run("--json"))["cdk"]["found"]


def test_outside_of_the_project(run: Run) -> None:
    """Whoever only looks after a deployment needs neither Node nor Docker."""
    Path("cdk.json").unlink()
    result = run("--json")
    assert result.exit_code == 0
    assert {"node", "cdk", "engine"} <= in_state(result, State.SKIPPED)


@pytest.mark.parametrize(
    ("action", "names"),
    [
        ("sagemaker:DescribeEndpoint", {"endpoint", "capture", "destination"}),
        ("bedrock:GetInferenceProfile", {"judge-access", "judge-lifecycle"}),
        ("ssm:GetParameter", {"bootstrap"}),
        ("cloudformation:DescribeStacks", {"stack", "rule"}),
        ("events:TestEventPattern", {"pattern"}),
    ],
)
def test_what_may_not_be_looked_at_is_unknown(
    action: str, names: set[str], run: Run, account: Account
) -> None:
    """It says what to grant, is not fine, and stops no other check."""
    account.denied = {action}
    result = run("--json")
    assert result.exit_code == 1
    assert not in_state(result, State.FAILED)
    assert names <= in_state(result, State.UNKNOWN)
    for name in names:
        assert found(result)[name]["mend"] == f"grant your credentials {action}"
    assert "privacy" in in_state(result, State.OK)


def test_without_credentials(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """One check fails, and the others say that they wait for it."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, "/nowhere")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    result = run("--json")
    assert in_state(result, State.FAILED) == {"credentials"}
    assert "log in with `aws sso login`" in found(result)["credentials"]["mend"]
    assert found(result)["endpoint"]["found"] == "not looked at: see credentials"


def test_notes(run: Run, account: Account) -> None:
    """A sample, base64, a function that sleeps and a budget used up are told, and fail nothing."""
    account.endpoints["shop"]["DataCaptureConfig"]["CurrentSamplingPercentage"] = 20
    account.configs["shop-config"]["DataCaptureConfig"].pop("CaptureContentTypeHeader")
    account.function["State"] = "Inactive"
    _metric("BudgetExhausted")(account)
    _metric("Foreign")(account)
    result = run("--json")
    assert result.exit_code == 0
    assert in_state(result, State.NOTE) == {
        "capture", "content-types", "function", "budget", "foreign-files",
    }  # fmt: skip


def test_an_unconfirmed_mail(run: Run, account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever has not followed the link gets no alarm."""
    pending = {"SubscriptionArn": "PendingConfirmation", "Protocol": "email"}
    monkeypatch.setattr(
        type(account), "list_subscriptions_by_topic",
        lambda _self, _asked: {"Subscriptions": [pending]}, raising=False,
    )  # fmt: skip
    check = found(run("--json"))["alarm-mail"]
    assert (check["state"], "follow the link" in check["mend"]) == ("failed", True)


def test_what_is_printed(run: Run, account: Account) -> None:
    """A line for each check in 80 columns, the command unbroken below it, the counts at the end."""
    _rule_disabled(account)
    lines = run().stdout.splitlines()
    row = lines.index(f"        -> aws events enable-rule --name {RULE}")
    assert lines[row - 1].split() == ["failed", "rule", "rule", RULE, "is", "disabled"]
    commands = [line for line in lines if "->" in line]
    assert all(len(line) <= 80 for line in lines if line not in commands)
    assert lines[-1].startswith("37 checks: 35 ok, 1 failed, 1 skipped")


def test_only_some_checks(run: Run) -> None:
    """--only makes those it names; a name that is none is told with all there are."""
    assert set(found(run("--only", "rule", "--only", "stack", "--json"))) == {"stack", "rule"}
    result = run("--only", "rules")
    assert (result.exit_code, "there is no check 'rules'; there are node," in result.stderr) == (
        2, True,
    )  # fmt: skip


def test_names_are_their_own(run: Run) -> None:
    """No two checks have the same name, and each says what it makes sure of."""
    checks = json.loads(run("--json").stdout)["checks"]
    assert len({check["name"] for check in checks}) == len(checks)
    assert all(check["meaning"] for check in checks)
