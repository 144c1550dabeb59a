"""What each role must be refused: everything next to what it may."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.infra import recorded
from tests.infra.account import ACCOUNT, REGION, ROLES, Account
from tests.infra.authorization import BEDROCK, PROFILE_KEY, Names
from tests.infra.conftest import REQUIRED, Synthesize
from tests.infra.iam import Decision, Request, decide
from tests.infra.test_recorded_calls import CALLERS
from tests.infra.variants import EVERYTHING, KEYS, VARIANTS

CAPTURES, RESULTS, ARTIFACTS = (
    f"arn:aws:s3:::{bucket}" for bucket in ("captures-111122223333", "results", "mlflow-bucket")
)
APP = REQUIRED["mlflow_tracking_uri"]
MLFLOW = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}"
SONNET = "anthropic.claude-sonnet-4-6"
PROFILE = f"{BEDROCK}:{ACCOUNT}:inference-profile"
MODEL, NOVA = f"foundation-model/{SONNET}", "foundation-model/amazon.nova-pro-v1:0"
APPLICATION = f"{BEDROCK}:{ACCOUNT}:application-inference-profile"
GLOBAL = {PROFILE_KEY: f"{PROFILE}/global.{SONNET}"}
STATES = f"arn:aws:states:{REGION}:{ACCOUNT}"
MACHINE = f"{STATES}:stateMachine:sagemaker-data-capture-monitoring-dev"
TABLE = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table"
READ, WRITE = "s3:GetObject", "s3:PutObject"

REFUSED: dict[str, list[tuple[str, str, str]]] = {
    "function": [
        ("another endpoint's captures", READ, f"{CAPTURES}/other-endpoint/a.jsonl"),
        ("an endpoint whose name begins alike", READ, f"{CAPTURES}/llm-endpoint-2/a.jsonl"),
        ("the same folder elsewhere", READ, f"{CAPTURES}/x/llm-endpoint/a.jsonl"),
        ("another bucket", READ, "arn:aws:s3:::captures-2/llm-endpoint/a.jsonl"),
        ("writing captures", WRITE, f"{CAPTURES}/llm-endpoint/a.jsonl"),
        ("listing captures", "s3:ListBucket", CAPTURES),
        ("writing map results", WRITE, f"{RESULTS}/map-results/run/manifest.json"),
        ("writing beside its folders", WRITE, f"{RESULTS}/a.json"),
        ("reading quarantined lines", READ, f"{RESULTS}/quarantine/a.jsonl"),
        ("reading ledgers", READ, f"{RESULTS}/ledger/a.json"),
        ("artifacts beside the store", WRITE, f"{ARTIFACTS}/store-2/a.json"),
        ("reading artifacts", READ, f"{ARTIFACTS}/store/a.json"),
        ("another app", "sagemaker-mlflow:StartTrace", f"{MLFLOW}:mlflow-app/app-2"),
        ("another app's API", "sagemaker:CallMlflowAppApi", f"{MLFLOW}:mlflow-app/app-2"),
        ("a tracking server", "sagemaker-mlflow:StartTrace", f"{MLFLOW}:mlflow-tracking-server/s"),
        ("deleting traces", "sagemaker-mlflow:DeleteTraces", APP),
        ("the app's own settings", "sagemaker:UpdateMlflowApp", APP),
        ("MLflow's pages", "sagemaker-mlflow:AccessUI", APP),
        ("another table", "dynamodb:PutItem", f"{TABLE}/other"),
        ("reading claims", "dynamodb:GetItem", f"{TABLE}/claims"),
        ("changing claims", "dynamodb:UpdateItem", f"{TABLE}/claims"),
        ("another sum", "dynamodb:UpdateItem", f"{TABLE}/other"),
        ("setting counters back", "dynamodb:PutItem", f"{TABLE}/counters"),
        ("reading counters", "dynamodb:GetItem", f"{TABLE}/counters"),
        ("another log", "logs:PutLogEvents", f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:other:*"),
        ("encrypting captures", "kms:GenerateDataKey", KEYS["captures"]),
        ("another key", "kms:Decrypt", f"arn:aws:kms:{REGION}:{ACCOUNT}:key/other"),
        ("starting the workflow", "states:StartExecution", MACHINE),
    ],
    "workflow": [
        ("another endpoint's captures", READ, f"{CAPTURES}/other-endpoint/a.jsonl"),
        ("writing captures", WRITE, f"{CAPTURES}/llm-endpoint/a.jsonl"),
        ("another bucket", WRITE, "arn:aws:s3:::results-2/map-results/a.json"),
        ("writing ledgers", WRITE, f"{RESULTS}/ledger/a.json"),
        ("writing quarantined lines", WRITE, f"{RESULTS}/quarantine/a.jsonl"),
        ("writing beside its folder", WRITE, f"{RESULTS}/map-results-2/a.json"),
        ("reading ledgers", READ, f"{RESULTS}/ledger/a.json"),
        ("reading quarantined lines", READ, f"{RESULTS}/quarantine/a.jsonl"),
        ("uploads of ledgers", "s3:ListMultipartUploadParts", f"{RESULTS}/ledger/a.json"),
        (
            "another function",
            "lambda:InvokeFunction",
            f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:sagemaker-data-capture-processor-dev2",
        ),
        ("another workflow", "states:StartExecution", f"{MACHINE}2"),
        (
            "another workflow's executions",
            "states:StopExecution",
            f"{STATES}:execution:sagemaker-data-capture-monitoring-dev2:run",
        ),
        ("encrypting captures", "kms:GenerateDataKey", KEYS["captures"]),
        ("asking the judge", "bedrock:InvokeModel", f"{PROFILE}/global.{SONNET}"),
        ("writing traces", "sagemaker:CallMlflowAppApi", APP),
    ],
    "rule": [
        ("another workflow", "states:StartExecution", f"{MACHINE}2"),
        ("ending executions", "states:StopExecution", f"{STATES}:execution:x:run"),
        (
            "the function itself",
            "lambda:InvokeFunction",
            f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:sagemaker-data-capture-processor-dev",
        ),
        ("reading captures", READ, f"{CAPTURES}/llm-endpoint/a.jsonl"),
    ],
    "switch": [
        ("listing another bucket", "s3:ListBucket", "arn:aws:s3:::captures-2"),
        ("another bucket's events", "s3:PutBucketNotification", "arn:aws:s3:::captures-2"),
        ("reading captures", READ, f"{CAPTURES}/llm-endpoint/a.jsonl"),
        ("the bucket's policy", "s3:PutBucketPolicy", CAPTURES),
        ("another log", "logs:PutLogEvents", f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:other:*"),
    ],
    "silence": [
        ("another endpoint", "sagemaker:DescribeEndpoint", f"{MLFLOW}:endpoint/other-endpoint"),
        ("changing the endpoint", "sagemaker:UpdateEndpoint", f"{MLFLOW}:endpoint/llm-endpoint"),
        ("asking the endpoint", "sagemaker:InvokeEndpoint", f"{MLFLOW}:endpoint/llm-endpoint"),
        ("reading captures", READ, f"{CAPTURES}/llm-endpoint/a.jsonl"),
        ("another log", "logs:PutLogEvents", f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:other:*"),
    ],
}
DELETING = [
    (READ.replace("Get", "Delete"), f"{CAPTURES}/llm-endpoint/a.jsonl"),
    *(("s3:DeleteObject", f"{RESULTS}/{f}/a") for f in ("ledger", "quarantine", "map-results")),
    ("s3:DeleteBucket", RESULTS),
    *(("dynamodb:DeleteItem", f"{TABLE}/{name}") for name in ("claims", "counters")),
    *(("dynamodb:DeleteTable", f"{TABLE}/{name}") for name in ("claims", "counters")),
    ("sqs:DeleteMessage", f"arn:aws:sqs:{REGION}:{ACCOUNT}:dead-letters"),
    ("states:DeleteStateMachine", MACHINE),
    ("sagemaker-mlflow:DeleteExperiment", APP),
    ("sagemaker-mlflow:DeleteTraceTag", APP),
    ("logs:DeleteLogGroup", f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/aws/lambda/x:*"),
    ("kms:ScheduleKeyDeletion", KEYS["results"]),
]


@pytest.fixture(scope="session")
def account(synthesize: Synthesize) -> Account:
    """A stack with everything that can be granted."""
    return Account(synthesize(**EVERYTHING))


@pytest.mark.parametrize(
    ("by", "action", "resource"),
    [
        pytest.param(by, action, resource, id=f"{by}: {what}")
        for by, refusals in REFUSED.items()
        for what, action, resource in refusals
    ],
)
def test_refused(account: Account, by: str, action: str, resource: str) -> None:
    """A role gets nothing beside what is its own: no other folder, bucket, MLflow, table, key."""
    decision = decide(account.statements(by), Request(action, resource))
    assert decision is not Decision.ALLOWED


@pytest.mark.parametrize("by", ROLES)
def test_nobody_deletes(account: Account, by: str) -> None:
    """No role may delete a capture, a result, a claim, a trace, a log, or anything else here."""
    for action, resource in DELETING:
        request = Request(action, resource)
        assert decide(account.statements(by), request) is Decision.NOT_ALLOWED, request


@pytest.mark.parametrize(
    ("what", "resource", "context"),
    [
        ("another model", f"{BEDROCK}::{NOVA}", GLOBAL),
        ("the model without its profile", f"{BEDROCK}::{MODEL}", {}),
        (
            "the model through another profile",
            f"{BEDROCK}::{MODEL}",
            {PROFILE_KEY: f"{PROFILE}/us.{SONNET}"},
        ),
        ("another profile", f"{PROFILE}/us.{SONNET}", {}),
        (
            "the model in another Region",
            f"arn:aws:bedrock:eu-west-1::{MODEL}",
            GLOBAL,
        ),
        (
            "the profile in another Region",
            f"arn:aws:bedrock:eu-west-1:{ACCOUNT}:inference-profile/global.{SONNET}",
            {},
        ),
        (
            "somebody else's profile",
            f"{BEDROCK}:999999999999:inference-profile/global.{SONNET}",
            {},
        ),
    ],
)
def test_no_other_judge(
    account: Account, what: str, resource: str, context: dict[str, str]
) -> None:
    """Only the model that was chosen is asked, and only through the profile that was chosen."""
    request = Request("bedrock:InvokeModel", resource, context)
    assert decide(account.statements("function"), request) is Decision.NOT_ALLOWED, what


@pytest.mark.parametrize(
    ("variant", "resource", "profile"),
    [
        ("server", f"arn:aws:bedrock:eu-west-1::{MODEL}", f"{PROFILE}/us.{SONNET}"),
        ("server", f"{BEDROCK}::{MODEL}", f"{PROFILE}/global.{SONNET}"),
        ("server", f"{BEDROCK}::{MODEL}", None),
        ("model", f"{BEDROCK}::{MODEL}", None),
        ("model", f"arn:aws:bedrock:us-west-2::{NOVA}", None),
        ("model", f"{PROFILE}/us.amazon.nova-pro-v1:0", None),
        ("application", f"{BEDROCK}::{MODEL}", None),
        ("application", f"{BEDROCK}::{MODEL}", f"{APPLICATION}/a1b2c34"),
        ("application", f"{BEDROCK}::{MODEL}", f"{PROFILE}/global.{SONNET}"),
        ("application", f"{APPLICATION}/a1b2c34", None),
        ("provisioned", f"{BEDROCK}:{ACCOUNT}:provisioned-model/a1b2c34", None),
        ("provisioned", f"{BEDROCK}::{MODEL}", None),
    ],
)
def test_no_other_way_to_a_judge(
    synthesize: Synthesize, variant: str, resource: str, profile: str | None
) -> None:
    """A profile stays in its geography and opens no model to others; a model is asked directly."""
    account = Account(synthesize(**VARIANTS[variant]))
    keys = {PROFILE_KEY: profile} if profile else {}
    request = Request("bedrock:InvokeModel", resource, keys)
    assert decide(account.statements("function"), request) is Decision.NOT_ALLOWED


@pytest.mark.parametrize("by", CALLERS)
def test_next_to_every_recorded_call(account: Account, by: str) -> None:
    """What was called is refused in another account, another Region, and under a longer name."""
    names = Names(account, KEYS)
    calls = [call for call in recorded.load() if call.by == by]
    requests = {request for call in calls for request in names.needed(call)}
    neighbours = [(r, n) for r in requests for n in _neighbours(r.resource)]
    assert neighbours
    for request, neighbour in neighbours:
        beside = Request(request.action, neighbour, request.context)
        assert decide(account.statements(by), beside) is not Decision.ALLOWED, beside


def _neighbours(arn: str) -> Iterator[str]:
    parts = arn.split(":", 5)
    for i, other in ((3, "sa-east-1"), (4, "999999999999")):
        if parts[i]:
            yield ":".join([*parts[:i], other, *parts[i + 1 :]])
    if arn.startswith("arn:aws:s3:::"):
        bucket, slash, key = arn.partition("/")
        folder, _, rest = key.partition("/")
        yield f"{bucket}-2{slash}{key}"
        if rest:
            yield f"{bucket}/{folder}-2/{rest}"
            yield f"{bucket}/x/{key}"
    elif "/map:" in arn:
        # The child's own name is any; the workflow it is a child of is not.
        yield arn.replace("/map:", "-2/map:")
    else:
        yield f"{arn}-2"
