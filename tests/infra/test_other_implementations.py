"""The template against what others have written down of AWS: none of it is ours.

IAM's actions are those of policy_sentry, made from AWS's service authorization reference; the state
machine is read by asl-validator, events are matched by moto, names of errors are botocore's.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from botocore.session import get_session
from moto.events.models import EventPattern
from policy_sentry.querying.actions import get_action_data

from inference_monitor import errors
from tests.infra.account import ROLES, Account
from tests.infra.conftest import REPOSITORY, Synthesize
from tests.infra.deployed import Deployed
from tests.infra.iam import as_list
from tests.infra.variants import VARIANTS

ASL_VALIDATOR = REPOSITORY / "node_modules/.bin/asl-validator"
_VARIABLE = re.compile(r"\\\$\\\{(\w+)\\\}")
_PATHS = ("ObjectName", "LogStreamName", "ExecutionId", "ResourceId")
"""Variables of ARN formats that may hold a separator."""

# "Error names" and "Handling error conditions" in the Step Functions developer guide: names for
# what happens around an invocation, which are in no API model.
OF_STEP_FUNCTIONS = {
    "States.Timeout", "States.ItemReaderFailed", "States.DataLimitExceeded",
    "States.ExceedToleratedFailureThreshold", "States.ResultWriterFailed", "States.TaskFailed",
    "Lambda.AWSLambdaException", "Lambda.SdkClientException",
    "Lambda.ClientExecutionTimeoutException", "Lambda.Unknown",
}  # fmt: skip
# What Lambda itself reports of a runtime that ended: "Troubleshoot execution issues in Lambda", and
# for lack of memory "Lambda function errors" in public reports (November 2026).
OF_LAMBDA_RUNTIMES = {"Sandbox.Timedout", "Runtime.ExitError", "Runtime.OutOfMemory"}


@pytest.fixture(params=VARIANTS)
def account(request: pytest.FixtureRequest, synthesize: Synthesize) -> Account:
    """One variant of the stack."""
    return Account(synthesize(**VARIANTS[request.param]))


def formats(action: str) -> list[str]:
    """The ARN formats an action can be limited to, `*` where to none; empty: no such action."""
    service, _, name = action.partition(":")
    known = get_action_data(service, name)
    rows = known[service] if known else []
    return [r["resource_arn_format"] for r in rows if r["action"].lower() == action.lower()]


def is_of(arn: str, arn_format: str) -> bool:
    """Whether an ARN is one of this format."""

    def pattern(variable: re.Match[str]) -> str:
        return ".+" if variable[1] in _PATHS else "[^:/]*"

    return bool(re.fullmatch(_VARIABLE.sub(pattern, re.escape(arn_format)), arn))


@pytest.mark.parametrize("by", ROLES)
def test_every_action_exists_and_takes_its_resource(account: Account, by: str) -> None:
    """A misspelt action grants nothing, as does one on a resource of another kind."""
    for statement in account.statements(by):
        for action, resource in product(
            as_list(statement["Action"]), as_list(statement.get("Resource", []))
        ):
            known = formats(action)
            assert known, f"there is no action {action}"
            if resource == "*":
                assert known == ["*"], f"{action} can be limited to {known}"
            # The reference knows tracking servers only; an App takes the same names.
            elif "*" not in resource and ":mlflow-app/" not in resource:
                assert any(is_of(resource, one) for one in known), (action, resource)


@pytest.mark.parametrize(
    ("action", "resource", "right"),
    [
        ("s3:GetObject", "arn:aws:s3:::bucket/folder/object", True),
        ("s3:GetObject", "arn:aws:s3:::bucket", False),
        ("dynamodb:PutItem", "arn:aws:dynamodb:us-east-1:111122223333:table/claims", True),
        ("dynamodb:PutItem", "arn:aws:dynamodb:us-east-1:111122223333:table/a/index/b", False),
        ("dynamodb:PutItems", "arn:aws:dynamodb:us-east-1:111122223333:table/claims", False),
    ],
)
def test_the_reference_tells_right_from_wrong(action: str, resource: str, right: bool) -> None:
    """Otherwise the test above would prove nothing."""
    assert any(is_of(resource, one) for one in formats(action)) is right


def validate(definition: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Let asl-validator read a definition."""
    file = folder / "definition.json"
    file.write_text(definition)
    command = [str(ASL_VALIDATOR), "--json-path", str(file)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_the_state_machine_is_valid(deployed: Deployed, tmp_path: Path) -> None:
    """Its schema, its paths and where its states lead; a broken one would be refused."""
    (machine,) = Account(deployed).properties("AWS::StepFunctions::StateMachine")
    definition = machine["DefinitionString"]
    result = validate(definition, tmp_path)
    assert result.returncode == 0, result.stdout
    assert validate(
        definition.replace('"Next":"CloseLedger"', '"Next":"None"'), tmp_path
    ).returncode


def created(bucket: str, key: str, kind: str = "Object Created") -> Any:
    """An event of S3, as in "EventBridge event message structure" in its user guide."""
    return {
        "version": "0",
        "id": "17793124-05d4-b198-2fde-7ededc63b103",
        "detail-type": kind,
        "source": "aws.s3",
        "account": "111122223333",
        "time": "2026-03-02T12:22:24Z",
        "region": "us-east-1",
        "resources": [f"arn:aws:s3:::{bucket}"],
        "detail": {
            "version": "0",
            "bucket": {"name": bucket},
            "object": {"key": key, "size": 5, "etag": "b1946ac92492d2347c6235b4d2611184"},
            "request-id": "N4N7GDK58NMKJ12R",
            "requester": "111122223333",
            "reason": "PutObject",
        },
    }


@pytest.mark.parametrize(
    ("event", "starts"),
    [
        (("captures-111122223333", "llm-endpoint/AllTraffic/2026/03/02/11/x.jsonl"), True),
        (("captures-111122223333", "llm-endpoint/x.jsonl"), True),
        (("captures-111122223333", "llm-endpoint-2/AllTraffic/2026/03/02/11/x.jsonl"), False),
        (("captures-111122223333", "data/llm-endpoint/AllTraffic/2026/03/02/11/x.jsonl"), False),
        (("captures-111122223333", "llm-endpoint/AllTraffic/manifest.json"), False),
        (("captures-2", "llm-endpoint/x.jsonl"), False),
        (("captures-111122223333", "llm-endpoint/x.jsonl", "Object Deleted"), False),
    ],
)
def test_the_rule_matches_capture_files(
    deployed: Deployed, event: tuple[str, ...], starts: bool
) -> None:
    """By another implementation of EventBridge's patterns than fnmatch and our emulator."""
    (pattern,) = (
        rule["EventPattern"]
        for rule in deployed.of_type("AWS::Events::Rule").values()
        if rule.get("EventPattern", {}).get("source") == ["aws.s3"]
    )
    assert EventPattern.load(json.dumps(pattern)).matches_event(created(*event)) is starts


def handled(states: dict[str, Any]) -> Iterator[str]:
    """Every error name of a Retry or a Catch, also of those inside of maps."""
    for state in states.values():
        for handler in (*state.get("Retry", ()), *state.get("Catch", ())):
            yield from handler["ErrorEquals"]
        yield from handled(state.get("ItemProcessor", {}).get("States", {}))


def test_every_error_name_is_one_that_somebody_raises(deployed: Deployed) -> None:
    """A misspelt name is never matched, and nothing says so."""
    invoke = get_session().get_service_model("lambda").operation_model("Invoke")
    raised = {f"Lambda.{shape.name}" for shape in invoke.error_shapes}
    ours = {name for name, of in vars(errors).items() if isinstance(of, type)}
    names = set(handled(deployed.workflow["States"]))
    assert "TransientError" in names
    assert "Lambda.TooManyRequestsException" in names
    assert names - raised - ours - OF_STEP_FUNCTIONS - OF_LAMBDA_RUNTIMES == set()
