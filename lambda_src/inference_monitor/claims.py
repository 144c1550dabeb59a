"""Who writes which trace: claims in DynamoDB, so that of two deliveries at once only one does.

Asking MLflow first is not enough: both would find nothing, judge the same records and count them
twice. A conditional write lets exactly one of them win; the other tries again later and finds the
traces there.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from inference_monitor.aws_errors import code_of
from inference_monitor.domain import Delivery
from inference_monitor.tables import CLAIMS_KEY, EXPIRES
from inference_monitor.transient_errors import CONDITION_FAILED, dynamodb_errors

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

OWNER = "delivery"
# A worker that was ended, or gave up waiting, may still have a request on its way to MLflow.
GRACE_SECONDS = 30
THREADS = 16
_MINE = f"attribute_not_exists({CLAIMS_KEY}) OR {OWNER} = :me OR {EXPIRES} < :now"


class DynamoClaims:
    """A table with one item per trace; implements `ports.Claims`."""

    def __init__(self, dynamodb: DynamoDBClient, table: str) -> None:
        self._dynamodb = dynamodb
        self._table = table

    def claim(self, trace_ids: Sequence[str], delivery: Delivery) -> set[str]:
        """Claim traces until this attempt has surely ended; gives those that are ours.

        Raises:
            TransientError: If DynamoDB does not answer.
        """
        now = time.time()
        until = now + delivery.seconds_left + GRACE_SECONDS
        ours = self._put_all(trace_ids, delivery, until, _MINE, {":now": {"N": str(int(now))}})
        return {trace_id for trace_id, mine in zip(trace_ids, ours, strict=True) if mine}

    def release(self, trace_ids: Sequence[str], delivery: Delivery) -> None:
        """Give claims back that this attempt has not used, once its requests have surely ended.

        Raises:
            TransientError: If DynamoDB does not answer.
        """
        self._put_all(trace_ids, delivery, time.time() + GRACE_SECONDS, f"{OWNER} = :me", {})

    def _put_all(
        self,
        trace_ids: Sequence[str],
        delivery: Delivery,
        until: float,
        condition: str,
        values: Mapping[str, Mapping[str, str]],
    ) -> list[bool]:
        """Write a claim on each where the condition holds; says of each whether it does."""

        def put(trace_id: str) -> bool:
            try:
                with dynamodb_errors(f"claims table {self._table}"):
                    self._dynamodb.put_item(
                        TableName=self._table,
                        Item={
                            CLAIMS_KEY: {"S": trace_id},
                            OWNER: {"S": delivery.id},
                            EXPIRES: {"N": str(int(until))},
                        },
                        ConditionExpression=condition,
                        ExpressionAttributeValues={":me": {"S": delivery.id}, **values},
                    )
            except ClientError as error:
                if code_of(error) != CONDITION_FAILED:
                    raise
                return False
            return True

        with ThreadPoolExecutor(THREADS) as pool:
            return list(pool.map(put, trace_ids))
