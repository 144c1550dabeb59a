"""Broken lines, records too large for Step Functions, and an MLflow that is away for a while."""

from __future__ import annotations

import json
from typing import Any

from local.judge.server import Behaviour
from local.processes import LOOPBACK, free_port
from tests.e2e.deployed import Stack, eventually
from tests.e2e.records import chat, lines

BY_RANGES = ["EveryBatch", "CutFile", "EveryRange", "CloseLedger"]
BROKEN = '{"captureData": {"endpointInput": {"data": "cut off'


def states(dev: Stack, execution: dict[str, Any]) -> list[str]:
    """The states an execution has entered."""
    sfn = dev.chain.emulated("stepfunctions")
    events = sfn.get_execution_history(executionArn=execution["executionArn"])["events"]
    entered = [event.get("stateEnteredEventDetails") for event in events]
    return [details["name"] for details in entered if details]


def test_a_broken_line(dev: Stack) -> None:
    """With a broken line the function reads the file itself: it is kept, the others are traced."""
    first = lines(chat("broken-1"))
    execution = dev.process("broken", first + lines(BROKEN, chat("broken-2")))
    assert execution["status"] == "SUCCEEDED", execution
    assert states(dev, execution) == BY_RANGES
    ledger = dev.ledger(dev.key("broken"))
    assert (ledger["captured"], ledger["traced"], ledger["quarantined"]) == (3, 2, 1)
    assert set(dev.traces(dev.key("broken"))) == {"broken-1", "broken-2"}
    (kept,) = dev.results(f"quarantine/{dev.deployment.bucket}/{dev.key('broken')}/")
    line = json.loads(dev.result(kept))
    assert (line["text"], line["offset"]) == (BROKEN, len(first))
    assert line["reason"].startswith("not JSON")


def test_records_above_256_kib(dev: Stack) -> None:
    """Records that Step Functions cannot carry are traced like any others, at their full length.

    The file has more than a range's 1 MiB, so that one of its lines reaches into the second range.
    """
    question = "Summarise: " + "Tighten the bolt, then check the torque. " * 7000
    records = [chat("large-0"), *[chat(f"large-{n}", question) for n in range(1, 5)]]
    execution = dev.process("large", lines(*records))
    assert execution["status"] == "SUCCEEDED", execution
    assert states(dev, execution) == BY_RANGES
    assert len(dev.children(execution)) == 2
    ledger = dev.ledger(dev.key("large"))
    assert (ledger["captured"], ledger["traced"], ledger["scored"]) == (5, 5, 5)
    traces = dev.traces(dev.key("large"))
    assert len(traces) == 5
    said = traces["large-4"].data.spans[0].inputs["messages"][0]["content"]
    assert said == f"{question} (large-4)"


def test_a_batch_ends_before_256_kib(dev: Stack) -> None:
    """Records that are large together go into several batches; nothing falls back to the file."""
    question = "Summarise: " + "Tighten the bolt. " * 5000
    execution = dev.process("wide", lines(*[chat(f"wide-{n}", question) for n in range(5)]))
    assert execution["status"] == "SUCCEEDED", execution
    assert states(dev, execution) == ["EveryBatch", "CloseLedger"]
    batches = [child["input"] for child in dev.children(execution)]
    assert sorted(len(json.loads(batch)["Items"]) for batch in batches) == [1, 2, 2]
    assert max(len(batch) for batch in batches) < 256 * 1024
    assert len(dev.traces(dev.key("wide"))) == 5


def failures(dev: Stack, name: str) -> set[str]:
    """The errors of all failed attempts at batches of a file so far."""
    sfn = dev.chain.emulated("stepfunctions")
    return {
        event["taskFailedEventDetails"]["error"]
        for execution in dev.executions(dev.key(name))
        for child in dev.children(execution)
        for event in sfn.get_execution_history(executionArn=child["executionArn"])["events"]
        if "taskFailedEventDetails" in event
    }


def test_more_batches_than_instances(dev: Stack) -> None:
    """Batches that Lambda throttles are tried again by that error's name, and none is lost."""
    function = {"FunctionName": dev.deployment.function_arn}
    client = dev.chain.emulated("lambda")
    # The emulated CloudFormation does not pass on the template's own setting.
    client.put_function_concurrency(**function, ReservedConcurrentExecutions=2)
    try:
        execution = dev.process("many", lines(*[chat(f"many-{n}") for n in range(75)]))
    finally:
        client.delete_function_concurrency(**function)
    assert execution["status"] == "SUCCEEDED", execution
    assert failures(dev, "many") == {"Lambda.TooManyRequestsException"}
    assert len(dev.traces(dev.key("many"))) == 75
    assert dev.ledger(dev.key("many"))["scored"] == 75


def test_the_judge_is_away(dev: Stack) -> None:
    """Without a judge the traces are written all the same; a later delivery adds the scores."""
    assert dev.chain.judge
    dev.chain.judge.behaviour = Behaviour(mode="down")
    try:
        execution = dev.process("unjudged", lines(chat("unjudged-1"), chat("unjudged-2")))
    finally:
        dev.chain.judge.behaviour = Behaviour()
    assert execution["status"] == "SUCCEEDED", execution
    assert failures(dev, "unjudged") == {"JudgeUnavailableError"}
    ledger = dev.ledger(dev.key("unjudged"))
    assert (ledger["traced"], ledger["scored"], ledger["unscored"]) == (2, 0, 2)

    dev.process("unjudged", lines(chat("unjudged-1"), chat("unjudged-2")))
    ledger = dev.ledger(dev.key("unjudged"))
    assert (ledger["duplicate"], ledger["scored"], ledger["judge_calls"]) == (2, 2, 14)
    assert len(dev.traces(dev.key("unjudged"))) == 2


def test_mlflow_is_away(dev: Stack) -> None:
    """Step Functions tries again by the name of our error; when MLflow is back nothing is lost."""
    proxy, key = dev.chain.proxy, dev.key("away")
    there, proxy.upstream = proxy.upstream, f"http://{LOOPBACK}:{free_port()}"
    try:
        dev.put("away", lines(*[chat(f"away-{n}") for n in range(3)]))
        assert eventually(lambda: failures(dev, "away") or None, "an attempt has failed") == {
            "TransientError"
        }
    finally:
        proxy.upstream = there
    execution = dev.ended(key, 1)
    assert execution["status"] == "SUCCEEDED", execution
    assert len(dev.traces(key)) == 3
    assert dev.ledger(key)["traced"] == 3


def test_other_objects_start_nothing(dev: Stack) -> None:
    """Only `.jsonl` under the prefix of the endpoint starts the workflow."""
    s3, bucket = dev.chain.emulated("s3"), dev.deployment.bucket
    stray = [f"{dev.deployment.prefix}/manifest.json", "dev-llm-2/AllTraffic/x.jsonl"]
    for key in stray:
        s3.put_object(Bucket=bucket, Key=key, Body=lines(chat("stray")))
    dev.process("after-stray", lines(chat("after-stray-1")))
    assert [dev.executions(key) for key in stray] == [[], []]
