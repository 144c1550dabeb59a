"""What all workers share: numbers, sets and times in DynamoDB, each changed in one atomic write.

A worker that reads, decides and then writes lets others decide in between. Here the decision is a
condition of the write, so DynamoDB takes one after the other.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, cast

from botocore.exceptions import ClientError

from inference_monitor.aws_errors import code_of
from inference_monitor.errors import TransientError
from inference_monitor.scoring.judge.shared_limit import BURST_SECONDS
from inference_monitor.tables import COUNTERS_KEY, EXPIRES
from inference_monitor.transient_errors import CONDITION_FAILED, dynamodb_errors

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

AMOUNT, IDS, UNTIL = "spent_nano_usd", "ids", "booked_until_us"
# Longer than an execution can be redriven (14 days), and than a month one may want to look back at.
KEPT_SECONDS = 40 * 24 * 3600
_ATTEMPTS_TO_BOOK = 5
_MICRO = 1_000_000
_NEVER = 10**18  # microseconds


class DynamoCounters:
    """A table with one item per counter.

    It is an `Amounts` of `budget`, an `IdSets` of `first_of_hour` and the `Slots` of `slots`.

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
        return self._update(counter, request)[0]

    def join(self, counter: str, identity: str, at_most: int) -> frozenset[str] | None:
        """Put an id into a set; None when it is in, the ids of the set when that is full.

        An id that is in the set already is in, however full the set is.

        Raises:
            TransientError: If DynamoDB does not answer. The id may be in.
        """
        joined, item = self._update(
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
        return None if joined else frozenset(item[IDS]["SS"])

    def book(self, quota: str, seconds: float, within: float | None) -> float | None:
        """Book some seconds of a quota behind what is booked, see `slots.Slots`.

        The line of time is that of the workers' clocks, which Lambda keeps within milliseconds.

        Raises:
            TransientError: If DynamoDB does not answer. The time may have been booked.
        """
        length = round(seconds * _MICRO)
        for _ in range(_ATTEMPTS_TO_BOOK):
            now = time.time()
            earliest = round((now - BURST_SECONDS) * _MICRO)
            latest = _NEVER if within is None else round((now + within) * _MICRO)
            values = {":length": length, ":earliest": earliest, ":latest": latest}
            done, item = self._update(
                f"quota#{quota}",
                {
                    "UpdateExpression": f"SET {EXPIRES} = :expires ADD {UNTIL} :length",
                    "ConditionExpression": f"{UNTIL} BETWEEN :earliest AND :latest",
                    "ExpressionAttributeValues": {k: {"N": str(v)} for k, v in values.items()},
                    "ReturnValues": "UPDATED_NEW",
                    "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
                },
            )
            if done:
                return (int(item[UNTIL]["N"]) - length) / _MICRO - time.time()
            booked_until = int(item[UNTIL]["N"]) if UNTIL in item else earliest
            if max(booked_until, earliest) > latest:
                return None
            if self._book_unused(quota, earliest, length):
                return earliest / _MICRO - time.time()
        raise TransientError(f"counters table {self._table}: others were faster")

    def _book_unused(self, quota: str, start: int, length: int) -> bool:
        """Book from `start` on, if nothing is booked from there on."""
        done, _ = self._update(
            f"quota#{quota}",
            {
                "UpdateExpression": f"SET {EXPIRES} = :expires, {UNTIL} = :end",
                "ConditionExpression": f"attribute_not_exists({UNTIL}) OR {UNTIL} < :start",
                "ExpressionAttributeValues": {
                    ":start": {"N": str(start)},
                    ":end": {"N": str(start + length)},
                },
            },
        )
        return done

    def _update(self, counter: str, request: dict[str, Any]) -> tuple[bool, dict[str, Any]]:
        """Send an update; whether it was done, and the attributes that were asked for."""
        request["ExpressionAttributeValues"][":expires"] = {
            "N": str(int(time.time()) + KEPT_SECONDS)
        }
        try:
            with dynamodb_errors(f"counters table {self._table}"):
                answer = self._dynamodb.update_item(
                    TableName=self._table, Key={COUNTERS_KEY: {"S": counter}}, **request
                )
        except ClientError as error:
            if code_of(error) != CONDITION_FAILED:
                raise
            return False, cast(dict[str, Any], error.response.get("Item", {}))
        return True, cast(dict[str, Any], answer.get("Attributes", {}))
