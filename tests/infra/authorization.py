"""Which permissions a call needs, by AWS's service authorization reference.

The recording has names that mean the same in every run; here they become those of a synthesized
stack.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from inference_monitor.config.models import SCHEME
from tests.infra.account import ACCOUNT, REGION, Account
from tests.infra.conftest import REQUIRED
from tests.infra.iam import Request
from tests.infra.recorded import Call

BUCKETS = {
    "captures": "arn:aws:s3:::captures-111122223333",
    "results": "arn:aws:s3:::results",
    "artifacts": "arn:aws:s3:::mlflow-bucket",
}
ARTIFACTS_URI = "s3://mlflow-bucket/store"
PROFILE_KEY = "bedrock:InferenceProfileArn"
BEDROCK = f"arn:aws:bedrock:{REGION}"

_OBJECT_ACTIONS = {
    # There is no action HeadObject: whoever may read an object may ask about it.
    ("s3", "GetObject"): "s3:GetObject",
    ("s3", "HeadObject"): "s3:GetObject",
    ("s3", "PutObject"): "s3:PutObject",
}
_BUCKET_ACTIONS = {
    ("s3", "HeadBucket"): "s3:ListBucket",
    ("s3", "GetBucketEncryption"): "s3:GetEncryptionConfiguration",
    ("s3", "GetBucketNotificationConfiguration"): "s3:GetBucketNotification",
    ("s3", "PutBucketNotificationConfiguration"): "s3:PutBucketNotification",
}
_OTHERS = {
    ("dynamodb", "PutItem"): ("dynamodb:PutItem", "AWS::DynamoDB::Table", "Claims"),
    ("dynamodb", "UpdateItem"): ("dynamodb:UpdateItem", "AWS::DynamoDB::Table", "Counters"),
    ("stepfunctions", "StartExecution"): (
        "states:StartExecution", "AWS::StepFunctions::StateMachine", ""
    ),
    ("lambda", "Invoke"): ("lambda:InvokeFunction", "AWS::Lambda::Function", "Processor"),
}  # fmt: skip
KEY_ACTIONS = {"s3:GetObject": "kms:Decrypt", "s3:PutObject": "kms:GenerateDataKey"}
"""What else is needed for an object in a bucket with a key of one's own."""

MLFLOW = {
    "GET /api/2.0/mlflow/experiments/get-by-name": "GetExperimentByName",
    "POST /api/2.0/mlflow/experiments/create": "CreateExperiment",
    "POST /api/3.0/mlflow/traces": "StartTrace",
    "POST /api/3.0/mlflow/traces/search": "SearchTraces",
    "PATCH /api/3.0/mlflow/traces/{id}/tags": "SetTraceTag",
    # The reference has no names for these. An App's whole API is `sagemaker:CallMlflowAppApi`; what
    # a tracking server asks for is not documented, and not proven here.
    "POST /v1/traces": None,
    "GET /version": None,
    "GET /api/3.0/mlflow/traces/{id}/assessments/{id}": None,
    "POST /api/3.0/mlflow/traces/{id}/assessments": None,
    "PATCH /api/3.0/mlflow/traces/{id}/assessments/{id}": None,
}


@dataclass(frozen=True, slots=True)
class Names:
    """What a stack was synthesized for."""

    account: Account
    keys: dict[str, str]
    """The customer's key of each bucket that has one, by the bucket's name in the recording."""

    def needed(self, call: Call) -> Iterator[Request]:
        """Every permission that is needed for a call.

        Raises:
            KeyError: If nobody has said what this operation needs.
        """
        on, operation = dict(call.on), (call.service, call.operation)
        if call.service == "mlflow":
            # The API is the same, whichever kind of MLflow it was recorded on.
            yield from mlflow(call.operation, self._told("MLFLOW_TRACKING_URI"))
        elif operation == ("bedrock-runtime", "Converse"):
            # A run has one judge; what is asked for here is that of this stack.
            yield from of_judge(self._told("JUDGE_MODEL"))
        elif operation in _OBJECT_ACTIONS:
            yield from self._object(_OBJECT_ACTIONS[operation], on["Bucket"], on["Key"])
        elif operation == ("stepfunctions", "RedriveExecution"):
            machine = self.account.arn("AWS::StepFunctions::StateMachine").rpartition(":")[2]
            child = (
                f"arn:aws:states:{REGION}:{ACCOUNT}:execution:{machine}/map:{on['executionArn']}"
            )
            yield Request("states:RedriveExecution", child)
        elif call.service == "sagemaker":
            yield from _described(call.operation, self._told("MLFLOW_TRACKING_URI"))
        elif operation in _BUCKET_ACTIONS:
            yield Request(_BUCKET_ACTIONS[operation], BUCKETS[on["Bucket"]])
        else:
            action, kind, name = _OTHERS[operation]
            yield Request(action, self.account.arn(kind, name))

    def _object(self, action: str, bucket: str, key: str) -> Iterator[Request]:
        key = key.replace("endpoint/", f"{REQUIRED['sagemaker_endpoint_name']}/")
        yield Request(action, f"{BUCKETS[bucket]}/{key}")
        if bucket in self.keys:
            yield Request(KEY_ACTIONS[action], self.keys[bucket])

    def _told(self, setting: str) -> str:
        variables = self.account.deployed.function["Environment"]["Variables"]
        return str(variables[f"MONITOR_{setting}"])


def _described(operation: str, tracking_arn: str) -> Iterator[Request]:
    """What the look-up asks SageMaker; of the two kinds of MLflow, this stack has one."""
    endpoint = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:endpoint/llm-endpoint"
    if operation == "DescribeEndpoint":
        yield Request("sagemaker:DescribeEndpoint", endpoint)
    elif ":mlflow-tracking-server/" in tracking_arn:
        yield Request(f"sagemaker:{operation}", tracking_arn)


def mlflow(operation: str, arn: str) -> Iterator[Request]:
    """What MLflow's REST API on SageMaker asks for, as far as it has names."""
    if action := MLFLOW[operation]:
        yield Request(f"sagemaker-mlflow:{action}", arn)
    if ":mlflow-app/" in arn:
        yield Request("sagemaker:CallMlflowAppApi", arn)


def of_judge(uri: str) -> Iterator[Request]:
    """What Bedrock asks for: the model, or a profile and then the models it routes to."""
    model_id = uri.removeprefix(SCHEME)
    geography, _, model = model_id.partition(".")
    regions = ("east-1", "east-2", "west-1", "west-2")
    routed = {
        "global": (f"{BEDROCK}::", "arn:aws:bedrock:::"),
        "us": tuple(f"arn:aws:bedrock:us-{region}::" for region in regions),
    }
    if model_id.startswith("arn:"):
        yield Request("bedrock:InvokeModel", model_id)
        if ":application-inference-profile/" in model_id:
            yield _through(model_id, f"{BEDROCK}::foundation-model/amazon.nova-pro-v1:0")
    elif geography in routed:
        profile = f"{BEDROCK}:{ACCOUNT}:inference-profile/{model_id}"
        yield Request("bedrock:InvokeModel", profile)
        for place in routed[geography]:
            yield _through(profile, f"{place}foundation-model/{model}")
    else:
        yield Request("bedrock:InvokeModel", f"{BEDROCK}::foundation-model/{model_id}")


def _through(profile: str, model: str) -> Request:
    return Request("bedrock:InvokeModel", model, {PROFILE_KEY: profile})
