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
    """Its logical id; the others are a schedule and of executions."""
    rules = deployed.of_type("AWS::Events::Rule").items()
    (name,) = (n for n, rule in rules if rule.get("EventPattern", {}).get("source") == ["aws.s3"])
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


def test_the_dead_letter_queue_is_encrypted_and_takes_the_rules_events(
    deployed: Deployed,
) -> None:
    """It keeps events for 14 days, over TLS, from the rules of this stack only."""
    queue = deployed.only("AWS::SQS::Queue")
    assert queue["SqsManagedSseEnabled"] is True
    assert queue["MessageRetentionPeriod"] == 14 * 86400
    statements = deployed.only("AWS::SQS::QueuePolicy")["PolicyDocument"]["Statement"]
    (deny,) = (s for s in statements if s["Effect"] == "Deny")
    allowed = [s["Condition"]["ArnEquals"] for s in statements if s["Effect"] == "Allow"]
    assert deny["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    rules = (rule_id(deployed), closing_rule(deployed))
    assert allowed == [{"aws:SourceArn": f"<{rule}.Arn>"} for rule in rules]


def closing_rule(deployed: Deployed) -> str:
    """The logical id of the rule of executions that ended badly."""
    rules = deployed.of_type("AWS::Events::Rule").items()
    (name,) = (
        n for n, rule in rules if rule.get("EventPattern", {}).get("source") == ["aws.states"]
    )
    return name


def test_an_execution_that_ends_badly_has_its_ledger_closed(deployed: Deployed) -> None:
    """Failed, timed out or stopped: the function is told; of this state machine only."""
    (machine,) = deployed.of_type("AWS::StepFunctions::StateMachine")
    rule = deployed.of_type("AWS::Events::Rule")[closing_rule(deployed)]
    assert rule["EventPattern"] == {
        "source": ["aws.states"],
        "detail-type": ["Step Functions Execution Status Change"],
        "detail": {
            "stateMachineArn": [f"<{machine}>"],
            "status": ["FAILED", "TIMED_OUT", "ABORTED"],
        },
    }
    (target,) = rule["Targets"]
    assert "ProcessorFunction" in target["Arn"]
    assert not {"Input", "InputPath", "InputTransformer"} & set(target)


def test_what_the_function_fails_at_unwatched_is_kept(deployed: Deployed) -> None:
    """An event of `--invocation-type Event` goes to the dead-letter queue, by its role's right."""
    (queue,) = deployed.of_type("AWS::SQS::Queue")
    config = deployed.only("AWS::Lambda::EventInvokeConfig")
    assert config["DestinationConfig"] == {"OnFailure": {"Destination": f"<{queue}.Arn>"}}
    assert (config["MaximumRetryAttempts"], config["MaximumEventAgeInSeconds"]) == (2, 6 * 3600)
    granted = deployed.allowed("ProcessorRole", "sqs")
    assert granted["sqs:SendMessage"] == {f"<{queue}.Arn>"}


def test_eventbridge_is_switched_on_for_the_capture_bucket(deployed: Deployed) -> None:
    """The switch may read and write this bucket's notifications, and nothing else in S3."""
    assert deployed.only("Custom::EventBridgeSwitch")["Bucket"] == "captures-111122223333"
    assert deployed.allowed("CapturesSwitchRole", "s3") == {
        "s3:GetBucketNotification": {"arn:aws:s3:::captures-111122223333"},
        "s3:PutBucketNotification": {"arn:aws:s3:::captures-111122223333"},
        "s3:ListBucket": {"arn:aws:s3:::captures-111122223333"},
    }
