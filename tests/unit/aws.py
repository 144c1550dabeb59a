# ruff: noqa: N803  # boto3 names its arguments so
"""An AWS account in memory, as far as the command asks it; the answers have boto3's shapes."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import IO, Any, BinaryIO

from botocore.exceptions import ClientError
from botocore.response import StreamingBody

from inference_monitor.config.models import DEFAULT_JUDGE

STACK = "SageMakerInferenceMonitoringStack-dev"
MACHINE = "arn:aws:states:eu-west-1:111122223333:stateMachine:machine-dev"
EXECUTION = MACHINE.replace("stateMachine", "execution")
FUNCTION = "arn:aws:lambda:eu-west-1:111122223333:function:processor-dev"
QUEUE = "https://sqs/dead-letters"
ROLE = "arn:aws:iam::111122223333:role/batch-judging"
ENVIRONMENT = {
    "MONITOR_MLFLOW_TRACKING_URI": "http://mlflow",
    "MONITOR_EXPERIMENT_NAME": "llm",
    "MONITOR_ENDPOINT_NAME": "llm",
    "MONITOR_JUDGE_MODEL": DEFAULT_JUDGE,
    "MONITOR_REDACTION": "off",
}
CAPTURES, RESULTS = "captures", "results"


def refuse(operation: str, code: str, message: str = "no") -> ClientError:
    """An error as AWS answers it."""
    return ClientError({"Error": {"Code": code, "Message": message}}, operation)


@dataclass
class S3:
    """Buckets in a dictionary; each write is a second later than the one before."""

    objects: dict[tuple[str, str], bytes] = field(default_factory=dict)
    modified: dict[tuple[str, str], datetime] = field(default_factory=dict)
    listed: list[str] = field(default_factory=list)
    deny: frozenset[str] = frozenset()
    _now: datetime = datetime(2026, 3, 2, tzinfo=UTC)

    def put_object(self, *, Bucket: str, Key: str, Body: bytes | IO[bytes]) -> None:
        """Write an object."""
        body = Body if isinstance(Body, bytes) else Body.read()
        if "PutObject" in self.deny:
            raise refuse("PutObject", "AccessDenied")
        self._now += timedelta(seconds=1)
        self.objects[Bucket, Key], self.modified[Bucket, Key] = body, self._now

    def get_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:
        """Read an object."""
        if (Bucket, Key) not in self.objects:
            raise refuse("GetObject", "NoSuchKey")
        body = self.objects[Bucket, Key]
        return {"Body": StreamingBody(io.BytesIO(body), len(body))}

    def download_fileobj(self, bucket: str, key: str, file: BinaryIO) -> None:
        """Copy an object into a file."""
        file.write(self.objects[bucket, key])

    def delete_object(self, *, Bucket: str, Key: str) -> None:
        """Delete an object; one that is not there is no error."""
        self.objects.pop((Bucket, Key), None)

    def list_objects_v2(self, *, MaxKeys: int, **request: str) -> dict[str, Any]:
        """The first page."""
        assert MaxKeys > 2
        pages = list(self.paginate(**{"Prefix": "", **request}))
        names = ("Contents", "CommonPrefixes")
        return {name: [e for page in pages for e in page.get(name, ())] for name in names}

    def get_paginator(self, operation: str) -> S3:
        """Of `list_objects_v2` only."""
        assert operation == "list_objects_v2"
        return self

    def paginate(
        self,
        *,
        Bucket: str,
        Prefix: str,
        Delimiter: str = "",
    ) -> Iterator[dict[str, Any]]:
        """Pages of two entries."""
        self.listed.append(Prefix)
        folders, files = set(), []
        for bucket, key in sorted(self.objects):
            if bucket != Bucket or not key.startswith(Prefix):
                continue
            folder, found, _ = (
                key[len(Prefix) :].partition(Delimiter) if Delimiter else ("", "", "")
            )
            if found:
                folders.add(f"{Prefix}{folder}/")
            else:
                files.append({"Key": key, "LastModified": self.modified[bucket, key]})
        for start in range(0, len(files), 2):
            yield {"Contents": files[start : start + 2]}
        yield {"CommonPrefixes": [{"Prefix": folder} for folder in sorted(folders)]}

    def keys(self, bucket: str, prefix: str = "") -> list[str]:
        """The keys of a bucket."""
        return sorted(k for b, k in self.objects if b == bucket and k.startswith(prefix))

    def rows(self, bucket: str, key: str) -> list[Any]:
        """An object's JSON lines."""
        return [json.loads(line) for line in self.objects[bucket, key].splitlines()]


Answer = Callable[[dict[str, Any]], dict[str, Any]]


def traced(event: dict[str, Any]) -> dict[str, Any]:
    """The function's answer when all is well."""
    count = len(event.get("Items", ()))
    return {"captured": count, "traced": count}


def raised(kind: str, message: str = "no answer") -> Answer:
    """The function's answer when it has raised."""

    def answer(_event: dict[str, Any]) -> dict[str, Any]:
        return {"errorType": kind, "errorMessage": message}

    return answer


