"""The stack's own bucket: ledgers, quarantined lines, results of map runs, batch jobs."""

from __future__ import annotations

from aws_cdk import Aws, Duration, RemovalPolicy
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from inference_monitor.ledger import LEDGER_PREFIX, MAP_RESULTS_PREFIX, QUARANTINE_PREFIX
from inference_monitor.scoring.batch.jobs import BATCH_JUDGING_PREFIX, KEPT_DAYS
from stacks.nag import acknowledge, acknowledge_wildcards


class Results(Construct):
    """Where everything is written; never the capture bucket, whose events start the workflow."""

    def __init__(
        self, scope: Construct, construct_id: str, *, kms_key_arn: str | None = None
    ) -> None:
        super().__init__(scope, construct_id)
        key = kms.Key.from_key_arn(self, "Key", kms_key_arn) if kms_key_arn else None
        self.bucket = s3.Bucket(
            self,
            "Bucket",
            encryption=s3.BucketEncryption.KMS if key else s3.BucketEncryption.S3_MANAGED,
            encryption_key=key,
            bucket_key_enabled=True if key else None,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            enforce_ssl=True,
            # The ledger is the evidence of what was scored; quarantined lines wait for a replay.
            removal_policy=RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
            lifecycle_rules=[
                s3.LifecycleRule(prefix=f"{MAP_RESULTS_PREFIX}/", expiration=Duration.days(30)),
                s3.LifecycleRule(
                    prefix=f"{BATCH_JUDGING_PREFIX}/", expiration=Duration.days(KEPT_DAYS)
                ),
                s3.LifecycleRule(abort_incomplete_multipart_upload_after=Duration.days(7)),
            ],
        )
        acknowledge(
            self.bucket,
            {"AwsSolutions-S1": "Written by this stack only; CloudTrail data events can be added."},
        )

    def grant_processor(self, role: iam.IRole) -> None:
        """Allow keeping ledgers and quarantined lines, and summing up a map run."""
        records, map_results = (
            self._objects(LEDGER_PREFIX, QUARANTINE_PREFIX),
            self._objects(MAP_RESULTS_PREFIX),
        )
        _allow(role, ["s3:PutObject"], records)
        _allow(role, ["s3:GetObject"], map_results)
        acknowledge_wildcards(role, [*records, *map_results], "Objects below its own prefixes.")
        self._grant_key(role)

    def grant_map_run(self, role: iam.IRole) -> None:
        """Narrow what CDK grants a ResultWriter, the whole bucket, down to its own prefix."""
        everything = f"arn:{Aws.PARTITION}:s3:::{self.bucket.bucket_name}/*"
        role.add_to_principal_policy(
            iam.PolicyStatement(
                effect=iam.Effect.DENY,
                actions=["s3:PutObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"],
                not_resources=self._objects(MAP_RESULTS_PREFIX),
            )
        )
        # Reading cannot be denied likewise: the role reads capture files in another bucket.
        records = self._objects(LEDGER_PREFIX, QUARANTINE_PREFIX)
        role.add_to_principal_policy(
            iam.PolicyStatement(effect=iam.Effect.DENY, actions=["s3:GetObject"], resources=records)
        )
        acknowledge_wildcards(role, records, "What is denied may well be a whole prefix.")
        acknowledge_wildcards(role, [everything], "Narrowed to its own prefix by a Deny.")
        self._grant_key(role)

    def grant_batch_judging(self, role: iam.IRole) -> None:
        """Allow reading the records of batch jobs, and writing answers beside them."""
        folder = f"{BATCH_JUDGING_PREFIX}/*"
        read, written = self._objects(f"{folder}/input"), self._objects(f"{folder}/output")
        _allow(role, ["s3:GetObject"], read)
        _allow(role, ["s3:PutObject"], written)
        role.add_to_principal_policy(
            iam.PolicyStatement(
                actions=["s3:ListBucket"],
                resources=[self.bucket.bucket_arn],
                conditions={"StringLike": {"s3:prefix": folder}},
            )
        )
        acknowledge_wildcards(role, [*read, *written], "Each job has a folder of its own.")
        self._grant_key(role)

    def _objects(self, *prefixes: str) -> list[str]:
        return [self.bucket.arn_for_objects(f"{prefix}/*") for prefix in prefixes]

    def _grant_key(self, role: iam.IRole) -> None:
        # CDK grants no KMS permissions for map results (aws/aws-cdk#32144).
        if self.bucket.encryption_key:
            _allow(
                role,
                ["kms:Decrypt", "kms:GenerateDataKey"],
                [self.bucket.encryption_key.key_arn],
            )


def _allow(role: iam.IRole, actions: list[str], resources: list[str]) -> None:
    role.add_to_principal_policy(iam.PolicyStatement(actions=actions, resources=resources))
