"""The part of SageMaker's control plane that a deployment asks, which ministack does not have.

Requests of SageMaker's runtime are signed for the same service; they go to `invocations`.

It refuses as SageMaker does, by botocore 1.44.5's model: a name it does not know, an ARN of another
kind, a member that is missing. There is no Update and no List.
"""

from __future__ import annotations

import asyncio
import json
import re
import threading
from collections.abc import Callable
from typing import Any

from local.emulator.invocations import PATH, Invocations
from local.settings import ACCOUNT

TARGET = "SageMaker."
APP_VERSION = "3.10.1"
"""What SageMaker's Apps were seen to run in June 2026."""

_APP_ARN = re.compile(r"arn:aws[a-z-]*:sagemaker:[a-z0-9-]*:\d{12}:mlflow-app/.*")
_REQUIRED = {
    "CreateEndpointConfig": ("EndpointConfigName", "ProductionVariants"),
    "CreateEndpoint": ("EndpointName", "EndpointConfigName"),
    "DeleteEndpoint": ("EndpointName",),
    "DescribeEndpoint": ("EndpointName",),
    "CreateMlflowApp": ("Name", "ArtifactStoreUri", "RoleArn"),
    "DeleteMlflowApp": ("Arn",),
    "DescribeMlflowApp": ("Arn",),
    "CreateMlflowTrackingServer": ("TrackingServerName", "ArtifactStoreUri", "RoleArn"),
    "DescribeMlflowTrackingServer": ("TrackingServerName",),
}
Body = dict[str, Any]


