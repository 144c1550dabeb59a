"""The existing bucket with the capture files of one endpoint: its events, and who may read it."""

from __future__ import annotations

from pathlib import Path

from aws_cdk import Aws, CustomResource, Duration
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from stacks.inline_function import inline_function
from stacks.nag import acknowledge_wildcards

SWITCH = Path(__file__).parent / "runtime" / "switch_on_eventbridge.py"


class CaptureFiles(Construct):
    """Capture files under a prefix of a bucket this stack does not own.

    Bucket, prefix and key may be known only when this is deployed.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        bucket_name: str,
        prefix: str,
        kms_key_arn: str,
    ) -> None:
        super().__init__(scope, construct_id)
        self.bucket_name = bucket_name
        self._prefix = prefix
        self._bucket_arn = f"arn:{Aws.PARTITION}:s3:::{bucket_name}"
        self._kms_key_arn = kms_key_arn
        CustomResource(
            self,
            "EventBridge",
            resource_type="Custom::EventBridgeSwitch",
            service_token=self._switch().function_arn,
            properties={"Bucket": bucket_name},
        )

    @property
    def created(self) -> events.EventPattern:
        """S3 tells that a capture file was written; anything else in the bucket does not match."""
        return events.EventPattern(
            source=["aws.s3"],
            detail_type=["Object Created"],
            detail={
                "bucket": {"name": [self.bucket_name]},
                "object": {"key": [{"wildcard": f"{self._prefix}/*.jsonl"}]},
            },
        )

    def grant_read(self, role: iam.IRole) -> None:
        """Allow reading these files; without s3:ListBucket a missing one reads as forbidden."""
        files = f"{self._bucket_arn}/{self._prefix}/*"
        role.add_to_principal_policy(
            iam.PolicyStatement(actions=["s3:GetObject"], resources=[files])
        )
        acknowledge_wildcards(role, [files], "The capture files of this endpoint.")
        role.add_to_principal_policy(
            iam.PolicyStatement(actions=["kms:Decrypt"], resources=[self._kms_key_arn])
        )

    def _switch(self) -> lambda_.Function:
        return inline_function(
            self,
            "Switch",
            file=SWITCH,
            description="Switches on EventBridge for the capture bucket, at deployment",
            # It waits for permissions and for others that change the bucket.
            timeout=Duration.minutes(3),
            allowed=[
                iam.PolicyStatement(
                    # ListBucket is what HeadBucket, which tells the Region, asks for.
                    actions=[
                        "s3:GetBucketNotification",
                        "s3:PutBucketNotification",
                        "s3:ListBucket",
                    ],
                    resources=[self._bucket_arn],
                )
            ],
        )
