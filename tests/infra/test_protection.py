"""What is stored and sent is protected, in every variant of the stack."""

from __future__ import annotations

import pytest

from tests.infra.account import ROLES, Account
from tests.infra.conftest import Synthesize
from tests.infra.iam import Decision, Request, as_list, decide
from tests.infra.permissions import documented, table
from tests.infra.unrecorded import ON_EVERYTHING
from tests.infra.variants import EVERYTHING, KEYS, VARIANTS

MAY_HOLD_WILDCARDS = (
    "arn:aws:s3:::",  # objects below a folder
    "arn:aws:logs:us-east-1:111122223333:log-group:",  # streams of one log group
    "arn:aws:lambda:us-east-1:111122223333:function:sagemaker-data-capture-processor-dev:",
    "arn:aws:states:us-east-1:111122223333:execution:sagemaker-data-capture-monitoring-dev",
)
"""Whose own name comes before the wildcard; the one exception is bound by a condition."""
PLAIN = {"aws:SecureTransport": "false"}
ENCRYPTED = {"aws:SecureTransport": "true"}


@pytest.fixture(params=VARIANTS)
def account(request: pytest.FixtureRequest, synthesize: Synthesize) -> Account:
    """One variant of the stack."""
    return Account(synthesize(**VARIANTS[request.param]))


@pytest.mark.parametrize("by", ROLES)
def test_everything_that_has_a_name_is_named(account: Account, by: str) -> None:
    """`*` alone only for X-Ray, log delivery, metrics; in an ARN, after the name it is about."""
    on_everything = set()
    for statement in account.statements(by):
        if statement["Effect"] == "Deny":
            continue
        assert "NotResource" not in statement
        for resource in as_list(statement["Resource"]):
            if resource == "*":
                on_everything |= set(as_list(statement["Action"]))
            elif resource == "arn:aws:bedrock:*::foundation-model/*":
                (profile,) = statement["Condition"]["StringEquals"].values()
                assert ":application-inference-profile/" in profile
            elif "*" in resource:
                before = resource.partition("*")[0]
                assert before.startswith(MAY_HOLD_WILDCARDS), resource
                assert before[-1] in "/:", resource
    assert on_everything == ON_EVERYTHING[by]


@pytest.mark.parametrize("by", ROLES)
def test_every_action_is_spelt_out(account: Account, by: str) -> None:
    """No role is allowed `s3:*` or `*`: a new action of AWS's is nobody's by default."""
    actions = {a for s in account.statements(by) for a in as_list(s["Action"])}
    assert actions
    assert not {action for action in actions if "*" in action}


def test_roles_are_assumed_by_one_service(account: Account) -> None:
    """Lambda, Step Functions, EventBridge and Bedrock, and nobody of another account."""
    trusted = []
    for role in account.properties("AWS::IAM::Role"):
        (statement,) = role["AssumeRolePolicyDocument"]["Statement"]
        assert set(statement["Principal"]) == {"Service"}
        assert "ManagedPolicyArns" not in role
        trusted.append(statement["Principal"]["Service"].removesuffix(".amazonaws.com"))
    assert sorted(trusted) == ["bedrock", "events", *["lambda"] * 4, "states"]


@pytest.mark.parametrize(
    ("account_id", "job", "trusted"),
    [
        ("111122223333", "111122223333:model-invocation-job/abcdefghijkl", True),
        ("999999999999", "111122223333:model-invocation-job/abcdefghijkl", False),
        ("111122223333", "999999999999:model-invocation-job/abcdefghijkl", False),
        ("111122223333", "111122223333:evaluation-job/abcdefghijkl", False),
    ],
)
def test_bedrock_acts_for_batch_jobs_of_this_account_only(
    account: Account, account_id: str, job: str, trusted: bool
) -> None:
    """Nobody has Bedrock read our records from another account, or for anything but a batch job."""
    (trust,) = (
        {**statement, "Resource": "*"}
        for role in account.properties("AWS::IAM::Role")
        for statement in role["AssumeRolePolicyDocument"]["Statement"]
        if statement["Principal"] == {"Service": "bedrock.amazonaws.com"}
    )
    source = {"aws:SourceAccount": account_id, "aws:SourceArn": f"arn:aws:bedrock:us-east-1:{job}"}
    request = Request("sts:AssumeRole", "role", source, "bedrock.amazonaws.com")
    assert decide([trust], request) is (Decision.ALLOWED if trusted else Decision.NOT_ALLOWED)


@pytest.mark.parametrize("action", ["GetObject", "PutObject", "ListBucket", "DeleteObject"])
def test_results_travel_over_tls_only(account: Account, action: str) -> None:
    """Whoever asks the results bucket without TLS is refused, whatever their own rights are."""
    bucket = account.arn("AWS::S3::Bucket")
    resource = bucket if action == "ListBucket" else f"{bucket}/quarantine/a.jsonl"
    policy = account.resource_policy("AWS::S3::BucketPolicy")
    request = Request(f"s3:{action}", resource, PLAIN)
    assert decide(policy, request) is Decision.DENIED
    # And with TLS the policy adds no right to those of the roles.
    request = Request(f"s3:{action}", resource, ENCRYPTED)
    assert decide(policy, request) is Decision.NOT_ALLOWED


def test_nothing_is_public(account: Account) -> None:
    """Public access to the bucket is blocked in all four ways, and the function has no URL."""
    for bucket in account.properties("AWS::S3::Bucket"):
        assert bucket["PublicAccessBlockConfiguration"] == {
            "BlockPublicAcls": True,
            "BlockPublicPolicy": True,
            "IgnorePublicAcls": True,
            "RestrictPublicBuckets": True,
        }
    assert not account.properties("AWS::Lambda::Url")
    permissions = account.properties("AWS::Lambda::Permission")
    assert {permission["Principal"] for permission in permissions} == {"events.amazonaws.com"}
    rules = {account.arn("AWS::Events::Rule", rule) for rule in ("Hourly", "FailedExecutions")}
    assert {permission["SourceArn"] for permission in permissions} == rules