@dataclass
class Lambda:
    """The function; `answer` is asked for what it says."""

    answer: Answer = traced
    events: list[dict[str, Any]] = field(default_factory=list)

    def invoke(self, *, FunctionName: str, Payload: bytes) -> dict[str, Any]:
        """Keep the event, and answer it."""
        assert FunctionName == FUNCTION
        assert len(Payload) <= 6 * 1024 * 1024
        self.events.append(json.loads(Payload))
        body = self.answer(self.events[-1])
        told = {"FunctionError": "Unhandled"} if "errorType" in body else {}
        return {"StatusCode": 200, "Payload": io.BytesIO(json.dumps(body).encode()), **told}

    def get_function_configuration(self, *, FunctionName: str) -> dict[str, Any]:
        """The environment."""
        assert FunctionName == FUNCTION
        return {"Environment": {"Variables": ENVIRONMENT}}


@dataclass
class StepFunctions:
    """The inputs of executions by name; `statuses` are of earlier ones, each told in turn."""

    inputs: dict[str, dict[str, Any]] = field(default_factory=dict)
    statuses: dict[str, list[str]] = field(default_factory=dict)
    ends_as: str = "SUCCEEDED"
    error: str | None = None

    def start_execution(
        self,
        *,
        stateMachineArn: str,
        name: str,
        input: str,  # noqa: A002
    ) -> dict[str, Any]:
        """Start one; a name is taken for ever."""
        assert stateMachineArn == MACHINE
        assert len(name) <= 80
        if self.error:
            raise refuse("StartExecution", self.error)
        if name in self.inputs or name in self.statuses:
            raise refuse("StartExecution", "ExecutionAlreadyExists")
        self.inputs[name] = json.loads(input)
        return {"executionArn": f"{EXECUTION}:{name}"}

    def describe_execution(self, *, executionArn: str) -> dict[str, Any]:
        """What has become of one."""
        name = executionArn.removeprefix(f"{EXECUTION}:")
        told = self.statuses.get(name, [self.ends_as])
        status = told.pop(0) if len(told) > 1 else told[0]
        failed = {"error": "UnbalancedLedgerError", "cause": "lost"} if status == "FAILED" else {}
        return {"status": status, **failed}


@dataclass
class Sqs:
    """A queue: bodies by message id; hidden ones are not received."""

    messages: dict[str, str] = field(default_factory=dict)
    hidden: set[str] = field(default_factory=set)

    def receive_message(self, *, QueueUrl: str, **_: Any) -> dict[str, Any]:
        """The next message."""
        assert QueueUrl == QUEUE
        for name, body in self.messages.items():
            if name not in self.hidden:
                self.hidden.add(name)
                return {"Messages": [{"MessageId": name, "ReceiptHandle": name, "Body": body}]}
        return {}

    def delete_message(self, *, QueueUrl: str, ReceiptHandle: str) -> None:
        """Forget a message."""
        assert QueueUrl == QUEUE
        del self.messages[ReceiptHandle]
        self.hidden.discard(ReceiptHandle)

    def change_message_visibility(
        self,
        *,
        QueueUrl: str,
        ReceiptHandle: str,
        VisibilityTimeout: int,
    ) -> None:
        """Show a message again."""
        assert (QueueUrl, VisibilityTimeout) == (QUEUE, 0)
        self.hidden.remove(ReceiptHandle)

    def get_queue_url(self, *, QueueName: str) -> dict[str, str]:
        """The address of the queue."""
        assert QueueName == "dead-letters"
        return {"QueueUrl": QUEUE}


class Events:
    """The rule of the deployment."""

    def describe_rule(self, *, Name: str) -> dict[str, Any]:
        """Which files start the workflow."""
        assert Name == "sagemaker-s3-event-rule-dev"
        pattern = {"detail": {"object": {"key": [{"wildcard": "data/llm/*.jsonl"}]}}}
        return {"EventPattern": json.dumps(pattern)}

    def list_targets_by_rule(self, *, Rule: str) -> dict[str, Any]:
        """Where its events go."""
        assert Rule == "sagemaker-s3-event-rule-dev"
        queue = "arn:aws:sqs:eu-west-1:111122223333:dead-letters"
        return {"Targets": [{"Id": "1", "DeadLetterConfig": {"Arn": queue}}]}


class CloudFormation:
    """The stack of the deployment."""

    def describe_stacks(self, *, StackName: str) -> dict[str, Any]:
        """Its outputs."""
        if StackName != STACK:
            raise refuse("DescribeStacks", "ValidationError", "does not exist")
        outputs = {
            "DataCaptureBucketName": CAPTURES,
            "ResultsBucketName": RESULTS,
            "StateMachineArn": MACHINE,
            "ProcessorLambdaArn": FUNCTION,
            "BatchJudgingRoleArn": ROLE,
        }
        return {
            "Stacks": [
                {"Outputs": [{"OutputKey": k, "OutputValue": v} for k, v in outputs.items()]}
            ]
        }


@dataclass
class Account:
    """Stands in for `boto3.Session`."""

    s3: S3 = field(default_factory=S3)
    function: Lambda = field(default_factory=Lambda)
    states: StepFunctions = field(default_factory=StepFunctions)
    sqs: Sqs = field(default_factory=Sqs)
    bedrock: Any = None
    judge: Any = None
    region_name: str = "eu-west-1"

    def client(self, service: str, **_: Any) -> Any:
        """A client of a service."""
        clients = {
            "s3": self.s3,
            "lambda": self.function,
            "stepfunctions": self.states,
            "sqs": self.sqs,
            "bedrock": self.bedrock,
            "bedrock-runtime": self.judge,
            "events": Events(),
            "cloudformation": CloudFormation(),
        }
        return clients[service]
