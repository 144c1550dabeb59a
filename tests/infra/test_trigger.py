"""From a capture file in S3 to a started workflow."""

from __future__ import annotations

import fnmatch
from typing import Any

import pytest

from tests.infra.deployed import Deployed


@pytest.fixture
def rule(deployed: Deployed) -> dict[str, Any]:
    """The EventBridge rule."""
    return deployed.of_type("AWS::Events::Rule")[rule_id(deployed)]


def rule_id(deployed: Deployed) -> str:
    """Its logical id; the other rule is a schedule."""
    rules = deployed.of_type("AWS::Events::Rule").items()
    (name,) = (name for name, properties in rules if "EventPattern" in properties)
    return name


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("llm-endpoint/AllTraffic/2026/11/23/10/00-01-000-abc.jsonl", True),
        ("llm-endpoint/a.jsonl", True),
        ("llm-endpoint-2/AllTraffic/a.jsonl", False),
        ("other/llm-endpoint/a.jsonl", False),
        ("llm-endpoint/AllTraffic/a.json", False),
        ("llm-endpoint/AllTraffic/a.jsonl.tmp", False),
        ("ledger/llm-endpoint/a.jsonl", False),
    ],
)
def test_capture_files_of_this_endpoint_match(
    rule: dict[str, Any], key: str, expected: bool
) -> None:
    """A key matches by folder and by ending; a neighbour whose name starts the same does not."""
    (pattern,) = rule["EventPattern"]["detail"]["object"]["key"]
    assert list(pattern) == ["wildcard"]
    assert fnmatch.fnmatchcase(key, pattern["wildcard"]) is expected


def test_only_new_objects_of_this_bucket_match(rule: dict[str, Any]) -> None:
    """Deletions, tags and other buckets start nothing."""
    pattern = rule["EventPattern"]
    assert pattern["source"] == ["aws.s3"]
    assert pattern["detail-type"] == ["Object Created"]
    assert pattern["detail"]["bucket"]["name"] == ["captures-111122223333"]


def test_the_wildcard_is_one_eventbridge_accepts(rule: dict[str, Any]) -> None:
    """EventBridge refuses `**`, and reads a backslash as an escape."""
    (pattern,) = rule["EventPattern"]["detail"]["object"]["key"]
    assert pattern["wildcard"].count("*") == 1
    assert "\\" not in pattern["wildcard"]


def test_the_event_goes_to_the_workflow_unchanged(deployed: Deployed, rule: dict[str, Any]) -> None:
    """The workflow's input is S3's event itself, tried for a day, then kept in the queue."""
    (machine,) = deployed.of_type("AWS::StepFunctions::StateMachine")
    (queue,) = deployed.of_type("AWS::SQS::Queue")
    (target,) = rule["Targets"]
    assert target["Arn"] == f"<{machine}>"
    assert not {"Input", "InputPath", "InputTransformer"} & set(target)
    assert target["RetryPolicy"] == {"MaximumEventAgeInSeconds": 86400, "MaximumRetryAttempts": 185}
    assert target["DeadLetterConfig"] == {"Arn": f"<{queue}.Arn>"}


def test_the_dead_letter_queue_is_encrypted_and_takes_this_rules_events(
    deployed: Deployed,
) -> None:
    """It keeps events for 14 days, over TLS, from this rule only."""
    queue = deployed.only("AWS::SQS::Queue")
    assert queue["SqsManagedSseEnabled"] is True
    assert queue["MessageRetentionPeriod"] == 14 * 86400
    statements = deployed.only("AWS::SQS::QueuePolicy")["PolicyDocument"]["Statement"]
    (deny,) = (s for s in statements if s["Effect"] == "Deny")
    (allow,) = (s for s in statements if s["Effect"] == "Allow")
    assert deny["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    assert allow["Condition"]["ArnEquals"] == {"aws:SourceArn": f"<{rule_id(deployed)}.Arn>"}


def test_eventbridge_is_switched_on_for_the_capture_bucket(deployed: Deployed) -> None:
    """The switch may read and write this bucket's notifications, and nothing else in S3."""
    assert deployed.only("Custom::EventBridgeSwitch")["Bucket"] == "captures-111122223333"
    assert deployed.allowed("CapturesSwitchRole", "s3") == {
        "s3:GetBucketNotification": {"arn:aws:s3:::captures-111122223333"},
        "s3:PutBucketNotification": {"arn:aws:s3:::captures-111122223333"},
        "s3:ListBucket": {"arn:aws:s3:::captures-111122223333"},
    }
