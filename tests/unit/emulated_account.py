"""An AWS account for `init` and `doctor`: moto where it can, answers of our own where it cannot.

Our own answers are checked against botocore's service models, and what AWS refuses is refused in
its words. Nothing here reaches a network.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore.exceptions import NoCredentialsError
from botocore.loaders import create_loader
from botocore.validate import ParamValidator
from moto import mock_aws
from moto.events.models import EventPattern

REGION, ACCOUNT = "eu-west-1", "123456789012"
BUCKET, RESULTS = "captures-of-shop", "results-of-dev"
TYPES = ["application/json", "application/jsonlines", "text/event-stream"]
APP = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:mlflow-app/app-SHOP00000001"
OTHER_APP = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:mlflow-app/app-LABS00000002"
SERVER = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:mlflow-tracking-server/old-server"
STACK = "SageMakerInferenceMonitoringStack-dev"
RULE = "sagemaker-s3-event-rule-dev"
FUNCTION = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:sagemaker-data-capture-processor-dev"
MACHINE = f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:sagemaker-data-capture-monitoring-dev"
PROFILE_MODEL = "anthropic.claude-sonnet-4-6"
_REAL_SESSION: Any = boto3.Session
_LOADER = create_loader()


class RefusedError(Exception):
    """An error of AWS: code, message and status."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code, self.status = code, status


