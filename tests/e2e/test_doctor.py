"""`inference-monitor doctor`: its canary goes through the chain, and says where it gets stuck."""

from __future__ import annotations

import json
from typing import Any

from mlflow import MlflowClient

from inference_monitor_cli.deployment import RULE
from local.judge.server import Behaviour
from tests.e2e.deployed import Stack

CANARY = "inference-monitor-canary"


def send(dev: Stack, *more: str) -> tuple[int, dict[str, Any]]:
    """Run the canary alone: its exit status and what it has found."""
    done = dev.command("doctor", "--only", "canary", "--json", *more)
    assert done.stdout, done.stderr
    (check,) = json.loads(done.stdout)["checks"]
    return done.returncode, check


def canaries(dev: Stack) -> list[str]:
    """The canaries in the capture bucket."""
    s3 = dev.chain.emulated("s3")
    found = s3.list_objects_v2(Bucket=dev.deployment.bucket).get("Contents", [])
    return [content["Key"] for content in found if CANARY in content["Key"]]


def test_a_canary_is_seen_as_a_scored_trace(dev: Stack) -> None:
    """It is told apart by its variant, judged like any record, and its file is gone afterwards."""
    judged = dev.verdicts()
    status, check = send(dev)
    assert (status, check["state"]) == (0, "ok"), check
    assert "0 errors" in check["found"]
    assert dev.verdicts() > judged
    client = MlflowClient(dev.chain.mlflow.url)
    experiment = client.get_experiment_by_name(dev.deployment.experiment)
    assert experiment
    found = client.search_traces(
        locations=[experiment.experiment_id], filter_string=f"tags.variant = '{CANARY}'"
    )
    assert check["found"].startswith(f"trace {found[0].info.trace_id}: ")
    assert found[0].info.tags["inference_id"] == CANARY
    assert found[0].info.tags["endpoint"] == "dev-llm"
    assert canaries(dev) == []


def test_a_disabled_rule(dev: Stack) -> None:
    """The record would start nothing: it is not sent, and what mends that is told."""
    rule = RULE.format("dev")
    events = dev.chain.emulated("events")
    events.disable_rule(Name=rule)
    try:
        status, check = send(dev)
    finally:
        events.enable_rule(Name=rule)
    assert (status, check["state"]) == (1, "failed")
    assert check["found"].startswith("stuck at the rule")
    assert check["mend"] == f"aws events enable-rule --name {rule}"
    assert canaries(dev) == []


def test_a_rule_without_target(dev: Stack) -> None:
    """No execution starts: the rule does not name the state machine any more."""
    rule, events = RULE.format("dev"), dev.chain.emulated("events")
    targets = events.list_targets_by_rule(Rule=rule)["Targets"]
    events.remove_targets(Rule=rule, Ids=[target["Id"] for target in targets])
    try:
        status, check = send(dev)
    finally:
        events.put_targets(Rule=rule, Targets=targets)
    assert (status, check["mend"]) == (1, "npx cdk deploy")
    assert "does not start the state machine" in check["found"]


def test_the_judge_is_away(dev: Stack) -> None:
    """The trace is there and has no score: the judge is named, and how to ask it."""
    assert dev.chain.judge
    dev.chain.judge.behaviour = Behaviour(mode="down")
    try:
        status, check = send(dev)
    finally:
        dev.chain.judge.behaviour = Behaviour()
    assert (status, check["state"]) == (1, "failed"), check
    assert "stuck at the judge: trace tr-" in check["found"]
    assert "the judge could not be reached" in check["found"]
    assert check["mend"] == "inference-monitor scorers check --live"
    (left,) = canaries(dev)
    assert left in check["found"]
    dev.chain.emulated("s3").delete_object(Bucket=dev.deployment.bucket, Key=left)


def test_bucket_without_events(dev: Stack) -> None:
    """Nothing comes in the time that is given: the bucket's notifications are named."""
    s3, bucket = dev.chain.emulated("s3"), dev.deployment.bucket
    before = s3.get_bucket_notification_configuration(Bucket=bucket)
    before.pop("ResponseMetadata")
    others = {name: told for name, told in before.items() if name != "EventBridgeConfiguration"}
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration=others)
    try:
        status, check = send(dev, "--wait", "0.1")
    finally:
        s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration=before)
    assert (status, check["state"]) == (1, "failed")
    assert check["found"].startswith("stuck at the bucket: no execution has started"), check
    for left in canaries(dev):
        s3.delete_object(Bucket=bucket, Key=left)
