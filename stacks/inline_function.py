"""A small function beside the processor, with a role and a log of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct


@dataclass(frozen=True, slots=True)
class Program:
    """What a function runs."""

    code: lambda_.Code
    handler: str = "index.handler"


def inline_function(
    scope: Construct,
    name: str,
    *,
    file: Path,
    description: str,
    allowed: Sequence[iam.PolicyStatement],
    environment: Mapping[str, str] | None = None,
    timeout: Duration | None = None,
) -> lambda_.Function:
    """A function whose code is one file of `stacks/runtime`, of at most 4,096 characters."""
    return small_function(
        scope,
        name,
        program=Program(lambda_.Code.from_inline(file.read_text())),
        description=description,
        allowed=allowed,
        environment=environment,
        timeout=timeout,
    )


def small_function(
    scope: Construct,
    name: str,
    *,
    program: Program,
    description: str,
    allowed: Sequence[iam.PolicyStatement],
    environment: Mapping[str, str] | None = None,
    timeout: Duration | None = None,
) -> lambda_.Function:
    """A function with nothing but boto3 beside it, for a minute if no `timeout` is given.

    Role and log group are called `name` with `Role` and `Logs` behind it.
    """
    log_group = logs.LogGroup(
        scope,
        f"{name}Logs",
        retention=logs.RetentionDays.ONE_MONTH,
        removal_policy=RemovalPolicy.DESTROY,
    )
    role = iam.Role(scope, f"{name}Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
    log_group.grant_write(role)
    for statement in allowed:
        role.add_to_policy(statement)
    return lambda_.Function(
        scope,
        name,
        description=description,
        code=program.code,
        handler=program.handler,
        runtime=lambda_.Runtime.PYTHON_3_14,
        role=role,
        log_group=log_group,
        timeout=timeout or Duration.minutes(1),
        environment=dict(environment) if environment else None,
    )
