"""What the ledgers of capture files say, see `inference_monitor.ledger`."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from inference_monitor.ledger import Summary, ledger_key

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


def without_budget(s3: S3Client, results: str, captures: str, keys: Iterable[str]) -> int:
    """How many inferences of these files the budget had no room for, when they came last."""
    ledgers = (_ledger(s3, results, ledger_key(captures, key)) for key in keys)
    return sum(ledger.budget_exhausted for ledger in ledgers if ledger)


def _ledger(s3: S3Client, bucket: str, key: str) -> Summary | None:
    try:
        body = s3.get_object(Bucket=bucket, Key=key)["Body"]
    except ClientError as error:
        if error.response.get("Error", {}).get("Code") != "NoSuchKey":
            raise
        return None
    return Summary.from_dict(json.loads(body.read()))
