"""What a check of `inference-monitor doctor` is, what it looks at, and how all of them are run."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from functools import cached_property
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError, NoRegionError

from inference_monitor.aws_errors import code_of
from inference_monitor.errors import MonitorError
from inference_monitor_cli.account.lookups import Endpoint, Mlflow, find_endpoint, find_mlflow
from inference_monitor_cli.account.settings import MLFLOW_ARN, AccountSettings
from inference_monitor_cli.deployment import STACK, Deployment
from inference_monitor_cli.problems import (
    DENIED,
    EXPIRED,
    NO_CREDENTIALS,
    CommandError,
    problem,
)

_ALLOWED = re.compile(r"not authorized to perform:? ([a-z0-9-]+:\w+)")
SERVICES = {
    "DescribeEndpoint": "sagemaker",
    "DescribeEndpointConfig": "sagemaker",
    "DescribeMlflowApp": "sagemaker",
    "DescribeMlflowTrackingServer": "sagemaker",
    "GetFoundationModel": "bedrock",
    "GetFoundationModelAvailability": "bedrock",
    "GetInferenceProfile": "bedrock",
    "GetParameter": "ssm",
    "GetCallerIdentity": "sts",
    "DescribeStacks": "cloudformation",
    "DescribeStackEvents": "cloudformation",
    "GetFunctionConfiguration": "lambda",
    "DescribeRule": "events",
    "ListTargetsByRule": "events",
    "TestEventPattern": "events",
    "ListExecutions": "states",
    "DescribeExecution": "states",
    "GetQueueUrl": "sqs",
    "GetQueueAttributes": "sqs",
    "DescribeAlarms": "cloudwatch",
    "GetMetricStatistics": "cloudwatch",
    "ListSubscriptionsByTopic": "sns",
}
"""IAM's service prefix by operation."""
S3_ACTIONS = {
    "HeadBucket": "s3:ListBucket",
    "ListObjectsV2": "s3:ListBucket",
    "HeadObject": "s3:GetObject",
    "GetBucketNotificationConfiguration": "s3:GetBucketNotification",
}


class State(StrEnum):
    """What came of a check. Only OK and NOTE are fine."""

    OK = "ok"
    NOTE = "note"
    FAILED = "failed"
    UNKNOWN = "unknown"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check has found, in one line, and the command that mends it."""

    state: State
    found: str
    mend: str | None = None


def ok(found: str) -> Finding:
    """It is as it should be."""
    return Finding(State.OK, found)


def note(found: str, mend: str | None = None) -> Finding:
    """It works, and somebody should know this."""
    return Finding(State.NOTE, found, mend)


def failed(found: str, mend: str) -> Finding:
    """It will not work, and what mends it."""
    return Finding(State.FAILED, found, mend)


def skipped(found: str) -> Finding:
    """There is nothing to look at yet."""
    return Finding(State.SKIPPED, found)


class BlockedError(Exception):
    """A check cannot look because of what another one has found; the text is that one's name."""


@dataclass(frozen=True, slots=True)
class Check:
    """One check: its name, what it makes sure of, and how it looks."""

    name: str
    meaning: str
    look: Callable[[Context], Finding]


@dataclass(frozen=True, slots=True)
class Result:
    """A check with what it has found."""

    check: Check
    finding: Finding

    @property
    def bad(self) -> bool:
        """Whether it keeps the command from saying that all is fine."""
        return self.finding.state in (State.FAILED, State.UNKNOWN)

    def document(self) -> dict[str, str | None]:
        """It as JSON."""
        return {
            "name": self.check.name,
            "meaning": self.check.meaning,
            "state": self.finding.state,
            "found": self.finding.found,
            "mend": self.finding.mend,
        }


