"""The evaluator decides as IAM's documentation says, and refuses what it does not know."""

from __future__ import annotations

from typing import Any

import pytest

from tests.infra.iam import Decision, Request, UnknownElementError, decide

OBJECT = "arn:aws:s3:::bucket/folder/object"
ALLOW = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::bucket/folder/*"}
READ = Request("s3:GetObject", OBJECT)


def statement(**changes: Any) -> dict[str, Any]:
    """A statement that allows reading a folder, with these changes."""
    return {name: value for name, value in {**ALLOW, **changes}.items() if value is not None}


@pytest.mark.parametrize(
    ("changes", "decision"),
    [
        ({}, Decision.ALLOWED),
        ({"Action": "S3:getobject"}, Decision.ALLOWED),
        ({"Action": ["s3:PutObject", "s3:Get*"]}, Decision.ALLOWED),
        ({"Action": "*"}, Decision.ALLOWED),
        ({"Action": "s3:PutObject"}, Decision.NOT_ALLOWED),
        ({"Action": "s3:GetObjec"}, Decision.NOT_ALLOWED),
        ({"Resource": "*"}, Decision.ALLOWED),
        ({"Resource": ["arn:aws:s3:::other/*", OBJECT]}, Decision.ALLOWED),
        ({"Resource": "arn:aws:s3:::bucket/folder/objec?"}, Decision.ALLOWED),
        ({"Resource": "arn:aws:s3:::Bucket/folder/*"}, Decision.NOT_ALLOWED),
        ({"Resource": "arn:aws:s3:::bucket/folder"}, Decision.NOT_ALLOWED),
        ({"Resource": "arn:aws:s3*"}, Decision.NOT_ALLOWED),
        ({"Resource": None, "NotResource": "arn:aws:s3:::other/*"}, Decision.ALLOWED),
        ({"Resource": None, "NotResource": "arn:aws:s3:::bucket/*"}, Decision.NOT_ALLOWED),
        ({"Effect": "Deny"}, Decision.DENIED),
    ],
)
def test_elements(changes: dict[str, Any], decision: Decision) -> None:
    """Actions match regardless of case, resources exactly; a wildcard stays in its part."""
    assert decide([statement(**changes)], READ) is decision


def test_a_deny_wins_wherever_it_stands() -> None:
    """One Deny outweighs any number of Allows, before or after it; nothing at all is a refusal."""
    deny = statement(Effect="Deny", Action="s3:*")
    assert decide([statement(), deny], READ) is Decision.DENIED
    assert decide([deny, statement()], READ) is Decision.DENIED
    assert decide([], READ) is Decision.NOT_ALLOWED


@pytest.mark.parametrize(
    ("condition", "context", "holds"),
    [
        ({"StringEquals": {"k": "a"}}, {"k": "a"}, True),
        ({"StringEquals": {"k": ["a", "b"]}}, {"k": "b"}, True),
        ({"StringEquals": {"k": "a*"}}, {"k": "ab"}, False),
        ({"StringEquals": {"k": "a"}}, {}, False),
        ({"StringEquals": {"k": "a", "l": "b"}}, {"k": "a"}, False),
        ({"StringLike": {"k": "a*"}}, {"k": "ab"}, True),
        ({"Bool": {"aws:SecureTransport": "false"}}, {"aws:SecureTransport": "true"}, False),
        ({"Bool": {"aws:SecureTransport": "false"}}, {"aws:SecureTransport": "false"}, True),
        ({"ArnLike": {"k": "arn:aws:s:r:*:x:*"}}, {"k": "arn:aws:s:r:1:x:y"}, True),
        ({"ArnEquals": {"k": "arn:aws:s:r:1:x"}}, {"k": "arn:aws:s:r:2:x"}, False),
        ({"ArnLike": {"k": "arn:aws:*:x"}}, {"k": "arn:aws:s:r:1:x"}, False),
    ],
)
def test_conditions(condition: dict[str, Any], context: dict[str, str], holds: bool) -> None:
    """All keys of a condition must be there and match; one of several values is enough."""
    decision = decide([statement(Condition=condition)], Request(READ.action, OBJECT, context))
    assert decision is (Decision.ALLOWED if holds else Decision.NOT_ALLOWED)


@pytest.mark.parametrize(
    ("principal", "service", "decision"),
    [
        ({"Service": "events.amazonaws.com"}, "events.amazonaws.com", Decision.ALLOWED),
        ({"Service": "events.amazonaws.com"}, "s3.amazonaws.com", Decision.NOT_ALLOWED),
        ({"Service": "events.amazonaws.com"}, None, Decision.NOT_ALLOWED),
        ({"AWS": "*"}, "s3.amazonaws.com", Decision.ALLOWED),
        ("*", None, Decision.ALLOWED),
    ],
)
def test_principals(principal: Any, service: str | None, decision: Decision) -> None:
    """A resource's policy speaks to one service, or to everybody."""
    request = Request(READ.action, OBJECT, principal=service)
    assert decide([statement(Principal=principal)], request) is decision


@pytest.mark.parametrize(
    "changes",
    [
        {"NotAction": "s3:*"},
        {"Condition": {"StringNotEquals": {"k": "a"}}},
        {"Condition": {"StringEqualsIfExists": {"k": "a"}}},
        {"Principal": {"AWS": "arn:aws:iam::111122223333:root"}},
    ],
)
def test_what_is_not_evaluated_is_an_error(changes: dict[str, Any]) -> None:
    """An element nobody taught it is never overlooked: that would prove what does not hold."""
    with pytest.raises(UnknownElementError):
        decide([statement(**changes)], READ)
