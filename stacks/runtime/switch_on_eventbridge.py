"""Custom resource: switch on EventBridge for somebody else's bucket, and change nothing else.

Runs in AWS Lambda as inline code (at most 4,096 characters), with nothing but boto3 beside it.
CDK's own handler for imported buckets does not do here: on an update it blanks the ids of everybody
else's notifications, and it makes S3 test their destinations, so a queue that is gone fails our
deploy.
"""

import json
import os
import time
import urllib.request
from typing import Any

import boto3
from botocore.exceptions import ClientError

# Permissions of a new role take seconds to spread, and S3 lets only one change at a time. HEAD has
# no body, so no code but the status.
PASSES = ("AccessDenied", "403", "OperationAborted", "SlowDown", "ServiceUnavailable")
TRIES, PAUSE = 24, 5


def switch_on(s3: Any, bucket: str) -> None:
    """Add EventBridge to the bucket's notifications, unless it is there already.

    A write replaces all of them, so nothing is written before two reads agree: what changes
    meanwhile is somebody else's, also a second stack's of ours. Two minutes at most.

    Raises:
        ValueError: If the bucket is in another Region, or does not come to rest.
    """
    before = None
    for left in reversed(range(TRIES)):
        try:
            refuse_other_region(s3, bucket)
            config = s3.get_bucket_notification_configuration(Bucket=bucket)
            config.pop("ResponseMetadata", None)
            if "EventBridgeConfiguration" in config:
                return
            if config == before:
                s3.put_bucket_notification_configuration(
                    Bucket=bucket,
                    NotificationConfiguration={**config, "EventBridgeConfiguration": {}},
                    SkipDestinationValidation=True,
                )
                return
            before = config
        except ClientError as error:
            if not left or error.response["Error"]["Code"] not in PASSES:
                raise
        time.sleep(PAUSE)
    raise ValueError(f"The notifications of bucket {bucket} keep changing: deploy again")


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
            switch_on(boto3.client("s3"), bucket)
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
