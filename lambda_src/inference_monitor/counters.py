"""What all workers count together: numbers and sets in DynamoDB, each changed in one atomic write.

A worker that reads, decides and then writes lets others decide in between. Here the decision is a
condition of the write, so DynamoDB takes one after the other.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, cast

from botocore.exceptions import ClientError

from inference_monitor.dynamodb import CONDITION_FAILED, code_of, dynamodb_errors
from inference_monitor.tables import COUNTERS_KEY, EXPIRES

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

AMOUNT, IDS = "spent_nano_usd", "ids"
# Longer than an execution can be redriven (14 days), and than a month one may want to look back at.
KEPT_SECONDS = 40 * 24 * 3600


class DynamoCounters:
    """A table with one item per counter; an `Amounts` of `budget`, an `IdSets` of `first_of_hour`.

    DynamoDB takes about 1,000 small writes to one item in a second; above that it throttles, and
    botocore tries again.
    """

    def __init__(self, dynamodb: DynamoDBClient, table: str) -> None:
        self._dynamodb = dynamodb
        self._table = table

    def add(self, counter: str, amount: int, at_most: int | None = None) -> bool:
        """Add to a number, which begins at 0; False, and nothing is added, if it would pass a cap.

        Raises:
            TransientError: If DynamoDB does not answer. The amount may have been added.
        """
        request: dict[str, Any] = {
            "UpdateExpression": f"SET {EXPIRES} = :expires ADD {AMOUNT} :amount",
            "ExpressionAttributeValues": {":amount": {"N": str(amount)}},
        }
        if at_most is not None:
            # Conditions cannot calculate, so it is the room before that is compared.
            room = at_most - amount
            if room < 0:
                return False
            request["ConditionExpression"] = f"attribute_not_exists({AMOUNT}) OR {AMOUNT} <= :room"
            request["ExpressionAttributeValues"][":room"] = {"N": str(room)}
        return self._update(counter, request) is None

    def join(self, counter: str, identity: str, at_most: int) -> frozenset[str] | None:
        """Put an id into a set; None when it is in, the ids of the set when that is full.

        An id that is in the set already is in, however full the set is.

        Raises:
            TransientError: If DynamoDB does not answer. The id may be in.
        """
        refused = self._update(
            counter,
            {
                "UpdateExpression": f"SET {EXPIRES} = :expires ADD {IDS} :ids",
                "ConditionExpression": f"attribute_not_exists({IDS}) OR contains({IDS}, :id)"
                f" OR size({IDS}) < :most",
                "ExpressionAttributeValues": {
                    ":id": {"S": identity},
                    ":ids": {"SS": [identity]},
                    ":most": {"N": str(at_most)},
                },
                "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
            },
        )
        return None if refused is None else frozenset(refused[IDS]["SS"])

    def _update(self, counter: str, request: dict[str, Any]) -> dict[str, Any] | None:
        """Send an update; None when it was done, the item (if asked for) when it was not."""
        request["ExpressionAttributeValues"][":expires"] = {
            "N": str(int(time.time()) + KEPT_SECONDS)
        }
        try:
            with dynamodb_errors(f"counters table {self._table}"):
                self._dynamodb.update_item(
                    TableName=self._table, Key={COUNTERS_KEY: {"S": counter}}, **request
                )
        except ClientError as error:
            if code_of(error) != CONDITION_FAILED:
                raise
            return cast(dict[str, Any], error.response.get("Item", {}))
        return None