@dataclass
class Context:
    """What checks look at; whatever several of them need is asked for once.

    `session` is a `boto3.Session`, `prefix` the option --prefix, and `live` whether a judge may be
    asked for money.
    """

    session: Any
    prefix: str | None = None
    live: bool = False
    now: datetime = field(default_factory=lambda: datetime.now(UTC))
    _clients: dict[str, Any] = field(default_factory=dict, init=False, repr=False)

    def client(self, service: str) -> Any:
        """A client of a service."""
        if service not in self._clients:
            self._clients[service] = self.session.client(service)
        return self._clients[service]

    @cached_property
    def given(self) -> AccountSettings:
        """The settings as they are, also incomplete ones.

        Raises:
            BlockedError: If they cannot be read.
        """
        try:
            return AccountSettings.load()
        except CommandError:
            raise BlockedError("settings") from None

    def setting(self, name: str) -> str:
        """A setting that has to be there.

        Raises:
            BlockedError: If it is not.
        """
        value = getattr(self.given, name)
        if value is None:
            raise BlockedError("settings")
        return str(value)

    @property
    def stack_prefix(self) -> str:
        """The deployment that is looked at."""
        return self.prefix or self.setting("stack_prefix")

    @cached_property
    def account_id(self) -> str:
        """The account of the credentials."""
        return str(self.client("sts").get_caller_identity()["Account"])

    @cached_property
    def found_endpoint(self) -> Endpoint | None:
        """The endpoint of the settings, if there is one of its name."""
        return find_endpoint(self.client("sagemaker"), self.setting("sagemaker_endpoint_name"))

    @property
    def endpoint(self) -> Endpoint:
        """The endpoint of the settings.

        Raises:
            BlockedError: If there is none.
        """
        if self.found_endpoint is None:
            raise BlockedError("endpoint")
        return self.found_endpoint

    @property
    def bucket(self) -> str:
        """The capture bucket: the one that is set, or deployed, or the endpoint's."""
        bucket = self.given.data_capture_s3_bucket
        if bucket is None:
            bucket = self.deployment.capture_bucket if self.is_deployed else self.endpoint.bucket
        if bucket is None:
            raise BlockedError("capture")
        return bucket

    @property
    def folder(self) -> str:
        """The folder of capture files: the one that is set, else the one of the endpoint."""
        folder = self.given.data_capture_s3_prefix or self.endpoint.folder
        if folder is None:
            raise BlockedError("capture")
        return folder.rstrip("/")

    @property
    def mlflow_region(self) -> str:
        """The Region of MLflow, by its ARN."""
        found = MLFLOW_ARN.fullmatch(self.setting("mlflow_tracking_uri"))
        if not found:
            raise BlockedError("settings")
        return found["region"]

    @cached_property
    def found_mlflow(self) -> Mlflow | None:
        """The MLflow of the settings, if there is one of its ARN."""
        region = self.mlflow_region
        sagemaker = self.session.client("sagemaker", region_name=region)
        return find_mlflow(sagemaker, self.setting("mlflow_tracking_uri"))

    @property
    def mlflow(self) -> Mlflow:
        """The MLflow of the settings.

        Raises:
            BlockedError: If there is none.
        """
        if self.found_mlflow is None:
            raise BlockedError("mlflow")
        return self.found_mlflow

    @cached_property
    def stack(self) -> dict[str, Any] | None:
        """The stack as CloudFormation describes it; None if it is not deployed."""
        try:
            answer = self.client("cloudformation").describe_stacks(
                StackName=STACK.format(self.stack_prefix)
            )
        except ClientError as error:
            if code_of(error) != "ValidationError":
                raise
            return None
        return dict(answer["Stacks"][0])

    @property
    def is_deployed(self) -> bool:
        """Whether there is a stack that has been complete once."""
        return self.stack is not None and bool(self.stack.get("Outputs"))

    @cached_property
    def deployment(self) -> Deployment:
        """The deployed stack.

        Raises:
            BlockedError: If it is not there, or lacks an output.
        """
        if not self.is_deployed:
            raise BlockedError("stack")
        try:
            return Deployment.find(self.session, self.stack_prefix)
        except CommandError:
            raise BlockedError("outputs") from None


def run(checks: Sequence[Check], context: Context) -> Iterator[Result]:
    """Make all checks, one after the other; none of them stops the others."""
    for check in checks:
        yield Result(check, look(check, context))


def look(check: Check, context: Context) -> Finding:
    """Make a check; one that cannot look has found nothing, which is not that all is well."""
    try:
        return check.look(context)
    except BlockedError as error:
        return skipped(f"not looked at: see {error}")
    except NO_CREDENTIALS:
        return skipped("not looked at: see credentials")
    except NoRegionError:
        return skipped("not looked at: see region")
    except ClientError as error:
        return _of_client_error(error)
    except (BotoCoreError, CommandError, MonitorError, OSError) as error:
        return Finding(State.UNKNOWN, problem(error))


def _of_client_error(error: ClientError) -> Finding:
    code = code_of(error)
    if code in EXPIRED:
        return skipped("not looked at: see credentials")
    if code == "NoSuchBucket":
        return skipped("not looked at: see bucket")
    if code not in DENIED:
        return Finding(State.UNKNOWN, problem(error))
    action = _action(error)
    return Finding(
        State.UNKNOWN, f"not allowed to look ({code})", f"grant your credentials {action}"
    )


def _action(error: ClientError) -> str:
    """The IAM action that was denied: by the message, else by the operation."""
    operation = str(error.operation_name)
    if told := _ALLOWED.search(str(error)):
        return told[1]
    service = SERVICES.get(operation)
    return f"{service}:{operation}" if service else S3_ACTIONS.get(operation, operation)