def test_the_dead_letter_queue(account: Account) -> None:
    """It is encrypted, refuses plain HTTP, and takes messages of this stack's rule alone."""
    (queue,) = account.properties("AWS::SQS::Queue")
    assert queue["SqsManagedSseEnabled"] is True
    arn, rule = account.arn("AWS::SQS::Queue"), account.arn("AWS::Events::Rule", "Trigger")
    policy = account.resource_policy("AWS::SQS::QueuePolicy")

    def send(source: str, transport: dict[str, str]) -> Decision:
        context = {"aws:SourceArn": source, **transport}
        return decide(policy, Request("sqs:SendMessage", arn, context, "events.amazonaws.com"))

    assert send(rule, ENCRYPTED) is Decision.ALLOWED
    assert send(rule, PLAIN) is Decision.DENIED
    assert send(f"{rule}-2", ENCRYPTED) is Decision.NOT_ALLOWED
    receive = Request("sqs:ReceiveMessage", arn, {"aws:SourceArn": rule, **ENCRYPTED})
    assert decide(policy, receive) is Decision.NOT_ALLOWED


def test_alarms_reach_their_topic(synthesize: Synthesize) -> None:
    """CloudWatch may publish this stack's alarms, over TLS; nobody else's alarms arrive."""
    account = Account(synthesize(**EVERYTHING))
    policy, topic = account.resource_policy("AWS::SNS::TopicPolicy"), account.arn("AWS::SNS::Topic")

    def publish(
        alarm: str, transport: dict[str, str], account_id: str = "111122223333"
    ) -> Decision:
        source = f"arn:aws:cloudwatch:us-east-1:{account_id}:alarm:{alarm}"
        context = {"aws:SourceArn": source, **transport}
        return decide(policy, Request("sns:Publish", topic, context, "cloudwatch.amazonaws.com"))

    alarms = [alarm["AlarmName"] for alarm in account.properties("AWS::CloudWatch::Alarm")]
    assert alarms
    assert {publish(alarm, ENCRYPTED) for alarm in alarms} == {Decision.ALLOWED}
    assert {publish(alarm, PLAIN) for alarm in alarms} == {Decision.DENIED}
    assert publish("somebody-elses", ENCRYPTED) is Decision.NOT_ALLOWED
    assert publish(alarms[0], ENCRYPTED, "999999999999") is Decision.NOT_ALLOWED


def test_what_is_stored_is_encrypted(account: Account) -> None:
    """The bucket by S3's or the customer's key; the tables as DynamoDB encrypts every table."""
    (bucket,) = account.properties("AWS::S3::Bucket")
    (rule,) = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert rule["ServerSideEncryptionByDefault"]["SSEAlgorithm"] in ("AES256", "aws:kms")
    # They hold ids, times and sums; their key is AWS's own unless a specification names another.
    tables = account.properties("AWS::DynamoDB::Table")
    keys = [{a["AttributeName"] for a in table["AttributeDefinitions"]} for table in tables]
    assert keys == [{"trace_id"}, {"counter"}]
    assert not [table for table in tables if "SSESpecification" in table]


def test_logs_end(account: Account) -> None:
    """Every log group has a retention: no log outlives what the settings or we decided."""
    groups = account.properties("AWS::Logs::LogGroup")
    assert sorted(group["RetentionInDays"] for group in groups) == [30, 30, 30, 90, 90]


@pytest.mark.parametrize(
    ("by", "bucket", "action", "allowed"),
    [
        ("function", "captures", "Decrypt", True),
        ("function", "captures", "GenerateDataKey", False),
        ("function", "results", "Decrypt", True),
        ("function", "results", "GenerateDataKey", True),
        ("workflow", "captures", "Decrypt", True),
        ("workflow", "captures", "GenerateDataKey", False),
        ("workflow", "results", "Decrypt", True),
        ("workflow", "results", "GenerateDataKey", True),
        ("rule", "captures", "Decrypt", False),
        ("rule", "results", "GenerateDataKey", False),
        ("switch", "captures", "Decrypt", False),
        ("switch", "results", "GenerateDataKey", False),
        ("silence", "captures", "Decrypt", False),
        ("batch", "captures", "Decrypt", False),
        ("batch", "results", "Decrypt", True),
        ("batch", "results", "GenerateDataKey", True),
    ],
)
def test_who_may_use_a_customers_key(
    synthesize: Synthesize, by: str, bucket: str, action: str, allowed: bool
) -> None:
    """Readers of captures may decrypt them, writers of results encrypt too; nobody administers."""
    statements = Account(synthesize(**EVERYTHING)).statements(by)
    decision = decide(statements, Request(f"kms:{action}", KEYS[bucket]))
    assert decision is (Decision.ALLOWED if allowed else Decision.NOT_ALLOWED)
    for administers in ("PutKeyPolicy", "CreateGrant", "DisableKey", "Encrypt"):
        request = Request(f"kms:{administers}", KEYS[bucket])
        assert decide(statements, request) is Decision.NOT_ALLOWED


def test_the_documented_permissions_are_those_of_the_template(synthesize: Synthesize) -> None:
    """`docs/security.md` lists what the roles may do now; `permissions.py` says how to renew it."""
    assert documented() == table(Account(synthesize(**EVERYTHING)))