@dataclass
class Account:
    """What an account has. A test changes it, then runs the command.

    `denied` holds IAM actions that the credentials lack; `calls` the operations that were called.
    """

    endpoints: dict[str, dict[str, Any]] = field(default_factory=dict)
    configs: dict[str, dict[str, Any]] = field(default_factory=dict)
    apps: dict[str, dict[str, Any]] = field(default_factory=dict)
    servers: dict[str, dict[str, Any]] = field(default_factory=dict)
    lifecycle: dict[str, Any] = field(default_factory=lambda: {"status": "ACTIVE"})
    authorization: str = "AUTHORIZED"
    agreement: str = "AVAILABLE"
    profiles: bool = True
    stack: dict[str, Any] | None = None
    function: dict[str, Any] = field(default_factory=dict)
    executions: list[dict[str, Any]] = field(default_factory=list)
    foreign_buckets: set[str] = field(default_factory=set)
    notifications: dict[str, Any] = field(default_factory=dict)
    denied: set[str] = field(default_factory=set)
    calls: list[str] = field(default_factory=list)

    def add_endpoint(
        self, name: str, percent: int | None, *, types: list[str] | None = None
    ) -> None:
        """An endpoint that captures so many percent, by the SDK's default folder; None: off."""
        self.endpoints[name] = {
            "EndpointName": name,
            "EndpointArn": f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:endpoint/{name}",
            "EndpointConfigName": f"{name}-config",
            "EndpointStatus": "InService",
            "CreationTime": datetime.now(UTC),
            "LastModifiedTime": datetime.now(UTC),
            "ProductionVariants": [{"VariantName": "AllTraffic"}],
        }
        config: dict[str, Any] = {
            "EndpointConfigName": f"{name}-config",
            "EndpointConfigArn": f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:endpoint-config/{name}",
            "ProductionVariants": [{"VariantName": "AllTraffic", "ModelName": "m"}],
            "CreationTime": datetime.now(UTC),
        }
        if percent is not None:
            uri = f"s3://{BUCKET}/model-monitor/data-capture"
            self.endpoints[name]["DataCaptureConfig"] = {
                "EnableCapture": True,
                "CaptureStatus": "Started",
                "CurrentSamplingPercentage": percent,
                "DestinationS3Uri": uri,
                "KmsKeyId": "",
            }
            config["DataCaptureConfig"] = {
                "EnableCapture": True,
                "InitialSamplingPercentage": percent,
                "DestinationS3Uri": uri,
                "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
                "CaptureContentTypeHeader": {"JsonContentTypes": types or TYPES},
            }
        self.configs[f"{name}-config"] = config

    def add_app(self, arn: str, name: str, version: str = "3.10.1") -> None:
        """An MLflow App."""
        self.apps[arn] = {
            "Arn": arn,
            "Name": name,
            "Status": "Created",
            "MlflowVersion": version,
            "ArtifactStoreUri": f"s3://{BUCKET}-artifacts/{name}",
        }

    def add_server(self, name: str, *, active: bool) -> None:
        """A tracking server."""
        arn = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:mlflow-tracking-server/{name}"
        self.servers[name] = {
            "TrackingServerArn": arn,
            "TrackingServerName": name,
            "TrackingServerStatus": "Created" if active else "Stopped",
            "IsActive": "Active" if active else "Inactive",
            "MlflowVersion": "3.4.0",
            "ArtifactStoreUri": f"s3://{BUCKET}-artifacts/{name}",
        }

    # Operations, by the names that boto3 gives them.

    def list_endpoints(self, _asked: dict[str, Any]) -> dict[str, Any]:
        """Two on a page, so that pages are turned."""
        return _page(_asked, "Endpoints", [
            {k: e[k] for k in ("EndpointName", "EndpointArn", "CreationTime", "LastModifiedTime",
                               "EndpointStatus")}
            for _, e in sorted(self.endpoints.items())
        ])  # fmt: skip

    def describe_endpoint(self, asked: dict[str, Any]) -> dict[str, Any]:
        """As SageMaker: a ValidationException for a name that it does not know."""
        if asked["EndpointName"] not in self.endpoints:
            arn = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:endpoint/{asked['EndpointName']}"
            raise RefusedError("ValidationException", f'Could not find endpoint "{arn}".')
        return self.endpoints[asked["EndpointName"]]

    def describe_endpoint_config(self, asked: dict[str, Any]) -> dict[str, Any]:
        """The configuration of an endpoint."""
        return self.configs[asked["EndpointConfigName"]]

    def list_mlflow_apps(self, asked: dict[str, Any]) -> dict[str, Any]:
        """Two on a page."""
        names = ("Arn", "Name", "Status", "MlflowVersion")
        return _page(asked, "Summaries", [{n: a[n] for n in names} for a in self.apps.values()])

    def describe_mlflow_app(self, asked: dict[str, Any]) -> dict[str, Any]:
        """An App by its ARN."""
        if asked["Arn"] not in self.apps:
            raise RefusedError("ResourceNotFound", "The specified MLflow app does not exist.")
        return self.apps[asked["Arn"]]

    def list_mlflow_tracking_servers(self, asked: dict[str, Any]) -> dict[str, Any]:
        """Two on a page."""
        names = ("TrackingServerArn", "TrackingServerName", "TrackingServerStatus")
        servers = [{n: s[n] for n in names} for s in self.servers.values()]
        return _page(asked, "TrackingServerSummaries", servers)

    def describe_mlflow_tracking_server(self, asked: dict[str, Any]) -> dict[str, Any]:
        """A server by its name."""
        if asked["TrackingServerName"] not in self.servers:
            raise RefusedError("ResourceNotFound", "The specified tracking server does not exist.")
        return self.servers[asked["TrackingServerName"]]

    def get_inference_profile(self, asked: dict[str, Any]) -> dict[str, Any]:
        """A profile of one model."""
        identifier = asked["inferenceProfileIdentifier"]
        if not self.profiles:
            raise RefusedError("ResourceNotFoundException", "Inference profile not found.", 404)
        arn = f"arn:aws:bedrock:{REGION}:{ACCOUNT}:inference-profile/{identifier}"
        model = f"arn:aws:bedrock:::foundation-model/{identifier.partition('.')[2]}"
        return {
            "inferenceProfileName": identifier,
            "inferenceProfileArn": arn,
            "inferenceProfileId": identifier,
            "models": [{"modelArn": model}],
            "status": "ACTIVE",
            "type": "SYSTEM_DEFINED",
        }

    def get_foundation_model(self, asked: dict[str, Any]) -> dict[str, Any]:
        """Any model, with the lifecycle of this account."""
        name = asked["modelIdentifier"]
        arn = f"arn:aws:bedrock:{REGION}::foundation-model/{name}"
        details = {"modelArn": arn, "modelId": name, "modelLifecycle": self.lifecycle}
        return {"modelDetails": details}

    def get_foundation_model_availability(self, asked: dict[str, Any]) -> dict[str, Any]:
        """Any model, with the access of this account."""
        return {
            "modelId": asked["modelId"],
            "agreementAvailability": {"status": self.agreement},
            "authorizationStatus": self.authorization,
            "entitlementAvailability": "AVAILABLE",
            "regionAvailability": "AVAILABLE",
        }

    def describe_stacks(self, asked: dict[str, Any]) -> dict[str, Any]:
        """As CloudFormation: a ValidationError for a name that it does not know."""
        if self.stack is None or asked["StackName"] != self.stack["StackName"]:
            message = f"Stack with id {asked['StackName']} does not exist"
            raise RefusedError("ValidationError", message)
        return {"Stacks": [self.stack]}

    def get_function_configuration(self, asked: dict[str, Any]) -> dict[str, Any]:
        """The function of the deployment."""
        assert asked["FunctionName"] == FUNCTION
        return self.function

    def list_executions(self, asked: dict[str, Any]) -> dict[str, Any]:
        """Those of the deployment, the newest first."""
        assert asked["stateMachineArn"] == MACHINE
        hidden = ("error", "cause", "input")
        return {
            "executions": [
                {k: v for k, v in execution.items() if k not in hidden}
                for execution in self.executions
            ]
        }

    def describe_execution(self, asked: dict[str, Any]) -> dict[str, Any]:
        """One of the deployment."""
        found: dict[str, Any]
        (found,) = (e for e in self.executions if e["executionArn"] == asked["executionArn"])
        return found

    def head_bucket(self, asked: dict[str, Any]) -> dict[str, Any] | None:
        """As S3: forbidden when the bucket is not of the expected owner; else as moto."""
        if asked["Bucket"] in self.foreign_buckets and "ExpectedBucketOwner" in asked:
            raise RefusedError("403", "Forbidden", 403)
        return None

    def put_bucket_notification_configuration(self, asked: dict[str, Any]) -> dict[str, Any]:
        """Replaces all that is there. moto forgets EventBridge, for which there is no setting."""
        self.notifications[asked["Bucket"]] = asked["NotificationConfiguration"]
        return {}

    def get_bucket_notification_configuration(self, asked: dict[str, Any]) -> dict[str, Any]:
        """What was put last."""
        if asked["Bucket"] not in self.notifications:
            raise RefusedError("NoSuchBucket", "The specified bucket does not exist", 404)
        return dict(self.notifications[asked["Bucket"]])

    def test_event_pattern(self, asked: dict[str, Any]) -> dict[str, Any]:
        """As moto matches events."""
        pattern = EventPattern.load(asked["EventPattern"])
        return {"Result": bool(pattern.matches_event(json.loads(asked["Event"])))}

    def answer(self, operation: str, asked: dict[str, Any], model: Any) -> Any:
        """What AWS answers instead of moto; None where moto does."""
        self.calls.append(model.name)
        action = f"{model.service_model.signing_name}:{model.name}"
        if action in self.denied:
            return _refused(RefusedError(
                "AccessDeniedException", f"User: arn:aws:iam::{ACCOUNT}:user/me is not authorized "
                f"to perform: {action} on resource: *", 403))  # fmt: skip
        method: Callable[[dict[str, Any]], Any] | None = getattr(self, operation, None)
        if method is None:
            return None
        try:
            told = method(asked)
        except RefusedError as refused:
            return _refused(refused)
        if told is None:
            return None
        if model.output_shape is None:
            return SimpleNamespace(status_code=200), {"ResponseMetadata": {}}
        if report := ParamValidator().validate(told, model.output_shape).generate_report():
            raise AssertionError(f"AWS never answers {model.name} like this: {report}")
        return SimpleNamespace(status_code=200), {**told, "ResponseMetadata": {}}


