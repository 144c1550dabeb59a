"""Counters in DynamoDB: the decision is in the write, and which errors pass."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError
from botocore.stub import ANY, Stubber

from inference_monitor.counters import KEPT_SECONDS, DynamoCounters
from inference_monitor.errors import TransientError


@pytest.fixture
def table() -> Iterator[tuple[DynamoCounters, Stubber]]:
    """A table that answers what the test queues."""
    client = boto3.client("dynamodb", "eu-west-1", aws_access_key_id="x", aws_secret_access_key="x")
    with Stubber(client) as stub:
        yield DynamoCounters(client, "counters"), stub
        stub.assert_no_pending_responses()


def sent(**changes: Any) -> dict[str, Any]:
    """What is sent to DynamoDB."""
    return {"TableName": "counters", "Key": {"counter": {"S": "sum"}}, **changes}


def test_an_amount_is_added_if_there_is_room_for_it(table: tuple[DynamoCounters, Stubber]) -> None:
    """DynamoDB compares the sum before with the room that the amount needs, and adds, in one."""
    counters, stub = table
    request = sent(
        UpdateExpression="SET expires = :expires ADD spent_nano_usd :amount",
        ConditionExpression="attribute_not_exists(spent_nano_usd) OR spent_nano_usd <= :room",
        ExpressionAttributeValues={
            ":amount": {"N": "30"}, ":room": {"N": "70"}, ":expires": ANY
        },
    )  # fmt: skip
    stub.add_response("update_item", {}, request)
    assert counters.add("sum", 30, at_most=100) is True
    stub.add_client_error("update_item", "ConditionalCheckFailedException", expected_params=request)
    assert counters.add("sum", 30, at_most=100) is False
    assert counters.add("sum", 101, at_most=100) is False  # nobody needs to be asked


def test_a_correction_has_no_condition(table: tuple[DynamoCounters, Stubber]) -> None:
    """What a call cost is counted, whatever the cap."""
    counters, stub = table
    stub.add_response(
        "update_item",
        {},
        sent(
            UpdateExpression="SET expires = :expires ADD spent_nano_usd :amount",
            ExpressionAttributeValues={":amount": {"N": "-5"}, ":expires": ANY},
        ),
    )
    assert counters.add("sum", -5) is True


def test_an_id_joins_a_set_that_has_room_or_has_it(table: tuple[DynamoCounters, Stubber]) -> None:
    """A full set comes back with the refusal, so that it need not be asked about again."""
    counters, stub = table
    request = sent(
        UpdateExpression="SET expires = :expires ADD ids :ids",
        ConditionExpression="attribute_not_exists(ids) OR contains(ids, :id) OR size(ids) < :most",
        ExpressionAttributeValues={
            ":id": {"S": "a"}, ":ids": {"SS": ["a"]}, ":most": {"N": "2"}, ":expires": ANY
        },
        ReturnValuesOnConditionCheckFailure="ALL_OLD",
    )  # fmt: skip
    stub.add_response("update_item", {}, request)
    assert counters.join("sum", "a", at_most=2) is None
    stub.add_client_error(
        "update_item",
        "ConditionalCheckFailedException",
        expected_params=request,
        modeled_fields={"Item": {"counter": {"S": "sum"}, "ids": {"SS": ["b", "c"]}}},
    )
    assert counters.join("sum", "a", at_most=2) == frozenset({"b", "c"})


def test_counters_end() -> None:
    """Every write puts the end of its item off: DynamoDB deletes what nobody counts any more."""
    seen: dict[str, Any] = {}

    class Client:
        def update_item(self, **request: Any) -> None:
            seen.update(request)

    DynamoCounters(Client(), "counters").add("sum", 1)  # type: ignore[arg-type]  # all it uses
    expires = int(seen["ExpressionAttributeValues"][":expires"]["N"])
    assert expires == pytest.approx(time.time() + KEPT_SECONDS, abs=60)


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("ProvisionedThroughputExceededException", TransientError),
        ("ThrottlingException", TransientError),
        ("InternalServerError", TransientError),
        ("AccessDeniedException", ClientError),
        ("ResourceNotFoundException", ClientError),
    ],
)
def test_errors_that_pass_are_told_from_those_that_do_not(
    table: tuple[DynamoCounters, Stubber], code: str, error: type[Exception]
) -> None:
    """A missing permission is not tried again for a quarter of an hour."""
    counters, stub = table
    stub.add_client_error("update_item", code)
    with pytest.raises(error):
        counters.add("sum", 1, at_most=2)


def test_a_table_that_does_not_answer_is_named() -> None:
    """Whoever reads the error knows which table it is about."""

    class Client:
        def update_item(self, **_: Any) -> None:
            raise ConnectTimeoutError(endpoint_url="https://dynamodb")

    counters = DynamoCounters(Client(), "counters")  # type: ignore[arg-type]  # all it uses
    with pytest.raises(TransientError, match="counters table counters: ConnectTimeoutError"):
        counters.join("sum", "a", at_most=1)
