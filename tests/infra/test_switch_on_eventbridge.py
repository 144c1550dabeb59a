"""The custom resource that switches on EventBridge for a bucket it does not own."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from stacks.capture_files import SWITCH
from stacks.runtime import switch_on_eventbridge

QUEUE = {
    "Id": "somebody-elses",
    "QueueArn": "arn:aws:sqs:us-east-1:111122223333:orders",
    "Events": ["s3:ObjectCreated:*"],
    "Filter": {"Key": {"FilterRules": [{"Name": "Prefix", "Value": "orders/"}]}},
}
FUNCTION = {"Id": "another", "LambdaFunctionArn": "arn:aws:lambda:x", "Events": ["s3:*"]}


class FakeS3:
    """A bucket's notifications. Keeps S3's promise that a write replaces all that was there."""

    def __init__(self, **notifications: Any) -> None:
        self.notifications = notifications
        self.writes = 0
        self.region = "us-east-1"

    def head_bucket(self, **_: str) -> dict[str, Any]:
        """As boto3 answers, which follows S3 to the bucket's Region."""
        return {"BucketRegion": self.region}

    def get_bucket_notification_configuration(self, **_: str) -> dict[str, Any]:
        """As boto3 answers."""
        return {**copy.deepcopy(self.notifications), "ResponseMetadata": {"RetryAttempts": 0}}

    def put_bucket_notification_configuration(
        self,
        *,
        NotificationConfiguration: dict[str, Any],  # noqa: N803 - boto3's name
        **options: Any,
    ) -> None:
        """S3 refuses a destination that is gone, unless told not to look."""
        assert options["SkipDestinationValidation"] is True
        self.notifications = NotificationConfiguration
        self.writes += 1


class GoneS3(FakeS3):
    """A bucket that is not there."""

    def get_bucket_notification_configuration(self, **_: str) -> dict[str, Any]:
        """As boto3 fails."""
        raise ClientError({"Error": {"Code": "NoSuchBucket", "Message": "gone"}}, "Get")


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What CloudFormation is told."""
    told: list[dict[str, Any]] = []

    def put(request: Any, timeout: float) -> SimpleNamespace:
        assert (request.method, request.full_url, timeout) == ("PUT", "https://cfn.test/a", 30)
        told.append(json.loads(request.data))
        return SimpleNamespace(close=lambda: None)

    monkeypatch.setattr("urllib.request.urlopen", put)
    return told


def deliver(
    monkeypatch: pytest.MonkeyPatch,
    s3: FakeS3,
    request_type: str,
    waited: list[float] | None = None,
) -> None:
    """Let CloudFormation send a request for the bucket; keeps the seconds it waited."""
    monkeypatch.setattr("boto3.client", lambda _: s3)
    monkeypatch.setattr("time.sleep", (waited if waited is not None else []).append)
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    event = {
        "RequestType": request_type,
        "ResponseURL": "https://cfn.test/a",
        "StackId": "stack",
        "RequestId": "request",
        "LogicalResourceId": "EventBridge",
        "ResourceProperties": {"Bucket": "captures"},
    }
    switch_on_eventbridge.handler(event, SimpleNamespace(log_stream_name="stream"))


@pytest.mark.parametrize("request_type", ["Create", "Update"])
def test_what_is_there_stays(
    monkeypatch: pytest.MonkeyPatch, answers: list[dict[str, Any]], request_type: str
) -> None:
    """Other notifications keep everything they have, their ids included."""
    s3 = FakeS3(QueueConfigurations=[QUEUE], LambdaFunctionConfigurations=[FUNCTION])
    deliver(monkeypatch, s3, request_type)
    assert s3.notifications == {
        "QueueConfigurations": [QUEUE],
        "LambdaFunctionConfigurations": [FUNCTION],
        "EventBridgeConfiguration": {},
    }
    assert [(a["Status"], a["PhysicalResourceId"]) for a in answers] == [("SUCCESS", "captures")]


def test_a_bucket_that_has_eventbridge_is_not_written(
    monkeypatch: pytest.MonkeyPatch, answers: list[dict[str, Any]]
) -> None:
    """The second stack on a bucket writes nothing, so it cannot undo what others just wrote."""
    s3 = FakeS3(QueueConfigurations=[QUEUE], EventBridgeConfiguration={})
    deliver(monkeypatch, s3, "Create")
    assert s3.writes == 0
    assert answers[0]["Status"] == "SUCCESS"


def test_deleting_one_stack_leaves_the_events_of_the_other(
    monkeypatch: pytest.MonkeyPatch, answers: list[dict[str, Any]]
) -> None:
    """EventBridge stays on: a stack with another prefix may live on the same bucket."""
    s3 = FakeS3(EventBridgeConfiguration={})
    deliver(monkeypatch, s3, "Delete")
    assert s3.notifications == {"EventBridgeConfiguration": {}}
    assert s3.writes == 0
    assert answers[0]["Status"] == "SUCCESS"


def test_a_stack_can_be_deleted_after_its_bucket(
    monkeypatch: pytest.MonkeyPatch, answers: list[dict[str, Any]]
) -> None:
    """Deleting asks S3 nothing, so a bucket that is gone by then does not hold the stack back."""
    deliver(monkeypatch, GoneS3(), "Delete")
    assert answers[0]["Status"] == "SUCCESS"


def test_a_bucket_that_is_not_there_fails_the_deployment_by_name(
    monkeypatch: pytest.MonkeyPatch, answers: list[dict[str, Any]]
) -> None:
    """The stack's event log names the bucket and what S3 said."""
    deliver(monkeypatch, GoneS3(), "Create")
    assert answers[0]["Status"] == "FAILED"
    assert "bucket captures" in answers[0]["Reason"]
    assert "NoSuchBucket" in answers[0]["Reason"]