def _page(asked: dict[str, Any], name: str, items: list[Any]) -> dict[str, Any]:
    start = int(asked.get("NextToken", 0))
    more = {"NextToken": str(start + 2)} if len(items) > start + 2 else {}
    return {name: items[start : start + 2], **more}


def _refused(refused: RefusedError) -> tuple[Any, dict[str, Any]]:
    error = {"Code": refused.code, "Message": str(refused)}
    metadata = {"HTTPStatusCode": refused.status, "HTTPHeaders": {}}
    return SimpleNamespace(status_code=refused.status), {
        "Error": error, "ResponseMetadata": metadata,
    }  # fmt: skip


@contextmanager
def emulated(monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    """The account, for every `boto3.Session` that is made meanwhile."""
    account = Account()

    class Session(_REAL_SESSION):  # type: ignore[misc]
        """A session whose calls come to the account first."""

        def __init__(self, *args: Any, **more: Any) -> None:
            super().__init__(*args, **more)
            # Reading the service models anew takes most of a test's time.
            self._session.register_component("data_loader", _LOADER)

        def client(self, service: str, *args: Any, **more: Any) -> Any:
            made = super().client(service, *args, **more)
            events, credentials = made.meta.events, self.get_credentials()

            def keep(params: dict[str, Any], context: Any, **_: Any) -> None:
                context["asked"] = dict(params)

            def before(model: Any, context: Any, **_: Any) -> Any:
                if credentials is None:
                    raise NoCredentialsError
                return account.answer(_snake(model.name), context.get("asked", {}), model)

            events.register("provide-client-params", keep)
            events.register("before-call", before)
            return made

    for name, value in {
        "AWS_ACCESS_KEY_ID": "AKIAMADEUP", "AWS_SECRET_ACCESS_KEY": "made-up",
        "AWS_DEFAULT_REGION": REGION, "AWS_REGION": REGION,
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    with mock_aws():
        monkeypatch.setattr(boto3, "Session", Session)
        yield account


def _snake(name: str) -> str:
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in name).lstrip("_")


def healthy(account: Account) -> None:
    """Everything right: a deployed monitor of `shop`, with two endpoints and an App beside."""
    account.add_endpoint("lab", 20, types=["text/plain"])
    account.add_endpoint("quiet", None)
    account.add_endpoint("shop", 100)
    account.add_app(APP, "shop-mlflow")
    account.add_app(OTHER_APP, "lab-mlflow")
    account.add_server("old-server", active=False)
    session: Any = boto3.Session()
    s3 = session.client("s3")
    for bucket in (BUCKET, RESULTS, f"{BUCKET}-artifacts"):
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.put_bucket_notification_configuration(
        Bucket=BUCKET, NotificationConfiguration={"EventBridgeConfiguration": {}}
    )
    s3.put_object(Bucket=BUCKET, Key=key(), Body=b"{}\n")
    session.client("ssm").put_parameter(
        Name="/cdk-bootstrap/hnb659fds/version", Value="27", Type="String"
    )
    queue = session.client("sqs").create_queue(QueueName="dead-letters")["QueueUrl"]
    arn = session.client("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])[
        "Attributes"
    ]["QueueArn"]
    events = session.client("events")
    put_rule(events, "model-monitor/data-capture/shop")
    target = {"Id": "1", "Arn": MACHINE, "RoleArn": f"arn:aws:iam::{ACCOUNT}:role/events"}
    events.put_targets(Rule=RULE, Targets=[{**target, "DeadLetterConfig": {"Arn": arn}}])
    outputs = {
        "DataCaptureBucketName": BUCKET,
        "ResultsBucketName": RESULTS,
        "StateMachineArn": MACHINE,
        "ProcessorLambdaArn": FUNCTION,
    }
    account.stack = {
        "StackName": STACK,
        "CreationTime": datetime.now(UTC),
        "StackStatus": "UPDATE_COMPLETE",
        "Outputs": [{"OutputKey": k, "OutputValue": v} for k, v in outputs.items()],
        "Tags": [{"Key": "Endpoint", "Value": "shop"}],
    }
    account.function = {
        "FunctionName": FUNCTION.rpartition(":")[2],
        "State": "Active",
        "LastUpdateStatus": "Successful",
        "LastModified": "2026-03-02T09:00:00.000+0000",
        "Environment": {
            "Variables": {
                "MONITOR_MLFLOW_TRACKING_URI": APP,
                "MONITOR_EXPERIMENT_NAME": "shop",
                "MONITOR_ENDPOINT_NAME": "shop",
            }
        },
    }
    topic = session.client("sns").create_topic(Name="alarms")["TopicArn"]
    session.client("sns").subscribe(
        TopicArn=topic, Protocol="email", Endpoint="me@example.com", ReturnSubscriptionArn=True
    )
    put_alarm(session.client("cloudwatch"), topic)


def put_alarm(cloudwatch: Any, topic: str) -> None:
    """An alarm of the deployment."""
    cloudwatch.put_metric_alarm(
        AlarmName="sagemaker-inference-monitoring-dev-capture-files-failed",
        AlarmDescription="A capture file was not processed in full: start it again.",
        AlarmActions=[topic],
        Namespace="AWS/States",
        MetricName="ExecutionsFailed",
        ComparisonOperator="GreaterThanThreshold",
        EvaluationPeriods=1,
        Period=300,
        Statistic="Sum",
        Threshold=0,
    )


def put_rule(events: Any, folder: str, state: str = "ENABLED") -> None:
    """The rule of the deployment over a folder."""
    pattern = {
        "source": ["aws.s3"],
        "detail-type": ["Object Created"],
        "detail": {
            "bucket": {"name": [BUCKET]},
            "object": {"key": [{"wildcard": f"{folder}/*.jsonl"}]},
        },
    }
    events.put_rule(Name=RULE, EventPattern=json.dumps(pattern), State=state)


def key(endpoint: str = "shop", hours_ago: int = 1) -> str:
    """The key of a capture file of this hour or before."""
    hour = datetime.now(UTC) - timedelta(hours=hours_ago)
    return f"model-monitor/data-capture/{endpoint}/AllTraffic/{hour:%Y/%m/%d/%H}/05-09-1-a.jsonl"
