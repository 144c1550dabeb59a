"""Custom resources: what the account says, for the rule and the permissions of a deployment.

`Custom::AccountLookup` finds captures and MLflow. `Custom::BucketLookup` comes after it, when the
role has been allowed to ask about these very buckets.
"""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import boto3
from botocore.exceptions import ClientError

from ..aws_errors import code_of
from .buckets import check_owner, find_key, key_arn
from .endpoint import BOTH, Watched, find_capture
from .mlflow import Store, find_store
from .problems import DENIED, LookUpError

WAITS = (1, 2, 4, 8)
"""Seconds between attempts: a role that was made a moment ago is not known everywhere at once."""
NOTHING_TO_NOTE = "nothing"
T = TypeVar("T")
Told = Mapping[str, str]


def look_up_account(told: Told) -> dict[str, str]:
    """Where captures and artifacts are.

    Args:
        told: The deploy settings that say something of it, empty where they are not set.

    Raises:
        LookUpError: If the deployment cannot work.
    """
    endpoint, bucket, prefix = told["Endpoint"], told["CaptureBucket"], told["CapturePrefix"]
    sagemaker = boto3.client("sagemaker")
    watched = _allowed(
        lambda: find_capture(sagemaker, endpoint, bucket, prefix),
        action="sagemaker:DescribeEndpoint",
        on=f"endpoint {endpoint}",
        instead=BOTH,
        known=(lambda note: Watched(bucket, prefix, notes=[note])) if bucket and prefix else None,
    )
    arn, artifacts = told["TrackingArn"], told["ArtifactUri"]
    describe = "App" if ":mlflow-app/" in arn else "TrackingServer"
    store = _allowed(
        lambda: find_store(arn, artifacts),
        action=f"sagemaker:DescribeMlflow{describe}",
        on=arn,
        instead="MLFLOW_ARTIFACT_S3_URI",
        known=(lambda note: Store(artifacts, notes=[note])) if artifacts else None,
    )
    bucket_and_folder = store.artifacts.removeprefix("s3://")
    return {
        "CaptureBucket": watched.bucket,
        "CapturePrefix": watched.prefix,
        "CaptureKey": watched.key or "",
        "CapturedPercent": "unknown" if watched.percent is None else str(watched.percent),
        "MlflowVersion": store.version or "unknown",
        "ArtifactStore": bucket_and_folder,
        "ArtifactBucket": bucket_and_folder.partition("/")[0],
        "Notes": _joined([*watched.notes, *store.notes]),
    }


def look_up_buckets(told: Told) -> dict[str, str]:
    """The keys of the buckets with captures and artifacts.

    IAM takes no empty ARN: where there is no key of one's own, it is that of a key that no account
    can have.

    Args:
        told: What `look_up_account` found, and where the stack is.

    Raises:
        LookUpError: If the captures of this bucket cannot come here, or cannot be read.
    """
    s3, captures, artifacts = boto3.client("s3"), told["CaptureBucket"], told["ArtifactBucket"]
    here = {"partition": told["Partition"], "region": told["Region"], "account": told["Account"]}
    no_key = "arn:{partition}:kms:{region}:{account}:key/none".format(**here)
    _allowed(
        lambda: check_owner(s3, captures, told["Account"]),
        action="s3:ListBucket",
        on=f"bucket {captures}",
        instead="",
    )
    notes = []

    def key_of(bucket: str) -> str | None:
        try:
            return _patiently(lambda: find_key(s3, bucket))
        except ClientError as error:
            # Whoever hides its encryption may still have it; what is known is said.
            notes.append(f"The encryption of bucket {bucket} is not known ({code_of(error)})")
            return None

    found = {"CaptureKeyArn": no_key, "ArtifactKeyArn": no_key}
    if not told["CaptureKeySet"] and (key := told["CaptureKey"] or key_of(captures)):
        arn = key_arn(key, **here)
        if arn is None:
            raise LookUpError(
                f"Captures are encrypted with {key}, and IAM resolves no alias: set "
                "DATA_CAPTURE_KMS_KEY_ARN to the ARN of that key"
            )
        found["CaptureKeyArn"] = arn
    if key := key_of(artifacts):
        if arn := key_arn(key, **here):
            found["ArtifactKeyArn"] = arn
        else:
            notes.append(
                f"Bucket {artifacts} encrypts with {key}: allow the role of the processor "
                "kms:GenerateDataKey and kms:Decrypt on that key"
            )
    return {**found, "Notes": _joined(notes)}


LOOK_UPS: dict[str, Callable[[Told], dict[str, str]]] = {
    "Custom::AccountLookup": look_up_account,
    "Custom::BucketLookup": look_up_buckets,
}


def handler(event: dict[str, Any], context: Any) -> None:
    """Answer CloudFormation in every case, or it waits an hour. Deleting asks nothing."""
    told: dict[str, Any] = {
        "Status": "FAILED",
        "Reason": f"see log stream {context.log_stream_name}",
        "PhysicalResourceId": event.get("PhysicalResourceId") or event["RequestId"],
        **{name: event[name] for name in ("StackId", "RequestId", "LogicalResourceId")},
    }
    try:
        if event["RequestType"] != "Delete":
            told["Data"] = LOOK_UPS[event["ResourceType"]](event["ResourceProperties"])
        told["Status"] = "SUCCESS"
    except (LookUpError, ClientError) as error:
        told["Reason"] = str(error)
    finally:
        request = urllib.request.Request(  # noqa: S310 - the address comes from CloudFormation
            event["ResponseURL"], json.dumps(told).encode(), {"Content-Type": ""}, method="PUT"
        )
        urllib.request.urlopen(request, timeout=30).close()  # noqa: S310


def _allowed(
    look: Callable[[], T],
    *,
    action: str,
    on: str,
    instead: str,
    known: Callable[[str], T] | None = None,
) -> T:
    """Look; where that stays denied, take what is `known`, with a note, or say what is missing."""
    try:
        return _patiently(look)
    except ClientError as error:
        if code_of(error) not in DENIED:
            raise
        denied = f"{action} on {on} is denied to the look-up of this stack"
        if known:
            return known(f"{denied}: {instead} not checked")
        remedy = f", or set {instead}" if instead else ""
        raise LookUpError(
            f"{denied}, although its role allows it: have the organization's policy, permissions "
            f"boundary or resource policy that denies it changed{remedy}"
        ) from error


def _patiently(look: Callable[[], T]) -> T:
    for seconds in WAITS:
        try:
            return look()
        except ClientError as error:
            if code_of(error) not in DENIED:
                raise
        time.sleep(seconds)
    return look()


def _joined(notes: list[str]) -> str:
    # CloudFormation takes no answer above 4,096 bytes, and no output above 1,024.
    return "; ".join(notes)[:1000] or NOTHING_TO_NOTE
