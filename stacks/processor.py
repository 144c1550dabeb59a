"""The function that traces and scores, its image, its environment and what it may do."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from aws_cdk import Aws, Duration, RemovalPolicy, Size
from aws_cdk import aws_ecr_assets as ecr_assets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from inference_monitor.config.mlflow_client import MLFLOW_CLIENT_ENVIRONMENT
from stacks import LAMBDA_SRC
from stacks.judge_models import ANY_MODEL, JudgeModel
from stacks.nag import acknowledge_wildcards
from stacks.names import Names

# The writer's calls as the service authorization reference of "Amazon SageMaker with MLflow" names
# them. It has no name for sending spans to /v1/traces, nor for reading, adding and replacing an
# assessment: EndTrace and GetTraceInfo are granted as the nearest. Assessments of a new trace need
# none of their own, they travel with StartTrace.
MLFLOW_ACTIONS = (
    "CreateExperiment",
    "GetExperimentByName",
    "SearchTraces",
    "StartTrace",
    "EndTrace",
    "GetTraceInfo",
    "SetTraceTag",
)


@dataclass(frozen=True, slots=True)
class Limits:
    """What one instance of the function gets, and how many there may be."""

    memory_mb: int
    timeout: Duration
    ephemeral_storage_mb: int
    reserved_concurrency: int | None


class Processor(Construct):
    """The function, built from `lambda_src/`."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        names: Names,
        environment: Mapping[str, str],
        limits: Limits,
        log_retention: logs.RetentionDays,
    ) -> None:
        super().__init__(scope, construct_id)
        log_group = logs.LogGroup(
            self,
            "Logs",
            log_group_name=f"/aws/lambda/{names.function}",
            retention=log_retention,
            # A log group that stayed behind would stop the same prefix from being deployed again.
            removal_policy=RemovalPolicy.DESTROY,
        )
        self.role = iam.Role(
            self,
            "Role",
            role_name=names.role,
            assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"),
        )
        log_group.grant_write(self.role)
        self.function = lambda_.DockerImageFunction(
            self,
            "Function",
            function_name=names.function,
            description="Traces and scores captured inferences of a SageMaker endpoint",
            code=lambda_.DockerImageCode.from_image_asset(
                str(LAMBDA_SRC), platform=ecr_assets.Platform.LINUX_AMD64
            ),
            architecture=lambda_.Architecture.X86_64,
            role=self.role,
            log_group=log_group,
            tracing=lambda_.Tracing.ACTIVE,
            memory_size=limits.memory_mb,
            timeout=limits.timeout,
            ephemeral_storage_size=Size.mebibytes(limits.ephemeral_storage_mb),
            reserved_concurrent_executions=limits.reserved_concurrency,
            environment={**MLFLOW_CLIENT_ENVIRONMENT, **environment},
        )
        acknowledge_wildcards(self, ["*"], "X-Ray has no resources to name.")

    def grant_mlflow(self, tracking_arn: str, *, artifact_store: str, artifact_key: str) -> None:
        """Allow writing traces to this MLflow App or tracking server, and to nothing else.

        Args:
            tracking_arn: Its ARN.
            artifact_store: Bucket, or bucket/folder, where a server that takes no spans wants their
                files put; it reads them itself.
            artifact_key: The ARN of the key which that bucket encrypts with.
        """
        actions = [f"sagemaker-mlflow:{action}" for action in MLFLOW_ACTIONS]
        if ":mlflow-app/" in tracking_arn:
            # An App asks for this one besides; it covers the App's whole REST API.
            actions.append("sagemaker:CallMlflowAppApi")
        self.role.add_to_policy(iam.PolicyStatement(actions=actions, resources=[tracking_arn]))
        objects = f"arn:{Aws.PARTITION}:s3:::{artifact_store}/*"
        self.role.add_to_policy(iam.PolicyStatement(actions=["s3:PutObject"], resources=[objects]))
        # S3 asks for Decrypt when an object is written in parts.
        self.role.add_to_policy(
            iam.PolicyStatement(
                actions=["kms:GenerateDataKey", "kms:Decrypt"], resources=[artifact_key]
            )
        )
        acknowledge_wildcards(self.role, [objects], "MLflow's artifacts, wherever it puts them.")

    def grant_judges(self, models: Iterable[JudgeModel]) -> None:
        """Allow asking these models, through the profile they are named by if there is one."""
        for model in models:
            for statement in model.statements():
                self.role.add_to_policy(statement)
        acknowledge_wildcards(
            self.role, [ANY_MODEL], "Bound by a condition to one application inference profile."
        )
