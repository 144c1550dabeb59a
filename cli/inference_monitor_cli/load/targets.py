"""Where a load test sends its inferences: an endpoint, or straight into the capture bucket."""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from inference_monitor_cli.deployment import Deployment
from inference_monitor_cli.problems import CommandError

VARIANT = "inference-monitor-load"
"""The variant under which synthetic captures are written: what their traces are found by."""
FILE_RECORDS = 100
FILE_SECONDS = 5.0
"""A synthetic capture file is closed at this many records, or when its first is this old."""


class Target(Protocol):
    """Takes inferences, from several threads at once."""

    def send(self, inference_id: str, body: bytes) -> None:
        """Send one request; raises `ClientError` or `BotoCoreError` if it has no answer."""

    def close(self) -> None:
        """Write what is still held back."""


class EndpointTarget:
    """Calls InvokeEndpoint (botocore 1.44.5, read on 2026-11-26).

    `InferenceId`, at most 64 characters, is what SageMaker copies into `eventMetadata.inferenceId`
    of the capture record. Calls are not repeated: every error is counted.
    """

    def __init__(self, session: Any, endpoint: str, connections: int) -> None:
        # A pool that is smaller than the number of threads would slow them down.
        config = Config(
            retries={"total_max_attempts": 1, "mode": "standard"},
            max_pool_connections=connections,
        )
        self._client = session.client("sagemaker-runtime", config=config)
        self._endpoint = endpoint

    def send(self, inference_id: str, body: bytes) -> None:
        """Invoke the endpoint and read its whole answer."""
        answer = self._client.invoke_endpoint(
            EndpointName=self._endpoint,
            ContentType="application/json",
            Body=body,
            InferenceId=inference_id,
        )
        answer["Body"].read()

    def close(self) -> None:
        """There is nothing to write."""


@dataclass
class CaptureTarget:
    """Writes capture files as SageMaker lays them out, with a synthetic answer to each request.

    `now` gives the time of day in UTC.
    """

    s3: Any
    bucket: str
    folder: str
    """`<prefix>/<endpoint>`, without a slash at its end."""
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    _lines: list[str] = field(default_factory=list)
    _since: datetime | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @classmethod
    def of(cls, deployment: Deployment, endpoint: str) -> CaptureTarget:
        """The folder that this deployment watches for this endpoint."""
        folder = deployment.capture_prefix.rstrip("/")
        if folder.rpartition("/")[2] != endpoint:
            folder = f"{folder}/{endpoint}".lstrip("/")
        return cls(deployment.session.client("s3"), deployment.capture_bucket, folder)

    def send(self, inference_id: str, body: bytes) -> None:
        """Add a record to the open file, and write the file when it is full or old enough."""
        with self._lock:
            now = self.now()
            self._lines.append(_capture_line(inference_id, body, now))
            self._since = self._since or now
            age = (now - self._since).total_seconds()
            if len(self._lines) >= FILE_RECORDS or age >= FILE_SECONDS:
                try:
                    self._write(now)
                except (ClientError, BotoCoreError):
                    # The others stay, for the next attempt; this one is reported as not sent.
                    self._lines.pop()
                    raise

    def close(self) -> None:
        """Write the last file."""
        with self._lock:
            if self._lines:
                self._write(self.now())

    def _write(self, now: datetime) -> None:
        name = f"{now:%M-%S}-{now.microsecond // 1000:03d}-{uuid.uuid4()}.jsonl"
        key = f"{self.folder}/{VARIANT}/{now:%Y/%m/%d/%H}/{name}"
        self.s3.put_object(Bucket=self.bucket, Key=key, Body="".join(self._lines).encode())
        self._lines, self._since = [], None


def check_capture(session: Any, endpoint: str) -> int:
    """The percentage of inferences that the endpoint captures.

    Raises:
        CommandError: If it captures none.
        ClientError: If there is no such endpoint.
    """
    found = session.client("sagemaker").describe_endpoint(EndpointName=endpoint)
    capture = found.get("DataCaptureConfig", {})
    if not capture.get("EnableCapture") or capture.get("CaptureStatus") != "Started":
        raise CommandError(
            f"endpoint {endpoint} captures nothing: switch its data capture on, or write "
            "synthetic captures with --captures"
        )
    return int(capture["CurrentSamplingPercentage"])


def _capture_line(inference_id: str, body: bytes, now: datetime) -> str:
    request = body.decode()
    text = "This is a synthetic answer of a load test; no model was called."
    if "messages" in json.loads(request):
        message = {"role": "assistant", "content": text}
        answer: Any = {
            "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": len(request.split()), "completion_tokens": 13},
        }
    else:
        answer = {"generated_text": text}
    sides = {
        f"endpoint{side}": {
            "observedContentType": "application/json",
            "mode": side.upper(),
            "data": data,
            "encoding": "JSON",
        }
        for side, data in (("Input", request), ("Output", json.dumps(answer)))
    }
    metadata = {
        "eventId": str(uuid.uuid4()),
        "inferenceId": inference_id,
        "inferenceTime": f"{now:%Y-%m-%dT%H:%M:%SZ}",
    }
    record = {"captureData": sides, "eventMetadata": metadata, "eventVersion": "0"}
    return json.dumps(record) + "\n"
