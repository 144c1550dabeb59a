"""The table in which a delivery claims the traces it is about to write."""

from __future__ import annotations

from aws_cdk import RemovalPolicy
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_iam as iam
from constructs import Construct

from inference_monitor.tables import CLAIMS_KEY, EXPIRES
from stacks.nag import acknowledge


class Claims(Construct):
    """A few seconds' memory: items are of use only while the function that wrote them runs."""

    def __init__(self, scope: Construct, construct_id: str) -> None:
        super().__init__(scope, construct_id)
        self.table = dynamodb.Table(
            self,
            "Table",
            partition_key=dynamodb.Attribute(name=CLAIMS_KEY, type=dynamodb.AttributeType.STRING),
            time_to_live_attribute=EXPIRES,
            billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
            removal_policy=RemovalPolicy.DESTROY,
        )
        acknowledge(
            self.table,
            {"AwsSolutions-DDB3": "Claims expire within minutes; there is nothing to restore."},
        )

    def grant_claim(self, role: iam.IRole) -> None:
        """Allow claiming, and nothing else: conditional writes need no read."""
        role.add_to_principal_policy(
            iam.PolicyStatement(actions=["dynamodb:PutItem"], resources=[self.table.table_arn])
        )
