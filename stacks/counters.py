"""The table in which all workers count: what was spent on judging, who was first in an hour."""

from __future__ import annotations

from aws_cdk import RemovalPolicy
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_iam as iam
from constructs import Construct

from inference_monitor.tables import COUNTERS_KEY, EXPIRES
from stacks.nag import acknowledge


class Counters(Construct):
    """Items live for weeks; without a budget and hourly rules there are none, and no cost."""

    def __init__(self, scope: Construct, construct_id: str) -> None:
        super().__init__(scope, construct_id)
        self.table = dynamodb.Table(
            self,
            "Table",
            partition_key=dynamodb.Attribute(name=COUNTERS_KEY, type=dynamodb.AttributeType.STRING),
            time_to_live_attribute=EXPIRES,
            billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
            removal_policy=RemovalPolicy.DESTROY,
        )
        acknowledge(
            self.table,
            {"AwsSolutions-DDB3": "Sums of a day and sets of an hour; nothing is lost with them."},
        )

    def grant_count(self, role: iam.IRole) -> None:
        """Allow counting, and nothing else: the condition of a write needs no read."""
        role.add_to_principal_policy(
            iam.PolicyStatement(actions=["dynamodb:UpdateItem"], resources=[self.table.table_arn])
        )
