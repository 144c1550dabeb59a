"""The stack as a whole: names, outputs, tags, its own bucket, alarms, and what the linters say."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_s3 as s3

import app
from inference_monitor import metric_names
from inference_monitor.ledger import (
    LEDGER_PREFIX,
    MAP_RESULTS_PREFIX,
    QUARANTINE_PREFIX,
    ledger_key,
    quarantine_key,
)
from inference_monitor.scoring.batch.jobs import BATCH_JUDGING_PREFIX, KEPT_DAYS
from tests.infra.conftest import REPOSITORY, Synthesize, deployable, settings
from tests.infra.deployed import Deployed

NAMED = {
    "AWS::IAM::Role": "RoleName",
    "AWS::Lambda::Function": "FunctionName",
    "AWS::StepFunctions::StateMachine": "StateMachineName",
    "AWS::Events::Rule": "Name",
    "AWS::Logs::LogGroup": "LogGroupName",
    "AWS::CloudWatch::Alarm": "AlarmName",
    "AWS::CloudWatch::Dashboard": "DashboardName",
    "AWS::S3::Bucket": "BucketName",
    "AWS::SQS::Queue": "QueueName",
}
KEY = "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"


def physical_names(deployed: Deployed) -> set[str]:
    """Every name the template fixes."""
    return {
        properties[attribute]
        for kind, attribute in NAMED.items()
        for properties in deployed.of_type(kind).values()
        if attribute in properties
    }


def exports(deployed: Deployed) -> set[str]:
    """Every export name of the stack."""
    return {output["Export"]["Name"] for output in deployed.outputs.values() if "Export" in output}


def test_the_fixed_names(deployed: Deployed) -> None:
    """Scripts and dashboards find these by name."""
    assert {
        "sagemaker-data-capture-processing-dev",
        "sagemaker-data-capture-processor-dev",
        "sagemaker-data-capture-monitoring-dev",
        "sagemaker-s3-event-rule-dev",
        "/aws/vendedlogs/states/sagemaker-monitoring-dev",
    } <= physical_names(deployed)


def test_two_prefixes_live_side_by_side(deployed: Deployed, synthesize: Synthesize) -> None:
    """No name and no export of one prefix is taken by another."""
    prod = synthesize(stack_prefix="prod")
    assert not physical_names(deployed) & physical_names(prod)
    assert not exports(deployed) & exports(prod)


def test_the_outputs(deployed: Deployed) -> None:
    """Bucket, workflow, function and results are told, and exported under the prefix."""
    (machine,) = deployed.of_type("AWS::StepFunctions::StateMachine")
    (bucket,) = deployed.of_type("AWS::S3::Bucket")
    outputs = {name: (o["Value"], o["Export"]["Name"]) for name, o in deployed.outputs.items()}
    assert outputs["DataCaptureBucketName"] == (
        "captures-111122223333",
        "DataCaptureBucketName-dev",
    )
    assert outputs["StateMachineArn"] == (f"<{machine}>", "StateMachineArn-dev")
    assert outputs["ResultsBucketName"] == (f"<{bucket}>", "ResultsBucketName-dev")
    role, export = outputs["BatchJudgingRoleArn"]
    assert role.startswith("<BatchJudgingRole")
    assert export == "BatchJudgingRoleArn-dev"
    arn, export = outputs["ProcessorLambdaArn"]
    assert arn.startswith("<ProcessorFunction")
    assert export == "ProcessorLambdaArn-dev"


@pytest.mark.parametrize(
    "kind",
    [
        "AWS::IAM::Role",
        "AWS::Lambda::Function",
        "AWS::Logs::LogGroup",
        "AWS::S3::Bucket",
        "AWS::SQS::Queue",
        "AWS::StepFunctions::StateMachine",
        "AWS::CloudWatch::Alarm",
    ],
)
def test_everything_is_tagged(deployed: Deployed, kind: str) -> None:
    """Costs and owners can be told apart by project, prefix and endpoint."""
    expected = {
        ("Project", "sagemaker-inference-monitor"),
        ("StackPrefix", "dev"),
        ("Endpoint", "llm-endpoint"),
    }
    resources = deployed.of_type(kind)
    assert resources
    for name, properties in resources.items():
        assert expected <= {(t["Key"], t["Value"]) for t in properties["Tags"]}, name


def test_the_results_bucket_is_private_and_stays(deployed: Deployed) -> None:
    """No public access, TLS only, encrypted, kept when the stack goes; what holds prompts expires.

    A deployment that fails at its start leaves no empty bucket behind.
    """
    (name,) = deployed.of_type("AWS::S3::Bucket")
    assert deployed.template["Resources"][name]["DeletionPolicy"] == "RetainExceptOnCreate"
    bucket = deployed.only("AWS::S3::Bucket")
    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    (deny,) = deployed.only("AWS::S3::BucketPolicy")["PolicyDocument"]["Statement"]
    assert deny["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    (encryption,) = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert encryption["ServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}
    expiring = [r["Prefix"] for r in bucket["LifecycleConfiguration"]["Rules"] if "Prefix" in r]
    assert expiring == [f"{MAP_RESULTS_PREFIX}/", f"{BATCH_JUDGING_PREFIX}/"]
    days = [r["ExpirationInDays"] for r in bucket["LifecycleConfiguration"]["Rules"][:2]]
    assert days == [30, KEPT_DAYS]


def test_the_results_bucket_takes_a_key(synthesize: Synthesize) -> None:
    """With a key of the user's, every object of the bucket is encrypted with it."""
    bucket = synthesize(results_kms_key_arn=KEY).only("AWS::S3::Bucket")
    (encryption,) = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert encryption["BucketKeyEnabled"] is True
    assert encryption["ServerSideEncryptionByDefault"] == {
        "SSEAlgorithm": "aws:kms",
        "KMSMasterKeyID": KEY,
    }


