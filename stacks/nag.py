"""Why a finding of cdk-nag is accepted, said next to what it is about."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from aws_cdk import Stack, Validations
from constructs import IConstruct


def acknowledge(construct: IConstruct, findings: Mapping[str, str]) -> None:
    """Accept findings below this construct, by id (`AwsSolutions-S1`) with the reason for each.

    Written to the metadata, not with `Validations.acknowledge`: that takes `::` for its own
    separator and refuses the ids of IAM findings (cdklabs/cdk-nag#2351).
    """
    construct.node.add_metadata(Validations.ACKNOWLEDGED_RULES_METADATA_KEY, dict(findings))


def acknowledge_wildcards(construct: IConstruct, resources: Iterable[str], reason: str) -> None:
    """Accept that policies below this construct name these ARNs with a wildcard in them."""
    stack = Stack.of(construct)
    ids = (
        f"AwsSolutions-IAM5[Resource::{_as_nag_writes(stack.resolve(arn))}]" for arn in resources
    )
    acknowledge(construct, dict.fromkeys(ids, reason))


def _as_nag_writes(value: Any) -> str:
    """An ARN as it stands in a finding's id: references in angle brackets, the rest as JSON."""
    match value:
        case str():
            return value
        case {"Fn::Join": ["", parts]}:
            return "".join(map(_as_nag_writes, parts))
        case {"Ref": name}:
            return f"<{name}>"
        case {"Fn::GetAtt": [name, attribute]}:
            return f"<{name}.{attribute}>"
        case _:
            return json.dumps(value, separators=(",", ":"))
