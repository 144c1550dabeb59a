"""The MLflow App or tracking server behind an ARN: its state, version and artifact store."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import boto3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.exceptions import ClientError, NoCredentialsError
from botocore.httpsession import URLLib3Session

from ..aws_errors import code_of
from .problems import NOT_FOUND, LookUpError

OLDEST = (3, 0)
"""The first with traces of the kind that is written, in its API 3.0."""
OLDEST_TESTED = (3, 4)
_GONE = frozenset({"CreateFailed", "Deleting", "DeleteFailed", "Deleted"})
_NOT_PLAIN = re.compile(r"[*?$\"\s]|//")


@dataclass(frozen=True, slots=True)
class Mlflow:
    """What SageMaker tells of an App or a server; None is what it does not tell.

    `artifacts` is the URI of the artifact store, `status` the App's or the server's own word.
    """

    arn: str
    status: str
    version: str | None
    artifacts: str | None

    @classmethod
    def parse(cls, arn: str, answer: Mapping[str, Any]) -> Mlflow:
        """Read the answer of DescribeMlflowApp or DescribeMlflowTrackingServer."""
        return cls(
            arn=arn,
            status=answer.get("Status") or answer.get("TrackingServerStatus") or "",
            version=answer.get("MlflowVersion") or None,
            artifacts=answer.get("ArtifactStoreUri") or None,
        )


@dataclass(frozen=True, slots=True)
class Store:
    """Where artifacts go (`s3://bucket/prefix`), MLflow's version, and what one should know."""

    artifacts: str
    version: str | None = None
    notes: list[str] = field(default_factory=list)


def describe(arn: str) -> Mlflow:
    """Ask SageMaker about an App or a server, in the Region of its ARN.

    Raises:
        ClientError: If SageMaker refuses.
    """
    client = boto3.client("sagemaker", region_name=arn.split(":")[3])
    if ":mlflow-app/" in arn:
        return Mlflow.parse(arn, describe_app(client, arn))
    name = arn.rpartition("/")[2]
    return Mlflow.parse(arn, client.describe_mlflow_tracking_server(TrackingServerName=name))


def describe_app(client: Any, arn: str) -> Mapping[str, Any]:
    """DescribeMlflowApp, signed here: the boto3 of a Lambda runtime may not know it yet.

    Apps came in December 2025. Lambda says about its Python runtimes only that their boto3 is not
    the newest ("Runtime-included SDK versions" in its developer guide, read November 2026).

    Raises:
        ClientError: As the method of a newer boto3 would.
        NoCredentialsError: If the process has no credentials of AWS.
    """
    region = client.meta.region_name
    request = AWSRequest(
        "POST",
        client.meta.endpoint_url,
        data=json.dumps({"Arn": arn}),
        headers={
            "Content-Type": "application/x-amz-json-1.1",
            "X-Amz-Target": "SageMaker.DescribeMlflowApp",
        },
    )
    credentials = boto3.Session().get_credentials()
    if credentials is None:
        raise NoCredentialsError
    SigV4Auth(credentials, "sagemaker", region).add_auth(request)
    response = URLLib3Session(timeout=10).send(request.prepare())
    answer = json.loads(response.content or b"{}")
    if response.status_code != 200:
        code = str(answer.get("__type", response.status_code)).rpartition("#")[2]
        message = str(answer.get("message") or answer.get("Message") or "")
        raise ClientError({"Error": {"Code": code, "Message": message}}, "DescribeMlflowApp")
    return dict(answer)


def find_store(arn: str, artifacts: str, ask: Any = describe) -> Store:
    """Find where MLflow keeps artifacts, and whether it can take traces.

    Args:
        arn: The setting MLFLOW_TRACKING_URI.
        artifacts: The setting MLFLOW_ARTIFACT_S3_URI, empty where it is not set; it wins.
        ask: `describe`, or what stands in for it.

    Raises:
        LookUpError: If it cannot take traces, or keeps artifacts where none can be written.
        ClientError: If SageMaker fails or denies the look-up.
    """
    kind = "MLflow App" if ":mlflow-app/" in arn else "MLflow tracking server"
    try:
        mlflow = ask(arn)
    except ClientError as error:
        if code_of(error) not in NOT_FOUND:
            raise
        raise LookUpError(
            f"There is no {kind} {arn}: set MLFLOW_TRACKING_URI to one that exists"
        ) from error
    if mlflow.status in _GONE:
        raise LookUpError(
            f"{kind} {arn} has the status {mlflow.status}: set MLFLOW_TRACKING_URI to another one"
        )
    notes = []
    if mlflow.status in ("Creating", "Stopping", "Stopped", "StopFailed", "Starting"):
        notes.append(f"{kind} {arn} is {mlflow.status}: traces wait until it runs")
    notes += _check_version(mlflow, kind)
    found = (mlflow.artifacts or "").rstrip("/")
    if artifacts:
        if found and not f"{found}/".startswith(f"{artifacts}/"):
            notes.append(
                f"The artifact store is {found}; what MLFLOW_ARTIFACT_S3_URI says was granted"
            )
        return Store(artifacts, mlflow.version, notes)
    if not found.startswith("s3://") or _NOT_PLAIN.search(found.removeprefix("s3://")):
        raise LookUpError(
            f"{kind} {arn} keeps its artifacts in {found or 'no place it tells'}, which cannot be "
            "granted: set MLFLOW_ARTIFACT_S3_URI"
        )
    return Store(found, mlflow.version, notes)


def _check_version(mlflow: Mlflow, kind: str) -> list[str]:
    """Refuse what is too old; notes about the rest."""
    numbers = re.match(r"(\d+)\.(\d+)", mlflow.version or "")
    if not numbers:
        return []
    version = int(numbers[1]), int(numbers[2])
    if version < OLDEST:
        raise LookUpError(
            f"{kind} {mlflow.arn} runs MLflow {mlflow.version}, which has no traces of this kind: "
            f"create one with MLflow {OLDEST_TESTED[0]}.{OLDEST_TESTED[1]} or newer, and set "
            "MLFLOW_TRACKING_URI"
        )
    if version < OLDEST_TESTED:
        return [f"MLflow {mlflow.version} is older than those this was tested with"]
    return []