def test_the_granted_prefixes_are_those_the_function_writes() -> None:
    """Ledger and quarantine keys of the function's own code lie below the granted prefixes."""
    assert ledger_key("bucket", "key").startswith(f"{LEDGER_PREFIX}/")
    assert quarantine_key("bucket", "key", "digest").startswith(f"{QUARANTINE_PREFIX}/")


def counting_alarms(deployed: Deployed) -> list[dict[str, Any]]:
    """The alarms on one metric; the others are on a share of the judge calls."""
    alarms = deployed.of_type("AWS::CloudWatch::Alarm").values()
    return [alarm for alarm in alarms if "MetricName" in alarm]


def test_what_goes_wrong_sets_off_an_alarm(deployed: Deployed) -> None:
    """Failed, late or throttled runs, lasting errors, events that started nothing, no scores."""
    alarms = counting_alarms(deployed)
    assert {alarm["MetricName"]: alarm["EvaluationPeriods"] for alarm in alarms} == {
        "ExecutionsFailed": 1,
        "ExecutionsTimedOut": 1,
        "ExecutionThrottled": 1,
        "ApproximateNumberOfMessagesVisible": 1,
        "Errors": 1,
        "BudgetExhausted": 1,
        "JudgeUnavailable": 1,
        "JudgeRefused": 1,
        "Unaccounted": 1,
        "Silent": 1,
        "Foreign": 1,
    }
    errors = [a["EvaluationPeriods"] for a in alarms if a["MetricName"] == "Errors"]
    assert sorted(errors) == [1, 3]
    for alarm in alarms:
        assert alarm["AlarmName"].startswith("sagemaker-inference-monitoring-dev")
        assert alarm["ComparisonOperator"] == "GreaterThanThreshold"
        assert alarm["Threshold"] == 0
        assert alarm["AlarmDescription"]


@pytest.mark.parametrize("name", [metric_names.JUDGE_UNREADABLE, metric_names.JUDGE_DECLINED])
def test_verdicts_that_are_lost_set_off_an_alarm_by_their_share(
    deployed: Deployed, name: str
) -> None:
    """Above 5 % of an hour's judge calls, both counted for this stack; no calls, no alarm."""
    (alarm,) = (
        alarm
        for alarm in deployed.of_type("AWS::CloudWatch::Alarm").values()
        if name in json.dumps(alarm.get("Metrics", []))
    )
    assert (alarm["Threshold"], alarm["ComparisonOperator"]) == (5, "GreaterThanThreshold")
    assert alarm["TreatMissingData"] == "notBreaching"
    metrics = {metric["Id"]: metric for metric in alarm["Metrics"]}
    (share,) = (metric["Expression"] for metric in metrics.values() if "Expression" in metric)
    assert share == "100 * lost / calls"
    for part, counted in {"lost": name, "calls": metric_names.JUDGE_CALLS}.items():
        stat = metrics[part]["MetricStat"]
        assert (stat["Period"], stat["Stat"]) == (3600, "Sum")
        assert stat["Metric"]["MetricName"] == counted
        dimensions = {d["Name"]: d["Value"] for d in stat["Metric"]["Dimensions"]}
        assert dimensions == {"service": metric_names.SERVICE, "deployment": "dev"}


