"""Custom resource: switch on EventBridge for somebody else's bucket, and change nothing else.

Runs in AWS Lambda as inline code (at most 4,096 characters), with nothing but boto3 beside it.
CDK's own handler for imported buckets does not do here: on an update it blanks the ids of everybody
else's notifications, and it makes S3 test their destinations, so a queue that is gone fails our
deploy.
"""

import json
import os
import urllib.request
from typing import Any

import boto3
from botocore.exceptions import ClientError


def switch_on(s3: Any, bucket: str) -> None:
    """Add EventBridge to the bucket's notifications, unless it is there already."""
    config = s3.get_bucket_notification_configuration(Bucket=bucket)
    config.pop("ResponseMetadata", None)
    if "EventBridgeConfiguration" not in config:
        s3.put_bucket_notification_configuration(
            Bucket=bucket,
            NotificationConfiguration={**config, "EventBridgeConfiguration": {}},
            SkipDestinationValidation=True,
        )


def refuse_other_region(s3: Any, bucket: str) -> None:
    """EventBridge gets a bucket's events in the bucket's Region only; there is no rule of ours.

    Raises:
        ValueError: If the bucket is in another Region.
    """
    here = os.environ["AWS_REGION"]
    there = s3.head_bucket(Bucket=bucket).get("BucketRegion", here)
    if there != here:
        raise ValueError(
            f"Bucket {bucket} is in {there}, and this stack in {here}, where events of the bucket "
            f"never come: deploy the stack in {there}, with AWS_REGION={there}"
        )


def handler(event: dict[str, Any], context: Any) -> None:
    """Answer CloudFormation in every case, or it waits an hour.

    Deleting changes nothing: whether another stack, or another team, relies on EventBridge by now
    cannot be known, and events that match no rule cost nothing.
    """
    bucket = event["ResourceProperties"]["Bucket"]
    status, reason = "FAILED", f"see log stream {context.log_stream_name}"
    try:
        if event["RequestType"] != "Delete":
            s3 = boto3.client("s3")
            refuse_other_region(s3, bucket)
            switch_on(s3, bucket)
        status = "SUCCESS"
    except ValueError as error:
        reason = str(error)
    except ClientError as error:
        reason = f"Cannot switch on EventBridge for bucket {bucket}: {error}"
    finally:
        answer(event, status, reason, bucket)


def answer(event: dict[str, Any], status: str, reason: str, physical_id: str) -> None:
    """Send the outcome to the address CloudFormation gave."""
    same = {name: event[name] for name in ("StackId", "RequestId", "LogicalResourceId")}
    body = {"Status": status, "Reason": reason, "PhysicalResourceId": physical_id, **same}
    request = urllib.request.Request(  # noqa: S310 - the address comes from CloudFormation
        event["ResponseURL"], json.dumps(body).encode(), {"Content-Type": ""}, method="PUT"
    )
    urllib.request.urlopen(request, timeout=30).close()  # noqa: S310
