"""Permission to ask a judge model: exactly that model, through exactly that profile."""

from __future__ import annotations

from typing import Any

import aws_cdk as cdk
import pytest

from stacks.judge_models import GEOGRAPHIES, JudgeModel
from tests.infra.deployed import filled_in

SONNET = "anthropic.claude-sonnet-4-6"
HOME = "arn:aws:bedrock:us-east-1"


def grants(uri: str) -> list[tuple[set[str], str | None]]:
    """The resources of each statement, and the profile it is bound to."""
    stack = cdk.Stack()
    found = []
    for statement in JudgeModel.parse(uri).statements():
        document: dict[str, Any] = filled_in(stack.resolve(statement.to_statement_json()))
        assert document["Action"] == "bedrock:InvokeModel"
        assert document["Effect"] == "Allow"
        resources = document["Resource"]
        condition = document.get("Condition", {}).get("StringEquals", {})
        found.append(
            (
                {resources} if isinstance(resources, str) else set(resources),
                condition.get("bedrock:InferenceProfileArn"),
            )
        )
    return found


def test_a_plain_model_is_granted_in_the_stacks_region() -> None:
    """A foundation model is asked here, directly, and nowhere else."""
    assert grants(f"bedrock:/{SONNET}") == [({f"{HOME}::foundation-model/{SONNET}"}, None)]


@pytest.mark.parametrize("geography", [name for name in GEOGRAPHIES if name != "global"])
def test_a_geographic_profile_is_granted_with_its_regions(geography: str) -> None:
    """The profile is asked here; its models in every Region it may route to, only through it."""
    profile = f"{HOME}:111122223333:inference-profile/{geography}.{SONNET}"
    regions = {f"arn:aws:bedrock:{r}::foundation-model/{SONNET}" for r in GEOGRAPHIES[geography]}
    assert grants(f"bedrock:/{geography}.{SONNET}") == [({profile}, None), (regions, profile)]


def test_a_global_profile_is_granted_here_and_without_a_region() -> None:
    """AWS authorizes a global profile's model in the calling Region and in no Region at all."""
    profile = f"{HOME}:111122223333:inference-profile/global.{SONNET}"
    models = {f"{HOME}::foundation-model/{SONNET}", f"arn:aws:bedrock:::foundation-model/{SONNET}"}
    assert grants(f"bedrock:/global.{SONNET}") == [({profile}, None), (models, profile)]


def test_the_arn_of_a_profile_is_granted_like_its_id() -> None:
    """`us.…` and the ARN of that profile are the same permission."""
    arn = f"{HOME}:111122223333:inference-profile/us.{SONNET}"
    assert grants(f"bedrock:/{arn}") == grants(f"bedrock:/us.{SONNET}")


def test_an_application_profile_is_granted_with_whatever_it_stands_for() -> None:
    """Its models cannot be read off its ARN, so any model is granted, through this profile only."""
    arn = f"{HOME}:111122223333:application-inference-profile/a1b2c3"
    assert grants(f"bedrock:/{arn}") == [
        ({arn}, None),
        ({"arn:aws:bedrock:*::foundation-model/*"}, arn),
    ]


@pytest.mark.parametrize("kind", ["provisioned-model", "custom-model-deployment", "imported-model"])
def test_a_model_of_ones_own_is_granted_by_its_arn(kind: str) -> None:
    """Provisioned, custom and imported models are named by ARN, and that is the permission."""
    arn = f"{HOME}:111122223333:{kind}/a1b2c3"
    assert grants(f"bedrock:/{arn}") == [({arn}, None)]


def test_the_regions_of_a_geography_lie_in_it() -> None:
    """No profile is granted outside the geography that its users chose for their data."""
    starts = {"apac": "ap-", "jp": "ap-northeast-", "au": "ap-southeast-"}
    for geography, regions in GEOGRAPHIES.items():
        assert all(region.startswith(starts.get(geography, geography)) for region in regions)
        assert len(set(regions)) == len(regions)