class RefusedError(Exception):
    """What SageMaker answers instead: a code and a message."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class SageMaker:
    """Endpoints with their capture, Apps and tracking servers, for as long as it runs."""

    def __init__(self, region: str, put: Callable[[str, str, bytes], None] | None = None) -> None:
        """`put` writes a capture file: bucket, key, body. Without it there is no runtime."""
        self._arn = f"arn:aws:sagemaker:{region}:{ACCOUNT}:"
        self._configs: dict[str, Body] = {}
        self._endpoints: dict[str, Body] = {}
        self._apps: dict[str, Body] = {}
        self._servers: dict[str, Body] = {}
        self._lock = threading.Lock()
        self._invocations = Invocations(self._config_of, put) if put else None
        if self._invocations:
            self._invocations.start()

    async def handle(
        self, _method: str, path: str, headers: dict[str, str], body: bytes, _query: Any
    ) -> tuple[int, dict[str, str], bytes]:
        """Answer a request of the JSON protocol or the runtime's, as ministack calls services."""
        if self._invocations and (found := PATH.fullmatch(path)):
            return await asyncio.to_thread(self._invocations.answer, found[1], headers, body)
        operation = headers.get("x-amz-target", "").removeprefix(TARGET)
        try:
            with self._lock:
                status, answer = 200, self.answer(operation, json.loads(body or b"{}"))
        except RefusedError as error:
            status, answer = 400, {"__type": error.code, "message": str(error)}
        return status, {"Content-Type": "application/x-amz-json-1.1"}, json.dumps(answer).encode()

    def answer(self, operation: str, asked: Body) -> Body:
        """What an operation answers.

        Raises:
            RefusedError: As SageMaker refuses.
        """
        if operation not in _REQUIRED:
            raise RefusedError("UnknownOperationException", f"{operation} is not emulated")
        for name in _REQUIRED[operation]:
            if not asked.get(name):
                raise RefusedError("ValidationException", f"Member must not be null at '{name}'")
        call: Callable[[Body], Body] = getattr(self, f"_{_snake(operation)}")
        return call(asked)

    def _create_endpoint_config(self, asked: Body) -> Body:
        self._configs[asked["EndpointConfigName"]] = asked
        return {"EndpointConfigArn": f"{self._arn}endpoint-config/{asked['EndpointConfigName']}"}

    def _create_endpoint(self, asked: Body) -> Body:
        name, config = asked["EndpointName"], asked["EndpointConfigName"]
        if config not in self._configs:
            raise RefusedError(
                "ValidationException", f'Could not find endpoint configuration "{config}".'
            )
        if name in self._endpoints:
            raise RefusedError(
                "ValidationException", f'Cannot create already existing endpoint "{name}".'
            )
        arn = f"{self._arn}endpoint/{name.lower()}"
        self._endpoints[name] = {
            "EndpointName": name,
            "EndpointArn": arn,
            "EndpointConfigName": config,
            "EndpointStatus": "InService",
            "CreationTime": 0,
            "LastModifiedTime": 0,
            **_captured(self._configs[config].get("DataCaptureConfig")),
        }
        return {"EndpointArn": arn}

    def _describe_endpoint(self, asked: Body) -> Body:
        return self._known(self._endpoints, asked["EndpointName"], "endpoint")

    def _delete_endpoint(self, asked: Body) -> Body:
        self._known(self._endpoints, asked["EndpointName"], "endpoint")
        del self._endpoints[asked["EndpointName"]]
        return {}

    def _create_mlflow_app(self, asked: Body) -> Body:
        # SageMaker makes an id up; ours comes from the name, so that it can be told beforehand.
        arn = f"{self._arn}mlflow-app/app-{asked['Name'].upper():0<12}"
        self._apps[arn] = {
            "Arn": arn,
            "Status": "Created",
            "MlflowVersion": APP_VERSION,
            **{name: asked[name] for name in ("Name", "ArtifactStoreUri", "RoleArn")},
        }
        return {"Arn": arn}

    def _describe_mlflow_app(self, asked: Body) -> Body:
        if not _APP_ARN.fullmatch(asked["Arn"]):
            raise RefusedError(
                "ValidationException",
                f"Value '{asked['Arn']}' at 'arn' failed to satisfy constraint: Member must "
                f"satisfy regular expression pattern: {_APP_ARN.pattern}",
            )
        return self._resource(self._apps, asked["Arn"])

    def _delete_mlflow_app(self, asked: Body) -> Body:
        # SageMaker goes on describing it for a while.
        self._resource(self._apps, asked["Arn"])["Status"] = "Deleted"
        return {"Arn": asked["Arn"]}

    def _create_mlflow_tracking_server(self, asked: Body) -> Body:
        name = asked["TrackingServerName"]
        arn = f"{self._arn}mlflow-tracking-server/{name}"
        self._servers[name] = {
            "TrackingServerArn": arn,
            "TrackingServerName": name,
            "TrackingServerStatus": "Created",
            "IsActive": "Active",
            "MlflowVersion": asked.get("MlflowVersion", APP_VERSION),
            "ArtifactStoreUri": asked["ArtifactStoreUri"],
            "RoleArn": asked["RoleArn"],
        }
        return {"TrackingServerArn": arn}

    def _describe_mlflow_tracking_server(self, asked: Body) -> Body:
        return self._resource(self._servers, asked["TrackingServerName"])

    def _config_of(self, endpoint: str) -> Body | None:
        """The configuration of an endpoint, None if there is no such endpoint."""
        with self._lock:
            found = self._endpoints.get(endpoint)
            return self._configs[found["EndpointConfigName"]] if found else None

    def _known(self, found: dict[str, Body], name: str, what: str) -> Body:
        if name not in found:
            raise RefusedError(
                "ValidationException", f'Could not find {what} "{self._arn}{what}/{name.lower()}".'
            )
        return found[name]

    def _resource(self, found: dict[str, Body], name: str) -> Body:
        if name not in found:
            raise RefusedError("ResourceNotFound", f"Resource {name} does not exist")
        return found[name]


def _captured(config: Body | None) -> Body:
    """The part of DescribeEndpoint about data capture; none without a configuration of it."""
    if not config:
        return {}
    on = config.get("EnableCapture", False)
    summary = {
        "EnableCapture": on,
        "CaptureStatus": "Started" if on else "Stopped",
        "CurrentSamplingPercentage": config["InitialSamplingPercentage"],
        "DestinationS3Uri": config["DestinationS3Uri"],
        "KmsKeyId": config.get("KmsKeyId", ""),
    }
    return {"DataCaptureConfig": summary}


def _snake(operation: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", operation).lower()
