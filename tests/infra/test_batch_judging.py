"""Bedrock's role for batch jobs: the files of jobs, the judges, and nothing beside."""

from __future__ import annotations

import pytest

from inference_monitor.scoring.batch.jobs import (
    collected_key,
    input_key,
    manifest_key,
    output_folder,
)
from tests.infra.account import Account
from tests.infra.authorization import of_judge
from tests.infra.conftest import Synthesize
from tests.infra.iam import Decision, Request, decide
from tests.infra.variants import VARIANTS

OUTPUT = f"{output_folder('job')}abcdefghijkl/records.jsonl.out"


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_kind_of_judge_may_be_asked(synthesize: Synthesize, variant: str) -> None:
    """Whatever judges online may judge in batch jobs."""
    account = Account(synthesize(**VARIANTS[variant]))
    judge = account.deployed.function["Environment"]["Variables"]["MONITOR_JUDGE_MODEL"]
    for request in of_judge(judge):
        assert decide(account.statements("batch"), request) is Decision.ALLOWED, request


@pytest.mark.parametrize(
    ("action", "key", "allowed"),
    [
        ("GetObject", input_key("job"), True),
        ("PutObject", OUTPUT, True),
        ("PutObject", input_key("job"), False),
        ("GetObject", OUTPUT, False),
        ("GetObject", manifest_key("job"), False),
        ("PutObject", manifest_key("job"), False),
        ("PutObject", collected_key("job"), False),
        ("DeleteObject", OUTPUT, False),
        ("GetObject", "quarantine/captures/a.jsonl/b.jsonl", False),
        ("GetObject", "map-results/a/manifest.json", False),
        ("PutObject", "ledger/captures/a.jsonl.json", False),
    ],
)
def test_jobs_have_their_own_files(
    synthesize: Synthesize, action: str, key: str, allowed: bool
) -> None:
    """Records are read and answers written; what they stand for is not Bedrock's business."""
    account = Account(synthesize())
    request = Request(f"s3:{action}", f"{account.arn('AWS::S3::Bucket')}/{key}")
    decision = decide(account.statements("batch"), request)
    assert decision is (Decision.ALLOWED if allowed else Decision.NOT_ALLOWED)


@pytest.mark.parametrize(
    ("prefix", "allowed"), [(input_key("job"), True), ("quarantine/", False), ("", False)]
)
def test_only_the_folder_of_the_jobs_is_listed(
    synthesize: Synthesize, prefix: str, allowed: bool
) -> None:
    """The names of capture files, which ledgers and quarantine carry, are not to be seen."""
    account = Account(synthesize())
    bucket = account.arn("AWS::S3::Bucket")
    decision = decide(
        account.statements("batch"), Request("s3:ListBucket", bucket, {"s3:prefix": prefix})
    )
    assert decision is (Decision.ALLOWED if allowed else Decision.NOT_ALLOWED)


def test_captures_are_not_read(synthesize: Synthesize) -> None:
    """Not even those of this deployment's endpoint."""
    account = Account(synthesize())
    key = "arn:aws:s3:::captures-111122223333/llm-endpoint/a.jsonl"
    decision = decide(account.statements("batch"), Request("s3:GetObject", key))
    assert decision is Decision.NOT_ALLOWED
