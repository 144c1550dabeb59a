"""Whose a bucket is, and the key it encrypts with."""

from __future__ import annotations

import re
from typing import Any

from botocore.exceptions import ClientError

from ..aws_errors import code_of
from .problems import DENIED, LookUpError

_NO_ENCRYPTION = "ServerSideEncryptionConfigurationNotFoundError"
_KEY_ID = re.compile(r"(mrk-)?[0-9a-fA-F-]{32,36}")


def check_owner(s3: Any, bucket: str, account: str) -> None:
    """Make sure that events of a bucket can come here: they go to the bucket's own account.

    Raises:
        LookUpError: If it is somebody else's, or is not there.
        ClientError: If S3 fails, or denies the look-up.
    """
    try:
        s3.head_bucket(Bucket=bucket)
    except ClientError as error:
        if code_of(error) in ("404", "NoSuchBucket"):
            raise LookUpError(
                f"There is no bucket {bucket}: create it, or correct DATA_CAPTURE_S3_BUCKET"
            ) from error
        raise
    try:
        s3.head_bucket(Bucket=bucket, ExpectedBucketOwner=account)
    except ClientError as error:
        if code_of(error) not in DENIED:
            raise
        raise LookUpError(
            f"Bucket {bucket} belongs to another account than {account}, and its events come "
            "there only: deploy the stack in the account of the bucket"
        ) from error


def find_key(s3: Any, bucket: str) -> str | None:
    """The key of one's own that a bucket encrypts with by default, as it was given.

    Raises:
        ClientError: If S3 fails, or denies the look-up.
    """
    try:
        answer = s3.get_bucket_encryption(Bucket=bucket)
    except ClientError as error:
        if code_of(error) == _NO_ENCRYPTION:
            return None
        raise
    for rule in answer["ServerSideEncryptionConfiguration"]["Rules"]:
        default = rule.get("ApplyServerSideEncryptionByDefault", {})
        if default.get("KMSMasterKeyID"):
            return str(default["KMSMasterKeyID"])
    return None


def key_arn(key: str, *, partition: str, region: str, account: str) -> str | None:
    """The ARN by which IAM knows a key; None for an alias, which it does not resolve."""
    if re.match(r"arn:[a-z-]+:kms:[a-z0-9-]+:\d{12}:key/", key):
        return key
    if _KEY_ID.fullmatch(key):
        return f"arn:{partition}:kms:{region}:{account}:key/{key}"
    return None
