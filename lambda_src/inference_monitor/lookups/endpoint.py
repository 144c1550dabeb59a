"""An endpoint's data capture, and where its files come to lie."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

from ..aws_errors import code_of
from .problems import NOT_FOUND, LookUpError

BOTH = "DATA_CAPTURE_S3_BUCKET and DATA_CAPTURE_S3_PREFIX"
# What the rule and the policies would read as a wildcard, an escape or a variable.
_NOT_PLAIN = re.compile(r"[*?\\$\"\s]|//")


def bucket_of(destination: str) -> str:
    """The bucket of a destination of data capture, `s3://bucket/prefix`."""
    return destination.removeprefix("s3://").partition("/")[0]


def folder_of(destination: str, endpoint: str) -> str:
    """The folder of an endpoint's files below a destination, without a slash at its end.

    SageMaker appends endpoint, variant, year, month, day and hour to the destination
    ("Capture data from real-time endpoint" in the SageMaker developer guide).
    """
    prefix = destination.removeprefix("s3://").partition("/")[2].strip("/")
    return f"{prefix}/{endpoint}" if prefix else endpoint


@dataclass(frozen=True, slots=True)
class Capture:
    """Data capture as DescribeEndpoint tells it.

    Attributes:
        endpoint: The endpoint's name.
        on: Whether inferences are captured now.
        percent: How many of them, 0 to 100.
        destination: `s3://bucket/prefix` without what SageMaker appends; None: never switched on.
        key: The key it encrypts the files with, as it was given: id, alias or ARN.
    """

    endpoint: str
    on: bool
    percent: int
    destination: str | None
    key: str | None

    @classmethod
    def parse(cls, answer: Mapping[str, Any]) -> Capture:
        """Read the answer of DescribeEndpoint."""
        told = answer.get("DataCaptureConfig") or {}
        on = bool(told.get("EnableCapture")) and told.get("CaptureStatus") != "Stopped"
        return cls(
            endpoint=answer["EndpointName"],
            on=on,
            percent=int(told.get("CurrentSamplingPercentage", 0)) if on else 0,
            destination=told.get("DestinationS3Uri") or None,
            key=told.get("KmsKeyId") or None,
        )

    @property
    def bucket(self) -> str:
        """The bucket of the destination."""
        return bucket_of(self.destination or "")

    @property
    def folder(self) -> str:
        """The folder of this endpoint's files, see `folder_of`."""
        return folder_of(self.destination or "", self.endpoint)


@dataclass(frozen=True, slots=True)
class Watched:
    """Where capture files are watched, the key they are read with, and what a person should know.

    `percent` is None where it is not known.
    """

    bucket: str
    prefix: str
    percent: int | None = None
    key: str | None = None
    notes: list[str] = field(default_factory=list)


def find_capture(sagemaker: Any, endpoint: str, bucket: str, prefix: str) -> Watched:
    """Find where the captures of an endpoint lie.

    With bucket and prefix both told, an endpoint that cannot be seen, or does not capture, may
    come later. What it does tell must agree with them: files that lie elsewhere are never seen.

    Args:
        sagemaker: A boto3 client.
        endpoint: The endpoint's name.
        bucket: The setting DATA_CAPTURE_S3_BUCKET, empty where it is not set.
        prefix: The setting DATA_CAPTURE_S3_PREFIX, empty where it is not set.

    Raises:
        LookUpError: If nothing could ever come from there.
        ClientError: If SageMaker fails or denies the look-up.
    """
    told = bool(bucket and prefix)
    try:
        capture = Capture.parse(sagemaker.describe_endpoint(EndpointName=endpoint))
    except ClientError as error:
        if code_of(error) not in NOT_FOUND:
            raise
        problem = f"There is no endpoint {endpoint} in {sagemaker.meta.region_name}"
        if not told:
            raise LookUpError(
                f"{problem}: check SAGEMAKER_ENDPOINT_NAME and AWS_REGION, or set {BOTH} to "
                "deploy before the endpoint"
            ) from error
        return Watched(bucket, prefix, notes=[f"{problem}: {BOTH} are not checked"])
    if not capture.on:
        problem = f"Data capture of endpoint {endpoint} is off"
        if not told:
            raise LookUpError(
                f"{problem}: switch it on (DataCaptureConfig of its endpoint configuration, "
                f"UpdateEndpoint), or set {BOTH} to deploy before that"
            )
        return Watched(bucket, prefix, notes=[f"{problem}: nothing is traced until it is on"])
    return _agreed(capture, bucket, prefix)


def _agreed(capture: Capture, bucket: str, prefix: str) -> Watched:
    """What is watched of an endpoint that captures."""
    where = f"Endpoint {capture.endpoint} captures to {capture.destination}"
    if not (capture.destination or "").startswith("s3://") or _NOT_PLAIN.search(capture.folder):
        raise LookUpError(
            f"{where}, which no rule can watch: let it capture to s3://bucket/folder without "
            "spaces, wildcards, quotes, dollar signs, backslashes and empty folders"
        )
    if bucket and bucket != capture.bucket:
        raise LookUpError(
            f"{where}, not to bucket {bucket}: set DATA_CAPTURE_S3_BUCKET={capture.bucket}, or "
            "leave it out"
        )
    files, watched = f"{capture.folder}/", f"{prefix or capture.folder}/"
    if not files.startswith(watched) and not watched.startswith(files):
        raise LookUpError(
            f"{where}, so that its files lie below {files} and never below {watched}: set "
            f"DATA_CAPTURE_S3_PREFIX={capture.folder}, or leave it out"
        )
    notes = []
    if watched != files and watched.startswith(files):
        notes.append(f"Only {watched} is watched of {files}, as DATA_CAPTURE_S3_PREFIX says")
    if capture.percent < 100:
        notes.append(f"{capture.percent} % of the inferences are captured")
    return Watched(
        capture.bucket, prefix or capture.folder, capture.percent, capture.key, notes=notes
    )
