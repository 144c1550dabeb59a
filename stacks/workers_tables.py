"""The tables that all workers write to at once: small items, gone when they are of no more use."""

from __future__ import annotations

from typing import Literal

from aws_cdk import RemovalPolicy
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_iam as iam
from constructs import Construct

from inference_monitor.tables import CLAIMS_KEY, COUNTERS_KEY, EXPIRES
from stacks.nag import acknowledge


class WorkersTable(Construct):
    """A table with one action allowed on it: the condition of a write needs no read."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        key: str,
        action: Literal["PutItem", "UpdateItem"],
        no_backup_because: str,
    ) -> None:
        super().__init__(scope, construct_id)
        self._action = action
        self.table = dynamodb.Table(
            self,
            "Table",
            partition_key=dynamodb.Attribute(name=key, type=dynamodb.AttributeType.STRING),
            time_to_live_attribute=EXPIRES,
            billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
            removal_policy=RemovalPolicy.DESTROY,
        )
        acknowledge(self.table, {"AwsSolutions-DDB3": no_backup_because})

    def grant_write(self, role: iam.IRole) -> None:
        """Allow what the table is for, and nothing else."""
        role.add_to_principal_policy(
            iam.PolicyStatement(
                actions=[f"dynamodb:{self._action}"], resources=[self.table.table_arn]
            )
        )


def claims(scope: Construct) -> WorkersTable:
    """The table in which a delivery claims, while it runs, the traces that it is about to write."""
    return WorkersTable(
        scope,
        "Claims",
        key=CLAIMS_KEY,
        action="PutItem",
        no_backup_because="Claims expire within minutes; there is nothing to restore.",
    )


def counters(scope: Construct) -> WorkersTable:
    """The table of what was spent on judging, who was first in an hour, and how quotas are booked.

    Without a budget, hourly rules and quotas it has no items, and costs nothing.
    """
    return WorkersTable(
        scope,
        "Counters",
        key=COUNTERS_KEY,
        action="UpdateItem",
        no_backup_because="Sums of a day, sets of an hour, times; nothing is lost with them.",
    )
