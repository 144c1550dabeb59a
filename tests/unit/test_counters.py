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


def booking(**changes: Any) -> dict[str, Any]:
    """An update of the line of a quota."""
    return {"TableName": "counters", "Key": {"counter": {"S": "quota#requests"}}, **changes}


def item(until: float) -> dict[str, Any]:
    """The attribute that says until when a quota is booked, in a clock's seconds."""
    return {"booked_until_us": {"N": str(round(until * 1_000_000))}}


def test_time_of_a_quota_is_booked_behind_what_is_booked(
    table: tuple[DynamoCounters, Stubber],
) -> None:
    """One write finds the end of the line, if that is soon enough, and moves it."""
    counters, stub = table
    behind = booking(
        UpdateExpression="SET expires = :expires ADD booked_until_us :length",
        ConditionExpression="booked_until_us BETWEEN :earliest AND :latest",
        ExpressionAttributeValues={
            ":length": {"N": "200000"}, ":earliest": ANY, ":latest": ANY, ":expires": ANY
        },
        ReturnValues="UPDATED_NEW",
        ReturnValuesOnConditionCheckFailure="ALL_OLD",
    )  # fmt: skip
    stub.add_response("update_item", {"Attributes": item(time.time() + 5.2)}, behind)
    assert counters.book("requests", 0.2, None) == pytest.approx(5, abs=0.1)
    # The line is longer than the caller may wait.
    stub.add_client_error(
        "update_item",
        "ConditionalCheckFailedException",
        expected_params=behind,
        modeled_fields={"Item": item(time.time() + 5)},
    )
    assert counters.book("requests", 0.2, 4.5) is None


def test_the_line_begins_a_burst_ago_where_nothing_is_booked(
    table: tuple[DynamoCounters, Stubber],
) -> None:
    """At first, and after a lull; the second write is refused if another was faster."""
    counters, stub = table
    for before in ({}, {"Item": item(time.time() - 60)}):
        stub.add_client_error(
            "update_item", "ConditionalCheckFailedException", modeled_fields=before
        )
        stub.add_response(
            "update_item",
            {},
            booking(
                UpdateExpression="SET expires = :expires, booked_until_us = :end",
                ConditionExpression="attribute_not_exists(booked_until_us)"
                " OR booked_until_us < :start",
                ExpressionAttributeValues={":start": ANY, ":end": ANY, ":expires": ANY},
            ),
        )
        assert counters.book("requests", 0.2, 3.0) == pytest.approx(-1, abs=0.1)
    for _ in range(2):
        stub.add_client_error("update_item", "ConditionalCheckFailedException")
    stub.add_response("update_item", {"Attributes": item(time.time() + 0.3)})
    assert counters.book("requests", 0.2, 3.0) == pytest.approx(0.1, abs=0.1)


def test_counters_end() -> None:
    """Every write puts the end of its item off: DynamoDB deletes what nobody counts any more."""
    seen: dict[str, Any] = {}

    class Client:
        def update_item(self, **request: Any) -> dict[str, Any]:
            seen.update(request)
            return {}

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
