"""What the account tells while the stack is deployed: captures, MLflow's artifacts, their keys."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping

from aws_cdk import Aws, CustomResource, IgnoreMode, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from stacks import LAMBDA_SRC
from stacks.inline_function import Program, small_function
from stacks.settings import DeploySettings

_PACKAGE = "inference_monitor/lookups"
_ALL_ELSE = [
    "**",
    "!inference_monitor/__init__.py",
    "!inference_monitor/aws_errors.py",
    f"!{_PACKAGE}/*.py",
]


class Lookups(Construct):
    """Settings win; what they leave open is an attribute that CloudFormation fills in.

    What cannot work fails the deployment with a sentence. `moment` is any text that differs from
    deployment to deployment, so that each one looks again.
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, settings: DeploySettings, moment: str
    ) -> None:
        super().__init__(scope, construct_id)
        self._moment = moment
        self._function = self._look_up_function(settings)
        told = {
            "Endpoint": settings.sagemaker_endpoint_name,
            "CaptureBucket": settings.data_capture_s3_bucket or "",
            "CapturePrefix": settings.data_capture_s3_prefix or "",
            "TrackingArn": settings.mlflow_tracking_uri,
            "ArtifactUri": settings.mlflow_artifact_s3_uri or "",
        }
        account = self._look_up("Account", told)
        self.capture_bucket = settings.data_capture_s3_bucket or account.get_att_string(
            "CaptureBucket"
        )
        self.capture_prefix = settings.data_capture_s3_prefix or account.get_att_string(
            "CapturePrefix"
        )
        artifacts = settings.mlflow_artifact_s3_uri
        self.artifact_store = (
            artifacts.removeprefix("s3://")
            if artifacts
            else account.get_att_string("ArtifactStore")
        )
        artifact_bucket = account.get_att_string("ArtifactBucket")
        keys = self._look_up(
            "Buckets",
            {
                "CaptureBucket": self.capture_bucket,
                "CaptureKey": account.get_att_string("CaptureKey"),
                "CaptureKeySet": settings.data_capture_kms_key_arn or "",
                "ArtifactBucket": artifact_bucket,
                "Partition": Aws.PARTITION,
                "Region": Aws.REGION,
                "Account": Aws.ACCOUNT_ID,
            },
        )
        keys.node.add_dependency(self._allow_asking_about(self.capture_bucket, artifact_bucket))
        self.capture_key = settings.data_capture_kms_key_arn or keys.get_att_string("CaptureKeyArn")
        self.artifact_key = keys.get_att_string("ArtifactKeyArn")
        self.outputs = {
            "DataCaptureBucketName": self.capture_bucket,
            "DataCapturePrefix": self.capture_prefix,
            "DataCapturePercentage": account.get_att_string("CapturedPercent"),
            "MlflowVersion": account.get_att_string("MlflowVersion"),
            "MlflowArtifactStore": f"s3://{self.artifact_store}",
            "Notes": account.get_att_string("Notes"),
            "BucketNotes": keys.get_att_string("Notes"),
        }

    def _look_up(self, kind: str, told: Mapping[str, str]) -> CustomResource:
        """A resource that is made anew by every deployment, and never updated.

        So a deployment that fails goes back to what the last one found, without asking again: an
        endpoint that is gone by now cannot stop the rollback.
        """
        text = json.dumps([self._moment, Stack.of(self).resolve(told)], sort_keys=True)
        return CustomResource(
            self,
            f"{kind}{hashlib.sha256(text.encode()).hexdigest()[:8]}",
            resource_type=f"Custom::{kind.removesuffix('s')}Lookup",
            service_token=self._function.function_arn,
            properties=dict(told),
        )

    def _look_up_function(self, settings: DeploySettings) -> lambda_.Function:
        tracking = settings.mlflow_tracking_uri
        describe = "App" if ":mlflow-app/" in tracking else "TrackingServer"
        # SageMaker writes endpoint names in ARNs in lower case.
        endpoint = Stack.of(self).format_arn(
            service="sagemaker",
            resource="endpoint",
            resource_name=settings.sagemaker_endpoint_name.lower(),
        )
        return small_function(
            self,
            "LookUp",
            program=Program(
                lambda_.Code.from_asset(
                    str(LAMBDA_SRC), exclude=_ALL_ELSE, ignore_mode=IgnoreMode.DOCKER
                ),
                handler=f"{_PACKAGE.replace('/', '.')}.handler.handler",
            ),
            description="Finds captures and MLflow's artifact store, at deployment",
            allowed=[
                iam.PolicyStatement(actions=["sagemaker:DescribeEndpoint"], resources=[endpoint]),
                iam.PolicyStatement(
                    actions=[f"sagemaker:DescribeMlflow{describe}"], resources=[tracking]
                ),
            ],
        )

    def _allow_asking_about(self, captures: str, artifacts: str) -> iam.Policy:
        """The buckets by their names, so that the function may look into no other one."""
        capture_arn, artifact_arn = (
            f"arn:{Aws.PARTITION}:s3:::{name}" for name in (captures, artifacts)
        )
        policy = iam.Policy(
            self,
            "MayAskAboutBuckets",
            statements=[
                # ListBucket is what HeadBucket asks for.
                iam.PolicyStatement(actions=["s3:ListBucket"], resources=[capture_arn]),
                iam.PolicyStatement(
                    actions=["s3:GetEncryptionConfiguration"],
                    resources=[capture_arn, artifact_arn],
                ),
            ],
        )
        role = self._function.role
        if role is None:
            raise ValueError("an imported function has no role that a policy can be attached to")
        policy.attach_to_role(role)
        return policy
