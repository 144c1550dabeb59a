"""Reading a synthesized template: by type and name instead of logical id, references filled in."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

PSEUDO_PARAMETERS = {
    "AWS::Partition": "aws",
    "AWS::Region": "us-east-1",
    "AWS::AccountId": "111122223333",
    "AWS::URLSuffix": "amazonaws.com",
}


@dataclass(frozen=True, slots=True)
class Deployed:
    """A template as CloudFormation sees it; references to resources read `<Id>` and `<Id.Arn>`."""

    template: dict[str, Any]

    def of_type(self, kind: str) -> dict[str, dict[str, Any]]:
        """The properties of all resources of a type, by logical id."""
        return {
            name: filled_in(resource.get("Properties", {}))
            for name, resource in self.template["Resources"].items()
            if resource["Type"] == kind
        }

    def only(self, kind: str) -> dict[str, Any]:
        """The properties of the one resource of a type."""
        (properties,) = self.of_type(kind).values()
        return properties

    def statements(self, role_id: str) -> list[dict[str, Any]]:
        """All policy statements of the role whose logical id starts so, actions always a list."""
        return [
            {**statement, "Action": _as_list(statement["Action"])}
            for policy in self.of_type("AWS::IAM::Policy").values()
            if any(role.startswith(f"<{role_id}") for role in policy["Roles"])
            for statement in policy["PolicyDocument"]["Statement"]
        ]

    def allowed(self, role_id: str, service: str) -> dict[str, set[str]]:
        """What a role may do with a service (`s3`): action to the resources it may do it with."""
        found: dict[str, set[str]] = {}
        for statement in self.statements(role_id):
            for action in statement["Action"]:
                if statement["Effect"] == "Allow" and action.startswith(f"{service}:"):
                    found.setdefault(action, set()).update(_as_list(statement["Resource"]))
        return found

    @property
    def function(self) -> dict[str, Any]:
        """The processor."""
        (function,) = (
            f for f in self.of_type("AWS::Lambda::Function").values() if f.get("PackageType")
        )
        return function

    @property
    def workflow(self) -> dict[str, Any]:
        """The state machine's definition."""
        definition = self.only("AWS::StepFunctions::StateMachine")["DefinitionString"]
        return dict(json.loads(definition))

    @property
    def outputs(self) -> dict[str, Any]:
        """The stack's outputs."""
        return dict(filled_in(self.template["Outputs"]))


def _as_list(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def filled_in(value: Any) -> Any:  # noqa: PLR0911 - one line for each intrinsic function
    """Any part of a template with its intrinsic functions replaced by what they stand for."""
    match value:
        case {"Ref": name}:
            return PSEUDO_PARAMETERS.get(name, f"<{name}>")
        case {"Fn::GetAtt": [name, attribute]}:
            return f"<{name}.{attribute}>"
        case {"Fn::Join": [separator, parts]}:
            return separator.join(filled_in(part) for part in parts)
        case {"Fn::Select": [index, parts]} | {"Fn::Split": [index, parts]}:
            return f"<{index} of {filled_in(parts)}>"
        case {"Fn::Sub": str(text)}:
            return text
        case dict():
            return {key: filled_in(item) for key, item in value.items()}
        case list():
            return [filled_in(item) for item in value]
        case _:
            return value
