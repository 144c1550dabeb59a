"""What a role is used for besides the calls that can be recorded, and by whose word."""

from __future__ import annotations

from collections.abc import Iterator

from inference_monitor.scoring.batch.jobs import input_key, output_folder
from tests.infra.account import ACCOUNT, FOUND, REGION, Account
from tests.infra.authorization import KEY_ACTIONS, of_judge
from tests.infra.conftest import REQUIRED
from tests.infra.iam import Request, as_list

_LOG_DELIVERY = (
    "CreateLogDelivery", "GetLogDelivery", "UpdateLogDelivery", "DeleteLogDelivery",
    "ListLogDeliveries", "PutResourcePolicy", "DescribeResourcePolicies", "DescribeLogGroups",
)  # fmt: skip
ON_EVERYTHING = {
    "function": {"xray:PutTraceSegments", "xray:PutTelemetryRecords"},
    "workflow": {
        *(f"logs:{action}" for action in _LOG_DELIVERY),
        "xray:PutTraceSegments", "xray:PutTelemetryRecords",
        "xray:GetSamplingRules", "xray:GetSamplingTargets",
    },
    "rule": set(),
    "switch": set(),
    "lookups": set(),
    "silence": {"cloudwatch:GetMetricData"},
    "batch": set(),
}  # fmt: skip
"""Actions that are granted on `*`, because they know no resource.

X-Ray: "Actions defined by AWS X-Ray". Log delivery: "Logging using CloudWatch Logs" in the Step
Functions developer guide, which asks for exactly these.
Metrics: "Actions defined by Amazon CloudWatch".
"""

_LOGS = {"function": "Processor", "switch": "Switch", "lookups": "LookUp", "silence": "Watch"}
"""The functions, and what is in the logical ids of their log groups."""


def unrecorded(account: Account, by: str) -> Iterator[Request]:
    """The permissions that AWS uses in an actor's name."""
    for action in ON_EVERYTHING[by]:
        yield Request(action, "*")
    if by in _LOGS:
        # Lambda writes the log of a function as the function.
        group = account.arn("AWS::Logs::LogGroup", _LOGS[by])
        for action in ("logs:CreateLogStream", "logs:PutLogEvents"):
            yield Request(action, f"{group.removesuffix('*')}log-stream:2026/11/23/[$LATEST]0")
    if by == "function":
        # Events it failed at while nobody waited for the answer: "Adding a destination".
        yield Request("sqs:SendMessage", account.arn("AWS::SQS::Queue"))
    tracking = account.deployed.function["Environment"]["Variables"]["MONITOR_MLFLOW_TRACKING_URI"]
    if by == "lookups" and ":mlflow-app/" in tracking:
        # Signed by the look-up itself, not by the boto3 whose calls are recorded.
        yield Request("sagemaker:DescribeMlflowApp", tracking)
    if by in ("function", "workflow"):
        yield from _keys_that_are_found(account, by)
    if by == "silence":
        # Local runs are over before the first look, see tests/infra/test_silence.py.
        endpoint = REQUIRED["sagemaker_endpoint_name"]
        arn = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:endpoint/{endpoint}"
        yield Request("sagemaker:DescribeEndpoint", arn)
    if by == "workflow":
        yield from _distributed_map(account)
    if by == "batch":
        yield from _batch_jobs(account)


def _keys_that_are_found(account: Account, by: str) -> Iterator[Request]:
    """A key that a look-up found is granted like one of the settings; often there is none."""
    resources = [
        resource
        for statement in account.statements(by)
        for resource in as_list(statement.get("Resource", []))
    ]
    if FOUND["CaptureKeyArn"] in resources:
        yield Request("kms:Decrypt", FOUND["CaptureKeyArn"])
    if by == "function":
        for action in ("kms:GenerateDataKey", "kms:Decrypt"):
            yield Request(action, FOUND["ArtifactKeyArn"])


def _distributed_map(account: Account) -> Iterator[Request]:
    """See "IAM policies for Distributed Map state" in the Step Functions developer guide.

    Map runs are watched and ended by the service, and large results come in parts.
    """
    machine = account.arn("AWS::StepFunctions::StateMachine").rpartition(":")[2]
    execution = f"arn:aws:states:{REGION}:{ACCOUNT}:execution:{machine}"
    yield Request("states:DescribeExecution", f"{execution}:run")
    yield Request("states:StopExecution", f"{execution}:run")
    results = f"{account.arn('AWS::S3::Bucket')}/map-results/object"
    for action in ("GetObject", "AbortMultipartUpload", "ListMultipartUploadParts"):
        yield Request(f"s3:{action}", results)
    # CDK grants versions and aliases of the function with it; the workflow uses neither.
    function = account.arn("AWS::Lambda::Function", "Processor")
    yield Request("lambda:InvokeFunction", f"{function}:version")


def _batch_jobs(account: Account) -> Iterator[Request]:
    """See "Create a custom service role for batch inference" in the Bedrock user guide."""
    bucket = account.arn("AWS::S3::Bucket")
    yield Request("s3:ListBucket", bucket, {"s3:prefix": input_key("job")})
    objects = {"s3:GetObject": input_key("job"), "s3:PutObject": f"{output_folder('job')}1/a.out"}
    for action, key in objects.items():
        yield Request(action, f"{bucket}/{key}")
        for customers_key in _keys_of_bucket(account):
            yield Request(KEY_ACTIONS[action], customers_key)
    variables = account.deployed.function["Environment"]["Variables"]
    yield from of_judge(variables["MONITOR_JUDGE_MODEL"])


def _keys_of_bucket(account: Account) -> Iterator[str]:
    (bucket,) = account.properties("AWS::S3::Bucket")
    (rule,) = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    if key := rule["ServerSideEncryptionByDefault"].get("KMSMasterKeyID"):
        yield key
