"""What an AWS account has that can be monitored: endpoints with their capture, and MLflow.

The calls and the names of their answers are those of botocore 1.44.5's service models.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from inference_monitor.aws_errors import code_of
from inference_monitor.lookups.endpoint import Capture, bucket_of, folder_of
from inference_monitor.lookups.problems import NOT_FOUND

JSON_TYPES = ("application/json", "application/jsonlines", "text/event-stream")
"""Content types of an LLM's requests and answers."""

_APP = ":mlflow-app/"
_SERVER = ":mlflow-tracking-server/"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A SageMaker endpoint and its data capture.

    Attributes:
        name: Its name.
        status: Its `EndpointStatus`.
        capturing: Whether its inferences are captured now.
        percent: How many of them, 0 when none is.
        destination: Where to, `s3://bucket/prefix` without what SageMaker appends; None: never on.
        modes: The sides that are captured, `Input` and `Output`.
        json_types: The content types that are captured as they are; others as base64.
        variants: The names of its production variants.
    """

    name: str
    status: str
    capturing: bool = False
    percent: int = 0
    destination: str | None = None
    modes: tuple[str, ...] = ()
    json_types: tuple[str, ...] = ()
    variants: tuple[str, ...] = ()

    @property
    def bucket(self) -> str | None:
        """The bucket of the destination."""
        return bucket_of(self.destination) if self.destination else None

    @property
    def folder(self) -> str | None:
        """The folder of its capture files, see `folder_of`."""
        return folder_of(self.destination, self.name) if self.destination else None

    @property
    def encoded_types(self) -> list[str]:
        """Content types of LLMs that are captured as base64."""
        known = {name.lower() for name in self.json_types}
        return [name for name in JSON_TYPES if name not in known]

    @property
    def capture(self) -> str:
        """The capture in a few words."""
        if not self.capturing:
            return "capture off"
        sides = "" if len(self.modes) != 1 else f", {self.modes[0].lower()} only"
        return f"captures {self.percent} %{sides}"


@dataclass(frozen=True, slots=True)
class Mlflow:
    """A SageMaker MLflow App or an MLflow tracking server.

    `running` says whether it can be asked; `artifacts` is the URI of its artifact store.
    """

    arn: str
    name: str
    status: str
    running: bool
    version: str | None
    artifacts: str | None = None

    @property
    def kind(self) -> str:
        """What it is called in the console."""
        return "MLflow App" if _APP in self.arn else "tracking server"


def list_endpoints(sagemaker: Any) -> list[Endpoint]:
    """All endpoints of the account and Region, by name."""
    pages = sagemaker.get_paginator("list_endpoints").paginate(SortBy="Name", SortOrder="Ascending")
    names = [found["EndpointName"] for page in pages for found in page["Endpoints"]]
    return [endpoint for name in names if (endpoint := find_endpoint(sagemaker, name))]


def find_endpoint(sagemaker: Any, name: str) -> Endpoint | None:
    """An endpoint by its name; None if there is none."""
    described = found_or_none(sagemaker.describe_endpoint, EndpointName=name)
    if described is None:
        return None
    config = found_or_none(
        sagemaker.describe_endpoint_config, EndpointConfigName=described["EndpointConfigName"]
    )
    return _endpoint(described, (config or {}).get("DataCaptureConfig") or {})


def list_mlflow(sagemaker: Any) -> list[Mlflow]:
    """All MLflow Apps and tracking servers of the account and Region, Apps first."""
    arns = [
        *(found["Arn"] for found in _pages(sagemaker.list_mlflow_apps, "Summaries")),
        *(
            found["TrackingServerArn"]
            for found in _pages(sagemaker.list_mlflow_tracking_servers, "TrackingServerSummaries")
        ),
    ]
    found = (find_mlflow(sagemaker, arn) for arn in arns)
    return [mlflow for mlflow in found if mlflow and mlflow.status != "Deleted"]


def find_mlflow(sagemaker: Any, arn: str) -> Mlflow | None:
    """An App or server by its ARN; None if there is none."""
    if _APP in arn:
        app = found_or_none(sagemaker.describe_mlflow_app, Arn=arn)
        return app and Mlflow(
            arn=arn,
            name=app["Name"],
            status=app["Status"],
            # An App that could not be updated still answers.
            running=app["Status"] in ("Created", "Updating", "Updated", "UpdateFailed"),
            version=app.get("MlflowVersion"),
            artifacts=app.get("ArtifactStoreUri"),
        )
    name = arn.rpartition(_SERVER)[2]
    server = found_or_none(sagemaker.describe_mlflow_tracking_server, TrackingServerName=name)
    return server and Mlflow(
        arn=arn,
        name=name,
        status=server["TrackingServerStatus"],
        running=server.get("IsActive") == "Active",
        version=server.get("MlflowVersion"),
        artifacts=server.get("ArtifactStoreUri"),
    )


def _endpoint(described: Mapping[str, Any], config: Mapping[str, Any]) -> Endpoint:
    """The endpoint; what its DescribeEndpoint says of the capture counts before its configuration.

    An endpoint whose capture was stopped has `CaptureStatus` Stopped, whatever is configured.
    """
    now = described.get("DataCaptureConfig") or {}
    capture = Capture.parse(described)
    headers = config.get("CaptureContentTypeHeader") or {}
    return Endpoint(
        name=described["EndpointName"],
        status=described["EndpointStatus"],
        capturing=capture.on,
        percent=int(now.get("CurrentSamplingPercentage", 100)) if capture.on else 0,
        destination=capture.destination or config.get("DestinationS3Uri"),
        modes=tuple(option["CaptureMode"] for option in config.get("CaptureOptions") or ()),
        json_types=tuple(headers.get("JsonContentTypes") or ()),
        variants=tuple(v["VariantName"] for v in described.get("ProductionVariants") or ()),
    )


def found_or_none(describe: Any, **by: str) -> Any:
    """What a Describe call answers; None if there is no such thing."""
    try:
        return describe(**by)
    except ClientError as error:
        if code_of(error) not in NOT_FOUND:
            raise
        return None


def _pages(call: Any, name: str) -> Iterator[Mapping[str, Any]]:
    """All items of a paged answer."""
    asked: dict[str, str] = {}
    while True:
        page = call(**asked)
        yield from page.get(name, ())
        if not page.get("NextToken"):
            return
        asked["NextToken"] = page["NextToken"]
