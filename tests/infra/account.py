"""A synthesized template as if it were deployed: every reference filled in with a real ARN."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from tests.infra.deployed import PSEUDO_PARAMETERS, Deployed
from tests.infra.iam import Statement

REGION, ACCOUNT = PSEUDO_PARAMETERS["AWS::Region"], PSEUDO_PARAMETERS["AWS::AccountId"]
_HERE = f"{REGION}:{ACCOUNT}"

_CONSTRUCTS = ""
"""Of a kind there may be several: a name like that of the construct they are in."""

# By kind: the property that may fix the name, the name CloudFormation might give, and the ARN.
_KINDS = {
    "AWS::S3::Bucket": ("BucketName", "results", "arn:aws:s3:::{}"),
    "AWS::DynamoDB::Table": ("TableName", _CONSTRUCTS, f"arn:aws:dynamodb:{_HERE}:table/{{}}"),
    "AWS::SQS::Queue": ("QueueName", "dead-letters", f"arn:aws:sqs:{_HERE}:{{}}"),
    "AWS::SNS::Topic": ("TopicName", "alarms", f"arn:aws:sns:{_HERE}:{{}}"),
    "AWS::Logs::LogGroup": ("LogGroupName", _CONSTRUCTS, f"arn:aws:logs:{_HERE}:log-group:{{}}:*"),
    "AWS::Lambda::Function": ("FunctionName", "switch", f"arn:aws:lambda:{_HERE}:function:{{}}"),
    "AWS::StepFunctions::StateMachine": (
        "StateMachineName", "machine", f"arn:aws:states:{_HERE}:stateMachine:{{}}"
    ),
    "AWS::Events::Rule": ("Name", "rule", f"arn:aws:events:{_HERE}:rule/{{}}"),
}  # fmt: skip
FOUND = {
    "CaptureBucket": "captures-111122223333",
    "CapturePrefix": "llm-endpoint",
    "CaptureKey": "",
    "CaptureKeyArn": f"arn:aws:kms:{_HERE}:key/none",
    "ArtifactStore": "mlflow-bucket/store",
    "ArtifactBucket": "mlflow-bucket",
    "ArtifactKeyArn": f"arn:aws:kms:{_HERE}:key/none",
}
"""What the look-ups of a deployment find in this account, which has no keys of its own."""

_REF_IS_ARN = ("AWS::StepFunctions::StateMachine", "AWS::SNS::Topic")

ROLES = {
    "function": "ProcessorRole",
    "workflow": "WorkflowStateMachineRole",
    "rule": "WorkflowStateMachineEventsRole",
    "switch": "CapturesSwitchRole",
    "lookups": "LookupsLookUpRole",
    "silence": "SilenceWatchRole",
    "batch": "BatchJudgingRole",
}
"""Who acts in a deployment, and how the logical id of their role begins."""


@dataclass(frozen=True, slots=True)
class Account:
    """The account in which a template is deployed."""

    deployed: Deployed

    def statements(self, by: str) -> list[Statement]:
        """Everything the role of an actor is told."""
        return [
            statement
            for policy in self.properties("AWS::IAM::Policy")
            if any(role.startswith(ROLES[by]) for role in policy["Roles"])
            for statement in policy["PolicyDocument"]["Statement"]
        ]

    def resource_policy(self, kind: str) -> list[Statement]:
        """The statements of the one policy that belongs to resources of a kind."""
        (policy,) = self.properties(kind)
        return list(policy["PolicyDocument"]["Statement"])

    def properties(self, kind: str) -> list[dict[str, Any]]:
        """The properties of all resources of a kind."""
        return [
            self._filled_in(resource.get("Properties", {}))
            for resource in self.deployed.template["Resources"].values()
            if resource["Type"] == kind
        ]

    def arn(self, kind: str, name: str = "") -> str:
        """The ARN of the one resource of a kind, or of the one with this in its logical id."""
        (found,) = (
            logical_id
            for logical_id, resource in self.deployed.template["Resources"].items()
            if resource["Type"] == kind and name in logical_id
        )
        return self._name_and_arn(found)[1]

    def _name_and_arn(self, logical_id: str) -> tuple[str, str]:
        resource = self.deployed.template["Resources"][logical_id]
        if resource["Type"] not in _KINDS:
            return logical_id, logical_id
        fixed, made_up, arn = _KINDS[resource["Type"]]
        made_up = made_up or re.split("Table|Logs", logical_id)[0].lower()
        name = self._filled_in(resource.get("Properties", {}).get(fixed, made_up))
        return name, arn.format(name)

    def _reference(self, logical_id: str) -> str:
        if logical_id in PSEUDO_PARAMETERS:
            return PSEUDO_PARAMETERS[logical_id]
        name, arn = self._name_and_arn(logical_id)
        kind = self.deployed.template["Resources"][logical_id]["Type"]
        return arn if kind in _REF_IS_ARN else name

    def _filled_in(self, value: Any) -> Any:  # noqa: PLR0911 - one line for each intrinsic function
        match value:
            case {"Ref": logical_id}:
                return self._reference(logical_id)
            case {"Fn::GetAtt": [_, str(attribute)]} if attribute in FOUND:
                return FOUND[attribute]
            case {"Fn::GetAtt": [logical_id, "Arn"]}:
                return self._name_and_arn(logical_id)[1]
            case {"Fn::Join": [separator, parts]}:
                return separator.join(self._filled_in(part) for part in parts)
            case {"Fn::Split": [separator, text]}:
                return self._filled_in(text).split(separator)
            case {"Fn::Select": [index, parts]}:
                return self._filled_in(parts)[int(index)]
            case dict():
                return {key: self._filled_in(item) for key, item in value.items()}
            case list():
                return [self._filled_in(item) for item in value]
            case _:
                return value
