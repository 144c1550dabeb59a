"""What Bedrock may do when it judges in batch jobs, which `inference-monitor backfill` creates.

Source: "Create a custom service role for batch inference" in the Bedrock user guide.
"""

from __future__ import annotations

from collections.abc import Iterable

from aws_cdk import Aws
from aws_cdk import aws_iam as iam
from constructs import Construct

from stacks.judge_models import ANY_MODEL, JudgeModel
from stacks.nag import acknowledge_wildcards


class BatchJudging(Construct):
    """The role of the jobs; nobody runs one unless a person asks for it."""

    def __init__(self, scope: Construct, construct_id: str) -> None:
        super().__init__(scope, construct_id)
        jobs = f"arn:{Aws.PARTITION}:bedrock:{Aws.REGION}:{Aws.ACCOUNT_ID}:model-invocation-job/*"
        self.role = iam.Role(
            self,
            "Role",
            assumed_by=iam.ServicePrincipal(
                "bedrock.amazonaws.com",
                conditions={
                    "StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID},
                    "ArnLike": {"aws:SourceArn": jobs},
                },
            ),
        )

    def grant_judges(self, models: Iterable[JudgeModel]) -> None:
        """Allow asking these models, as the function may."""
        for model in models:
            for statement in model.statements():
                self.role.add_to_policy(statement)
        acknowledge_wildcards(
            self.role, [ANY_MODEL], "Bound by a condition to one application inference profile."
        )
