"""Who writes which trace: claims in DynamoDB, so that of two deliveries at once only one does.

Asking MLflow first is not enough: both would find nothing, judge the same records and count them
twice. A conditional write lets exactly one of them win; the other tries again later and finds the
traces there.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from inference_monitor.delivery import Delivery
from inference_monitor.dynamodb import CONDITION_FAILED, code_of, dynamodb_errors
from inference_monitor.tables import CLAIMS_KEY, EXPIRES

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

OWNER = "delivery"
# A worker that was ended may still have a request on its way to MLflow.
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
        with ThreadPoolExecutor(THREADS) as pool:
            ours = pool.map(lambda trace_id: self._claim(trace_id, delivery), trace_ids)
            return {trace_id for trace_id, mine in zip(trace_ids, ours, strict=True) if mine}

    def _claim(self, trace_id: str, delivery: Delivery) -> bool:
        now = time.time()
        try:
            with dynamodb_errors(f"claims table {self._table}"):
                self._dynamodb.put_item(
                    TableName=self._table,
                    Item={
                        CLAIMS_KEY: {"S": trace_id},
                        OWNER: {"S": delivery.id},
                        EXPIRES: {"N": str(int(now + delivery.seconds_left + GRACE_SECONDS))},
                    },
                    ConditionExpression=_MINE,
                    ExpressionAttributeValues={
                        ":me": {"S": delivery.id},
                        ":now": {"N": str(int(now))},
                    },
                )
        except ClientError as error:
            if code_of(error) != CONDITION_FAILED:
                raise
            return False
        return True
