"""Claims: one owner at a time, and which errors pass."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any
from unittest.mock import patch

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.stub import ANY, Stubber

from inference_monitor.claims import GRACE_SECONDS, DynamoClaims
from inference_monitor.domain import Delivery
from inference_monitor.errors import TransientError

ME = Delivery("me", seconds_left=100)


@pytest.fixture
def table() -> Iterator[tuple[DynamoClaims, Stubber]]:
    """A claims table that answers what the test queues."""
    client = boto3.client("dynamodb", "eu-west-1", aws_access_key_id="x", aws_secret_access_key="x")
    with Stubber(client) as stub:
        yield DynamoClaims(client, "claims"), stub
        stub.assert_no_pending_responses()


def test_a_trace_somebody_else_has_is_not_ours(table: tuple[DynamoClaims, Stubber]) -> None:
    """The condition is checked by DynamoDB, in the write itself: there is no moment in between."""
    claims, stub = table
    stub.add_response("put_item", {}, _expected("a"))
    assert claims.claim(["a"], ME) == {"a"}
    stub.add_client_error("put_item", "ConditionalCheckFailedException", http_status_code=400)
    assert claims.claim(["b"], ME) == set()


def test_a_claim_ends_after_its_attempt(table: tuple[DynamoClaims, Stubber]) -> None:
    """It holds for as long as Lambda may run this attempt, and for its requests under way."""
    claims, stub = table
    until = {"N": str(1000 + 100 + GRACE_SECONDS)}
    expected = _expected("a")
    expected["Item"] = {**expected["Item"], "expires": until}
    expected["ExpressionAttributeValues"] = {":me": {"S": "me"}, ":now": {"N": "1000"}}
    stub.add_response("put_item", {}, expected)
    with patch.object(time, "time", return_value=1000.9):
        assert claims.claim(["a"], ME) == {"a"}


def test_what_came_to_nothing_is_given_back(table: tuple[DynamoClaims, Stubber]) -> None:
    """Only what is still ours, and not before our requests to MLflow have surely ended."""
    claims, stub = table
    given = {**_expected("a"), "ConditionExpression": "delivery = :me"}
    given["Item"] = {**given["Item"], "expires": {"N": str(int(1000 + GRACE_SECONDS))}}
    given["ExpressionAttributeValues"] = {":me": {"S": "me"}}
    stub.add_response("put_item", {}, given)
    stub.add_client_error("put_item", "ConditionalCheckFailedException", http_status_code=400)
    with patch.object(time, "time", return_value=1000.0):
        claims.release(["a"], ME)
    claims.release(["b"], ME)


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("ProvisionedThroughputExceededException", TransientError),
        ("InternalServerError", TransientError),
        ("AccessDeniedException", ClientError),
    ],
)
def test_errors_that_pass_are_told_from_those_that_do_not(
    table: tuple[DynamoClaims, Stubber], code: str, error: type[Exception]
) -> None:
    """A missing permission is not tried again for a quarter of an hour."""
    claims, stub = table
    stub.add_client_error("put_item", code)
    with pytest.raises(error, match="claims" if error is TransientError else code):
        claims.claim(["a"], ME)


def _expected(trace_id: str) -> dict[str, Any]:
    return {
        "TableName": "claims",
        "Item": {"trace_id": {"S": trace_id}, "delivery": {"S": "me"}, "expires": ANY},
        "ConditionExpression": "attribute_not_exists(trace_id) OR delivery = :me OR expires < :now",
        "ExpressionAttributeValues": ANY,
    }
