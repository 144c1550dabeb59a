"""Where inferences go: InvokeEndpoint with an id, and capture files as SageMaker writes them."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import Any, Literal

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.response import StreamingBody
from botocore.stub import Stubber

from inference_monitor.capture.lines import iter_lines
from inference_monitor.capture.reader import read_line
from inference_monitor.inference import Inference
from inference_monitor_cli.load import targets
from inference_monitor_cli.load.targets import CaptureTarget, EndpointTarget, check_capture
from inference_monitor_cli.problems import CommandError

CHAT = json.dumps({"messages": [{"role": "user", "content": "Which oil?"}]}).encode()
START = datetime(2026, 11, 26, 9, 30, tzinfo=UTC)


class Bucket:
    """Keeps objects; `broken` lets puts fail."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.broken = False

    def put_object(self, *, Bucket: str, Key: str, Body: bytes) -> None:  # noqa: N803
        """Put one object."""
        if self.broken:
            raise ClientError({"Error": {"Code": "SlowDown", "Message": "x"}}, "PutObject")
        self.objects[f"{Bucket}/{Key}"] = Body

    @property
    def ids(self) -> list[str | None]:
        """The inference ids of all records, as the monitor reads them."""
        lines = [line for body in self.objects.values() for line in iter_lines([body])]
        records = [read_line(line).record for line in lines]
        assert all(isinstance(record, Inference) for record in records)
        return [record.inference_id for record in records if isinstance(record, Inference)]


class Times:
    """A time of day that goes on by hand."""

    def __init__(self) -> None:
        self.now = START


def target(bucket: Bucket, times: Times | None = None) -> CaptureTarget:
    """A target whose files lie in SageMaker's layout."""
    clock = times or Times()
    return CaptureTarget(bucket, "captures", "data-capture/llm", lambda: clock.now)


def test_captures_are_read_as_inferences() -> None:
    """In the folder of the endpoint, a variant of their own and the hour, with their ids."""
    bucket = Bucket()
    files = target(bucket)
    files.send("run-0", CHAT)
    files.send("run-1", b'{"inputs": "Which oil?"}')
    assert bucket.objects == {}
    files.close()
    (key,) = bucket.objects
    folder = "captures/data-capture/llm/inference-monitor-load/2026/11/26/09/30-00-000-"
    assert key.startswith(folder)
    assert bucket.ids == ["run-0", "run-1"]
    files.close()
    assert len(bucket.objects) == 1


def test_files_end_by_number_and_by_age(monkeypatch: pytest.MonkeyPatch) -> None:
    """A long run does not keep its records back."""
    monkeypatch.setattr(targets, "FILE_RECORDS", 2)
    bucket, times = Bucket(), Times()
    files = target(bucket, times)
    files.send("run-0", CHAT)
    files.send("run-1", CHAT)
    assert bucket.ids == ["run-0", "run-1"]
    monkeypatch.setattr(targets, "FILE_RECORDS", 100)
    files.send("run-2", CHAT)
    times.now = START + timedelta(seconds=targets.FILE_SECONDS)
    files.send("run-3", CHAT)
    assert bucket.ids == ["run-0", "run-1", "run-2", "run-3"]


def test_a_failed_put_loses_nothing_silently(monkeypatch: pytest.MonkeyPatch) -> None:
    """The request that met the failure is an error; the others are in the next file."""
    monkeypatch.setattr(targets, "FILE_RECORDS", 2)
    bucket = Bucket()
    files = target(bucket)
    files.send("run-0", CHAT)
    bucket.broken = True
    with pytest.raises(ClientError):
        files.send("run-1", CHAT)
    bucket.broken = False
    files.send("run-2", CHAT)
    assert bucket.ids == ["run-0", "run-2"]


class Session:
    """Gives one stubbed client."""

    def __init__(self, service: Literal["sagemaker", "sagemaker-runtime"]) -> None:
        self.built: Any = boto3.client(
            service, region_name="eu-west-1", aws_access_key_id="x", aws_secret_access_key="x"
        )
        self.stub = Stubber(self.built)
        self.stub.activate()

    def client(self, _service: str, **options: Any) -> Any:
        """The client; remembers how it was wanted."""
        self.options = options
        return self.built


def test_an_endpoint_is_invoked_once_with_the_id() -> None:
    """InferenceId carries it into the capture; botocore must not repeat a call."""
    session = Session("sagemaker-runtime")
    body = StreamingBody(BytesIO(b"{}"), 2)
    session.stub.add_response(
        "invoke_endpoint",
        {"Body": body},
        {
            "EndpointName": "llm", "ContentType": "application/json", "Body": CHAT,
            "InferenceId": "run-7",
        },
    )  # fmt: skip
    EndpointTarget(session, "llm", 33).send("run-7", CHAT)
    session.stub.assert_no_pending_responses()
    config = session.options["config"]
    assert config.retries["total_max_attempts"] == 1
    assert config.max_pool_connections == 33


@pytest.mark.parametrize(
    ("capture", "percentage"),
    [
        ({"EnableCapture": True, "CaptureStatus": "Started"}, 20),
        ({"EnableCapture": True, "CaptureStatus": "Stopped"}, None),
        ({"EnableCapture": False, "CaptureStatus": "Stopped"}, None),
        (None, None),
    ],
)
def test_an_endpoint_that_captures_nothing(
    capture: dict[str, Any] | None, percentage: int | None
) -> None:
    """Is found before anything is sent and paid for."""
    session = Session("sagemaker")
    described: dict[str, Any] = {
        "EndpointName": "llm", "EndpointArn": "arn:aws:sagemaker:eu-west-1:1:endpoint/llm",
        "EndpointStatus": "InService", "CreationTime": START, "LastModifiedTime": START,
    }  # fmt: skip
    if capture:
        described["DataCaptureConfig"] = {
            **capture, "CurrentSamplingPercentage": 20, "DestinationS3Uri": "s3://b/x",
            "KmsKeyId": "k",
        }  # fmt: skip
    session.stub.add_response("describe_endpoint", described, {"EndpointName": "llm"})
    if percentage is None:
        with pytest.raises(CommandError, match="captures nothing"):
            check_capture(session, "llm")
    else:
        assert check_capture(session, "llm") == percentage
