"""Every call of a real run is allowed to the role that makes it, and hardly anything else is."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import product

import pytest

from tests.infra import recorded
from tests.infra.account import ROLES, Account
from tests.infra.authorization import MLFLOW, Names, of_judge
from tests.infra.conftest import Synthesize
from tests.infra.iam import Decision, Request, applies, as_list, decide
from tests.infra.recorded import Call
from tests.infra.unrecorded import unrecorded
from tests.infra.variants import KEYS, VARIANTS

CALLS = recorded.load()
CALLERS = [by for by in ROLES if by not in ("batch", "silence")]
"""Whose calls a local run records: batch jobs are Bedrock's own, and silence takes hours."""


@pytest.fixture(params=["required", "server"])
def names(request: pytest.FixtureRequest, synthesize: Synthesize) -> Names:
    """A stack for an App, plain, and one for a tracking server, with keys and an artifact store."""
    stack = synthesize(**VARIANTS[request.param])
    return Names(Account(stack), KEYS if request.param == "server" else {})


def calls_of(by: str) -> Iterator[Call]:
    """What an actor was seen to do."""
    for call in CALLS:
        if call.by == by:
            yield call


@pytest.mark.parametrize("by", CALLERS)
def test_every_recorded_call_is_allowed(names: Names, by: str) -> None:
    """Whatever function, workflow, rule, switch and look-up were seen to do, they may."""
    statements = names.account.statements(by)
    requests = [request for call in calls_of(by) for request in names.needed(call)]
    assert requests
    refused = [r for r in requests if decide(statements, r) is not Decision.ALLOWED]
    assert not refused


@pytest.mark.parametrize("by", ROLES)
def test_what_aws_does_in_their_names_is_allowed(names: Names, by: str) -> None:
    """Logs, X-Ray, what Step Functions does about map runs, and Bedrock in batch jobs.

    All of it is documented, not recorded.
    """
    statements = names.account.statements(by)
    for request in unrecorded(names.account, by):
        assert decide(statements, request) is Decision.ALLOWED, request


@pytest.mark.parametrize("by", ROLES)
def test_nothing_is_allowed_that_nobody_does(names: Names, by: str) -> None:
    """Each action on each resource of each statement is used by a call, recorded or documented.

    But for two: what is nearest to those calls of MLflow that have no name, and Decrypt with the
    key of the results, which S3 asks for when an object is written in parts.
    """
    used = [r for call in calls_of(by) for r in names.needed(call)]
    used += unrecorded(names.account, by)
    unused = {
        (action, resource)
        for statement in names.account.statements(by)
        if statement["Effect"] == "Allow"
        for action, resource in product(
            as_list(statement["Action"]), as_list(statement["Resource"])
        )
        if not any(applies({**statement, "Action": action, "Resource": resource}, r) for r in used)
    }
    nearest = {"sagemaker-mlflow:EndTrace", "sagemaker-mlflow:GetTraceInfo"}
    in_parts = {("kms:Decrypt", KEYS["results"])}
    assert {(a, r) for a, r in unused if a not in nearest} <= in_parts


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_kind_of_judge_may_be_asked(synthesize: Synthesize, variant: str) -> None:
    """A model, a geographic, global or application profile, a model of one's own can be asked."""
    account = Account(synthesize(**VARIANTS[variant]))
    judge = account.deployed.function["Environment"]["Variables"]["MONITOR_JUDGE_MODEL"]
    for request in of_judge(judge):
        assert decide(account.statements("function"), request) is Decision.ALLOWED, request


def test_the_recording_is_of_a_whole_run() -> None:
    """It has all five actors, both kinds of MLflow with every path that has a name, one judge."""
    assert {call.by for call in CALLS} == set(CALLERS)
    asked = {dict(call.on)["modelId"] for call in CALLS if call.service == "bedrock-runtime"}
    assert asked == {"global.anthropic.claude-sonnet-4-6"}
    mlflow = [call for call in CALLS if call.service == "mlflow"]
    assert {dict(c.on)["mlflow"] for c in mlflow} == {"mlflow-app", "mlflow-tracking-server"}
    assert {path for path, action in MLFLOW.items() if action} <= {c.operation for c in mlflow}


def test_a_call_nobody_knows_is_not_passed_over(names: Names) -> None:
    """An operation without a known permission is an error, not a call that needs none."""
    delete = Call("function", "s3", "DeleteObject", (("Bucket", "results"), ("Key", "ledger/a")))
    with pytest.raises(KeyError):
        list(names.needed(delete))
    assert (
        decide(
            names.account.statements("function"),
            Request("s3:DeleteObject", "arn:aws:s3:::results/a"),
        )
        is Decision.NOT_ALLOWED
    )


@pytest.mark.parametrize(
    ("parameters", "recorded_already"),
    [
        ({"Bucket": "captures-of-several-teams", "Key": "dev-llm/AllTraffic/a.jsonl"}, True),
        ({"Bucket": "captures-of-several-teams", "Key": "reports/a.jsonl"}, False),
        ({"Bucket": "somebody-elses", "Key": "dev-llm/a.jsonl"}, False),
    ],
)
def test_names_of_a_run_are_told_from_others(
    parameters: dict[str, str], recorded_already: bool
) -> None:
    """What a run calls its own things is recognised; another folder or bucket is a new call."""
    by = "sagemaker-data-capture-processor-dev"
    row = {"by": by, "service": "s3", "operation": "GetObject", "on": parameters}
    (call,) = recorded.from_lines([json.dumps(row)])
    assert (call in CALLS) is recorded_already