def test_a_judge_that_refuses_tells_what_to_do(deployed: Deployed) -> None:
    """The alarm names the tag, the command that asks the judge and the one that fills in."""
    (alarm,) = (a for a in counting_alarms(deployed) if a["MetricName"] == "JudgeRefused")
    for told in ("judge_refused", "scorers check --live", "inference-monitor backfill"):
        assert told in alarm["AlarmDescription"]


def test_alarms_watch_what_the_function_counts(deployed: Deployed) -> None:
    """Namespace and dimensions are those under which the function sends this stack's metrics."""
    for name in (metric_names.BUDGET_EXHAUSTED, metric_names.JUDGE_UNAVAILABLE):
        (alarm,) = (alarm for alarm in counting_alarms(deployed) if alarm["MetricName"] == name)
        assert alarm["Namespace"] == metric_names.NAMESPACE
        dimensions = {d["Name"]: d["Value"] for d in alarm["Dimensions"]}
        assert dimensions == {"service": metric_names.SERVICE, "deployment": "dev"}
        assert alarm["Statistic"] == "Sum"
        assert alarm["TreatMissingData"] == "notBreaching"
        assert "send the files again" in alarm["AlarmDescription"]


def test_a_used_up_budget_tells_when_there_is_more(deployed: Deployed) -> None:
    """The day's budget is released by the hour, so that is how long there is to wait."""
    (alarm,) = (
        a for a in counting_alarms(deployed) if a["MetricName"] == metric_names.BUDGET_EXHAUSTED
    )
    assert "wait for the next hour" in alarm["AlarmDescription"]
    assert "next day" not in alarm["AlarmDescription"]


def test_alarms_mail_whom_the_settings_name(deployed: Deployed, synthesize: Synthesize) -> None:
    """With an address every alarm goes to a topic with that subscriber; without one to nobody."""
    assert not deployed.of_type("AWS::SNS::Topic")
    mailed = synthesize(alarm_email="team@example.com")
    (topic,) = mailed.of_type("AWS::SNS::Topic")
    assert mailed.only("AWS::SNS::Subscription")["Endpoint"] == "team@example.com"
    for alarm in mailed.of_type("AWS::CloudWatch::Alarm").values():
        assert alarm["AlarmActions"] == [f"<{topic}>"]


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"data_capture_kms_key_arn": KEY, "results_kms_key_arn": KEY, "alarm_email": "a@b.example"},
    ],
)
def test_cfn_lint_has_nothing_to_say(
    synthesize: Synthesize, changes: dict[str, str], tmp_path: Path
) -> None:
    """CloudFormation's own schema and rules find no fault in the template."""
    file = tmp_path / "template.json"
    file.write_text(json.dumps(synthesize(**changes).template))
    # W3005: CDK writes dependencies out that references imply as well.
    cfn_lint = str(Path(sys.executable).with_name("cfn-lint"))
    command = [cfn_lint, "--ignore-checks", "W3005", "--", str(file)]
    lint = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert (lint.returncode, lint.stdout) == (0, "")


def test_a_finding_nobody_accepted_stops_the_synthesis() -> None:
    """cdk-nag runs in every synthesis: a bucket that is open to plain HTTP does not get through."""
    context = json.loads((REPOSITORY / "cdk.json").read_text())["context"]
    tree = app.build_app(deployable(settings()), context)
    stack = tree.node.default_child or tree.node.children[0]
    assert isinstance(stack, cdk.Stack)
    s3.Bucket(stack, "Careless")
    with pytest.raises(RuntimeError, match="AwsSolutions-S10"):
        tree.synth()
