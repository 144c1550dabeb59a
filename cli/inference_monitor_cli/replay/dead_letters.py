"""Start the workflow with the events that did not start it when they came."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from threading import Event
from typing import Any

from inference_monitor.errors import InvalidEventError
from inference_monitor.events import CaptureFile, FailedExecution, parse_event
from inference_monitor_cli.deployment import Deployment
from inference_monitor_cli.executions import Executions, digest_of
from inference_monitor_cli.sending import Plan, Sending

# Only one message is held at a time, until its execution is started.
HIDDEN_SECONDS = 900
# Long polling asks all of SQS's servers; a short one may miss the last messages.
WAIT_SECONDS = 2


class DeadLetterReplay:
    """The events in the dead-letter queue of a deployment: of its rules, and of its function."""

    def __init__(self, deployment: Deployment, stopped: Event) -> None:
        self._sqs = deployment.session.client("sqs")
        self._url = deployment.dead_letters_url
        self._executions = Executions(deployment, stopped)
        self._run = f"{datetime.now(UTC):%Y%m%dT%H%M%S%f}"
        self._held: dict[str, str] = {}

    def plan(self) -> Plan:
        """Each event is one thing to send. What is not sent is in the queue again after `close`."""
        plan = Plan("events", close=self._release)
        plan.sendings = self._sendings(plan)
        return plan

    def _sendings(self, plan: Plan) -> Iterator[Sending]:
        seen: set[str] = set()
        while message := self._receive():
            self._held[message["MessageId"]] = message["ReceiptHandle"]
            if message["MessageId"] in seen:
                continue
            seen.add(message["MessageId"])
            try:
                file = _capture_file(message["Body"])
            except (InvalidEventError, ValueError) as error:
                plan.unusable.append(
                    f"message {message['MessageId']}: {error}; delete it if it is foreign"
                )
            else:
                uri = f"s3://{file.bucket}/{file.key}"
                yield Sending(f"the event of {uri}", partial(self._send, message, file))

    def _receive(self) -> dict[str, Any] | None:
        answer = self._sqs.receive_message(
            QueueUrl=self._url,
            MaxNumberOfMessages=1,
            VisibilityTimeout=HIDDEN_SECONDS,
            WaitTimeSeconds=WAIT_SECONDS,
        )
        messages: list[dict[str, Any]] = answer.get("Messages", [])
        return messages[0] if messages else None

    def _send(self, message: dict[str, Any], file: CaptureFile | FailedExecution) -> None:
        # Equal events are one execution, also when an earlier replay died before it could delete.
        name = f"replay-event-{digest_of(message['Body'])}"
        event = message["Body"]
        if "detail" not in json.loads(event) or isinstance(file, FailedExecution):
            # The workflow takes nothing but S3's events.
            found = {"bucket": {"name": file.bucket}, "object": {"key": file.key}}
            event = json.dumps({"detail": found})
        arn = self._executions.start([name, f"{name}-{self._run}"], event)
        self._sqs.delete_message(QueueUrl=self._url, ReceiptHandle=message["ReceiptHandle"])
        del self._held[message["MessageId"]]
        self._executions.follow(arn)

    def _release(self) -> None:
        for handle in list(self._held.values()):
            self._sqs.change_message_visibility(
                QueueUrl=self._url, ReceiptHandle=handle, VisibilityTimeout=0
            )


def _capture_file(body: str) -> CaptureFile | FailedExecution:
    """The file an event is about, of S3 or of an execution, or the one the function was sent.

    What the function was invoked with asynchronously stands in a record of the failed invocation,
    as `requestPayload` ("Capturing records of Lambda asynchronous invocations" in the Lambda
    developer guide).

    Raises:
        ValueError: If it is no JSON.
        InvalidEventError: For any other event.
    """
    event = json.loads(body)
    invoked = isinstance(event, dict) and "requestPayload" in event
    file = parse_event(event["requestPayload"] if invoked else event)
    if isinstance(file, FailedExecution):
        return file
    if isinstance(file, CaptureFile) and (invoked or "detail" in event):
        return file
    raise InvalidEventError("it is no event of S3")
