"""Judge models on Amazon Bedrock: reading `bedrock:/…` ids, and the permission to ask them.

Source of the id shapes: `modelId` of Bedrock's Converse API. Source of the permissions and of the
Regions: "Prerequisites for inference profiles", "Geographic cross-Region inference", "Global
cross-Region inference" and "Supported Regions for inference profiles" in the Bedrock user guide.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from aws_cdk import Aws
from aws_cdk import aws_iam as iam

from inference_monitor.config.models import ARN, model_of

# Where a geography's profiles may route to: its Regions with Bedrock. Each model has a shorter list
# of its own, which grows over time; the grant is bound to the profile by a condition anyway.
GEOGRAPHIES: dict[str, tuple[str, ...]] = {
    "us": ("us-east-1", "us-east-2", "us-west-1", "us-west-2"),
    "eu": (
        "eu-central-1",
        "eu-central-2",
        "eu-north-1",
        "eu-south-1",
        "eu-south-2",
        "eu-west-1",
        "eu-west-2",
        "eu-west-3",
    ),
    "apac": (
        "ap-northeast-1",
        "ap-northeast-2",
        "ap-northeast-3",
        "ap-south-1",
        "ap-south-2",
        "ap-southeast-1",
        "ap-southeast-2",
        "ap-southeast-3",
        "ap-southeast-4",
    ),
    "jp": ("ap-northeast-1", "ap-northeast-3"),
    "au": ("ap-southeast-2", "ap-southeast-4"),
    "ca": ("ca-central-1", "ca-west-1"),
    "us-gov": ("us-gov-east-1", "us-gov-west-1"),
    # A global profile asks for the model in the calling Region and in no Region at all, see below.
    "global": (),
}

ANY_MODEL = f"arn:{Aws.PARTITION}:bedrock:*::foundation-model/*"


@dataclass(frozen=True, slots=True)
class JudgeModel:
    """A model or inference profile as Bedrock's Converse API takes it: an id or an ARN."""

    id: str

    @classmethod
    def parse(cls, uri: str) -> JudgeModel:
        """Read `bedrock:/<model id, inference profile id or ARN>`.

        Raises:
            ValueError: If it is none of these; the message says what is expected.
        """
        return cls(model_of(uri))

    def statements(self) -> Iterator[iam.PolicyStatement]:
        """What a role needs to ask this model from the stack's Region, and nothing more."""
        arn = ARN.fullmatch(self.id)
        if arn is None:
            yield from _by_id(self.id)
        elif arn["kind"] == "inference-profile":
            yield from _through_profile(self.id, arn["id"])
        elif arn["kind"] == "application-inference-profile":
            yield _invoke(self.id)
            # The ARN does not tell which models the profile stands for; the condition does.
            yield _invoke(ANY_MODEL, profile=self.id)
        else:
            yield _invoke(self.id)


def _by_id(model: str) -> Iterator[iam.PolicyStatement]:
    if model.partition(".")[0] not in GEOGRAPHIES:
        yield _invoke(_model(Aws.REGION, model))
        return
    profile = f"arn:{Aws.PARTITION}:bedrock:{Aws.REGION}:{Aws.ACCOUNT_ID}:inference-profile/{model}"
    yield from _through_profile(profile, model)


def _through_profile(profile: str, profile_id: str) -> Iterator[iam.PolicyStatement]:
    geography, _, model = profile_id.partition(".")
    # Without a Region in it, the last ARN stands for "wherever a global profile routes to".
    regions = GEOGRAPHIES.get(geography) or (Aws.REGION, "")
    yield _invoke(profile)
    yield _invoke(*(_model(region, model) for region in regions), profile=profile)


def _model(region: str, model: str) -> str:
    return f"arn:{Aws.PARTITION}:bedrock:{region}::foundation-model/{model}"


def _invoke(*resources: str, profile: str | None = None) -> iam.PolicyStatement:
    # Converse is authorized by InvokeModel. The condition, which AWS documents for every kind of
    # profile, keeps the models behind a profile from being asked directly.
    return iam.PolicyStatement(
        actions=["bedrock:InvokeModel"],
        resources=list(resources),
        conditions={"StringEquals": {"bedrock:InferenceProfileArn": profile}} if profile else None,
    )