def test_a_bucket_in_another_region_fails_the_deployment(
    monkeypatch: pytest.MonkeyPatch, answers: list[dict[str, Any]]
) -> None:
    """Its events would never come; the reason says where to deploy, and nothing was switched."""
    s3 = FakeS3()
    s3.region = "eu-west-1"
    deliver(monkeypatch, s3, "Create")
    assert (answers[0]["Status"], s3.writes) == ("FAILED", 0)
    assert "Bucket captures is in eu-west-1, and this stack in us-east-1" in answers[0]["Reason"]
    assert "AWS_REGION=eu-west-1" in answers[0]["Reason"]
    deliver(monkeypatch, s3, "Delete")
    assert answers[1]["Status"] == "SUCCESS"


class BusyS3(FakeS3):
    """Refuses as many writes as it has codes, and then takes one."""

    def __init__(self, *codes: str) -> None:
        super().__init__(QueueConfigurations=[QUEUE])
        self.codes = list(codes)

    def put_bucket_notification_configuration(self, **kwargs: Any) -> None:
        """As boto3 fails, until it does not."""
        if self.codes:
            raise ClientError({"Error": {"Code": self.codes.pop(0), "Message": "no"}}, "Put")
        super().put_bucket_notification_configuration(**kwargs)


@pytest.mark.parametrize("code", ["OperationAborted", "AccessDenied", "SlowDown"])
def test_what_passes_is_waited_for(
    monkeypatch: pytest.MonkeyPatch, answers: list[dict[str, Any]], code: str
) -> None:
    """Two deployments at once, and permissions that have not spread yet, delay and fail nothing."""
    s3 = BusyS3(*[code] * 5)
    deliver(monkeypatch, s3, "Create")
    assert answers[0]["Status"] == "SUCCESS"
    assert s3.notifications == {"QueueConfigurations": [QUEUE], "EventBridgeConfiguration": {}}


def test_waiting_ends(monkeypatch: pytest.MonkeyPatch, answers: list[dict[str, Any]]) -> None:
    """What never passes fails the deployment, within the time of the function, and is said."""
    waited: list[float] = []
    s3 = BusyS3(*["AccessDenied"] * 100)
    deliver(monkeypatch, s3, "Create", waited)
    assert (answers[0]["Status"], s3.writes) == ("FAILED", 0)
    assert "AccessDenied" in answers[0]["Reason"]
    assert 60 <= sum(waited) <= 150


def test_a_change_of_somebody_else_is_kept(
    monkeypatch: pytest.MonkeyPatch, answers: list[dict[str, Any]]
) -> None:
    """S3 may answer with what was there before: nothing is written until two reads agree."""
    s3 = FakeS3()
    read = s3.get_bucket_notification_configuration
    answered: Iterator[dict[str, Any]] = iter([{}])

    def stale(**_: str) -> dict[str, Any]:
        s3.notifications.setdefault("QueueConfigurations", [QUEUE])
        return next(answered, None) or read()

    monkeypatch.setattr(s3, "get_bucket_notification_configuration", stale)
    deliver(monkeypatch, s3, "Create")
    assert answers[0]["Status"] == "SUCCESS"
    assert s3.notifications == {"QueueConfigurations": [QUEUE], "EventBridgeConfiguration": {}}


def test_cloudformation_is_answered_even_by_a_bug(
    monkeypatch: pytest.MonkeyPatch, answers: list[dict[str, Any]]
) -> None:
    """An error nobody thought of fails the deployment now, not after an hour of waiting."""
    monkeypatch.setattr(FakeS3, "get_bucket_notification_configuration", None)
    with pytest.raises(TypeError):
        deliver(monkeypatch, FakeS3(), "Create")
    assert answers[0]["Status"] == "FAILED"
    assert "stream" in answers[0]["Reason"]


def test_the_code_fits_inline() -> None:
    """CloudFormation takes at most 4,096 characters of inline code."""
    assert len(SWITCH.read_text()) <= 4096
