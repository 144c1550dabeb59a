"""What IAM would decide, for the policies of this template.

The rules are those of "Policy evaluation logic" and of the "IAM JSON policy elements" in the IAM
user guide, as far as these policies need them: whatever else occurs in one is an error here, never
overlooked. AWS itself is not asked. No library does this on plain documents: moto evaluates neither
Condition nor NotResource, and iam-simulate, with which this was compared, is under the AGPL.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import cache
from typing import Any

Statement = Mapping[str, Any]
_KNOWN = {
    "Sid", "Effect", "Action", "Resource", "NotResource", "Condition", "Principal"
}  # fmt: skip
_ARN_PARTS = 6


class UnknownElementError(Exception):
    """A policy uses what is not evaluated here; the message names it."""


class Decision(Enum):
    """What becomes of a request."""

    ALLOWED = "allowed"
    DENIED = "denied by a statement"
    NOT_ALLOWED = "allowed by no statement"


@dataclass(frozen=True)
class Request:
    """An action on one resource; `principal` is the service that asks, for policies of resources.

    `context` holds condition keys as they are written in the policies.
    """

    action: str
    resource: str
    context: Mapping[str, str] = field(default_factory=dict, compare=False)
    principal: str | None = None


def decide(statements: Iterable[Statement], request: Request) -> Decision:
    """Decide as IAM does: a Deny wins, an Allow is needed.

    Raises:
        UnknownElementError: If a statement that may apply holds something unknown.
    """
    effects = {s["Effect"] for s in statements if applies(s, request)}
    if "Deny" in effects:
        return Decision.DENIED
    return Decision.ALLOWED if "Allow" in effects else Decision.NOT_ALLOWED


def applies(statement: Statement, request: Request) -> bool:
    """Whether a statement is about a request."""
    if unknown := set(statement) - _KNOWN:
        raise UnknownElementError(", ".join(sorted(unknown)))
    return (
        any(_like(a.lower(), request.action.lower()) for a in as_list(statement["Action"]))
        and _about(statement, request.resource)
        and _from(statement, request.principal)
        and all(
            _holds(operator, wanted, request.context)
            for operator, wanted in statement.get("Condition", {}).items()
        )
    )


def as_list(value: str | list[str]) -> list[str]:
    """A policy's element, which may be written as one value."""
    return [value] if isinstance(value, str) else value


def _about(statement: Statement, resource: str) -> bool:
    if "NotResource" in statement:
        return not any(_arn_like(p, resource) for p in as_list(statement["NotResource"]))
    return any(_arn_like(p, resource) for p in as_list(statement["Resource"]))


def _from(statement: Statement, service: str | None) -> bool:
    principal = statement.get("Principal")
    if principal is None or principal in ("*", {"AWS": "*"}):
        return True
    if set(principal) != {"Service"}:
        raise UnknownElementError(f"Principal {principal}")
    return service in as_list(principal["Service"])


def _holds(operator: str, wanted: Mapping[str, Any], context: Mapping[str, str]) -> bool:
    """Every key must be there and match one of its values: no operator in use is negative."""
    if operator not in _OPERATORS:
        raise UnknownElementError(f"Condition {operator}")
    matches = _OPERATORS[operator]
    return all(
        key in context and any(matches(value, context[key]) for value in as_list(values))
        for key, values in wanted.items()
    )


def _arn_like(pattern: str, arn: str) -> bool:
    """`*` alone is everything; otherwise a wildcard stays within its part of the ARN."""
    if pattern == "*":
        return True
    patterns, parts = (text.split(":", _ARN_PARTS - 1) for text in (pattern, arn))
    return len(patterns) == len(parts) and all(map(_like, patterns, parts))


def _like(pattern: str, text: str) -> bool:
    return _compiled(pattern).fullmatch(text) is not None


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    wildcards = {"*": ".*", "?": "."}
    return re.compile("".join(wildcards.get(c, re.escape(c)) for c in pattern), re.DOTALL)


_OPERATORS: dict[str, Callable[[str, str], bool]] = {
    "StringEquals": str.__eq__,
    "StringLike": _like,
    "ArnEquals": _arn_like,
    "ArnLike": _arn_like,
    "Bool": str.__eq__,
}
