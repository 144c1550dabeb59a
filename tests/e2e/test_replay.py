"""`inference-monitor replay` and `reconcile` against the deployed stack, as a person runs them."""

from __future__ import annotations

import json
import subprocess
from typing import Any

from mlflow import MlflowClient

from local.processes import LOOPBACK, free_port
from tests.e2e.deployed import Stack, eventually
from tests.e2e.records import chat, lines

DEAD_LETTERS = "Dead"


def command(dev: Stack, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run `inference-monitor`."""
    return dev.command(*arguments)


def dead_letters(dev: Stack) -> str:
    """The URL of the rule's dead-letter queue."""
    queues = dev.chain.emulated("sqs").list_queues()["QueueUrls"]
    (url,) = [queue for queue in queues if DEAD_LETTERS in queue and "-dev-" in queue]
    return str(url)


def test_quarantined_lines(dev: Stack) -> None:
    """A quarantined line that was mended is traced by a replay; the other one stays, once."""
    key = dev.key("mended")
    dev.process("mended", lines(chat("mended-1"), "{cut off", "{foreign"))
    folder = f"quarantine/{dev.deployment.bucket}/{key}/"
    (kept,) = dev.results(folder)
    rows = [json.loads(line) for line in dev.result(kept).splitlines()]
    assert [row["text"] for row in rows] == ["{cut off", "{foreign"]
    rows[0]["text"] = json.dumps(chat("mended-2"))
    body = "".join(json.dumps(row) + "\n" for row in rows).encode()
    s3, results = dev.chain.emulated("s3"), dev.deployment.results_bucket
    s3.put_object(Bucket=results, Key=kept, Body=body)

    shown = command(dev, "replay", "--quarantined", key, "--dry-run")
    assert f"would send 1 of 2 lines of s3://{dev.deployment.bucket}/{key}" in shown.stdout
    assert set(dev.traces(key)) == {"mended-1"}

    done = command(dev, "replay", "--quarantined", key)
    assert done.returncode == 0, done.stderr
    assert "1 quarantined lines sent, 0 not sent" in done.stdout
    assert f"stays: line 3 of s3://{dev.deployment.bucket}/{key}: not JSON" in done.stdout
    traces = dev.traces(key)
    assert set(traces) == {"mended-1", "mended-2"}
    assert len(traces["mended-2"].info.assessments) == len(traces["mended-1"].info.assessments) > 0
    (left,) = dev.results(folder)
    (row,) = [json.loads(line) for line in dev.result(left).splitlines()]
    assert (row["text"], row["line"]) == ("{foreign", 3)

    again = command(dev, "replay", "--quarantined", key)
    assert "0 quarantined lines sent, 0 not sent" in again.stdout
    assert dev.results(folder) == [left]


def test_failed_batches(dev: Stack) -> None:
    """Batches that were lost to an outage are traced by a replay, and the ledger then balances."""
    proxy, key = dev.chain.proxy, dev.key("given-up")
    there, proxy.upstream = proxy.upstream, f"http://{LOOPBACK}:{free_port()}"
    try:
        execution = dev.process("given-up", lines(*[chat(f"given-up-{n}") for n in range(3)]))
    finally:
        proxy.upstream = there
    assert execution["status"] == "FAILED"
    assert not dev.traces(key)

    shown = command(dev, "replay", "--failed-batches", "--dry-run")
    what = f"3 records of s3://{dev.deployment.bucket}/{key} (TransientError)"
    assert f"would send {what}" in shown.stdout, shown
    done = command(dev, "replay", "--failed-batches")
    assert done.returncode == 0, done.stderr
    assert set(dev.traces(key)) == {f"given-up-{n}" for n in range(3)}
    ledger = dev.ledger(key)
    assert ledger["balanced"]
    assert (ledger["captured"], ledger["traced"], ledger["duplicate"]) == (3, 3, 0)
    assert what not in command(dev, "replay", "--failed-batches", "--dry-run").stdout


def test_dead_letters(dev: Stack) -> None:
    """An event that started nothing when it came starts the workflow, and leaves the queue."""
    key, s3, events = dev.key("undelivered"), dev.chain.emulated("s3"), dev.chain.emulated("events")
    rule = f"sagemaker-s3-event-rule-{dev.deployment.settings['STACK_PREFIX']}"
    events.disable_rule(Name=rule)
    try:
        s3.put_object(Bucket=dev.deployment.bucket, Key=key, Body=lines(chat("undelivered-1")))
    finally:
        events.enable_rule(Name=rule)
    where = {"bucket": {"name": dev.deployment.bucket}, "object": {"key": key}}
    event = {"source": "aws.s3", "detail-type": "Object Created", "detail": where}
    sqs, url = dev.chain.emulated("sqs"), dead_letters(dev)
    sqs.send_message(QueueUrl=url, MessageBody=json.dumps(event))
    sqs.send_message(QueueUrl=url, MessageBody='{"not": "ours"}')
    assert not dev.executions(key)

    shown = command(dev, "replay", "--dlq", "--dry-run")
    assert f"would send the event of s3://{dev.deployment.bucket}/{key}" in shown.stdout, shown
    assert not dev.executions(key)
    done = command(dev, "replay", "--dlq")
    assert done.returncode == 1, done.stderr
    assert done.stderr.startswith("cannot be sent: message"), done.stderr
    assert "1 events sent, 0 not sent" in done.stdout
    (execution,) = dev.executions(key)
    assert execution["status"] == "SUCCEEDED"
    assert set(dev.traces(key)) == {"undelivered-1"}
    left = eventually(lambda: sqs.receive_message(QueueUrl=url).get("Messages"), "one is left")
    assert [message["Body"] for message in left] == ['{"not": "ours"}']
    sqs.delete_message(QueueUrl=url, ReceiptHandle=left[0]["ReceiptHandle"])


def test_a_whole_hour(dev: Stack) -> None:
    """Every file of the hour is processed again, and nothing new is written."""
    key = f"{dev.deployment.prefix}/AllTraffic/2026/03/05/07/hour.jsonl"
    s3 = dev.chain.emulated("s3")
    s3.put_object(Bucket=dev.deployment.bucket, Key=key, Body=lines(chat("h-1"), chat("h-2")))
    dev.ended(key, 1)
    verdicts = dev.verdicts()
    for number in (2, 3):
        done = command(dev, "replay", "--from", "2026-03-05", "--to", "2026-03-05")
        assert done.returncode == 0, done.stderr
        assert "1 capture files sent, 0 not sent" in done.stdout
        assert dev.ended(key, number)["status"] == "SUCCEEDED"
    assert dev.ledger(key)["duplicate"] == 2
    assert len(dev.traces(key)) == 2
    assert dev.verdicts() == verdicts


def reconciled(dev: Stack, hour: str) -> tuple[int, dict[str, Any]]:
    """The status of `reconcile` over an hour, and its JSON."""
    done = command(dev, "reconcile", "--from", hour, "--to", hour, "--json")
    assert done.returncode in (0, 1), done.stderr
    return done.returncode, dict(json.loads(done.stdout))


def test_reconcile(dev: Stack) -> None:
    """A trace that was deleted in MLflow is the one difference, named by event, file and line."""
    key = f"{dev.deployment.prefix}/AllTraffic/2026/03/06/08/whole.jsonl"
    body = lines(chat("r-1"), chat("r-2"), chat("r-1"), "{broken")
    dev.chain.emulated("s3").put_object(Bucket=dev.deployment.bucket, Key=key, Body=body)
    dev.ended(key, 1)
    status, document = reconciled(dev, "2026-03-06T08")
    assert (status, document["missing"]) == (0, [])
    (hour,) = document["hours"]
    assert hour == {
        "hour": "2026/03/06/08", "lines": 4, "inferences": 2, "in_mlflow": 2, "missing": 0,
        "duplicates": 1, "quarantined": 1, "skipped": 0,
    }  # fmt: skip

    info = dev.traces(key)["r-2"].info
    assert info.experiment_id
    MlflowClient(dev.chain.mlflow.url).delete_traces(info.experiment_id, trace_ids=[info.trace_id])
    status, document = reconciled(dev, "2026-03-06T08")
    (missing,) = document["missing"]
    assert status == 1
    assert (missing["event_id"], missing["line"]) == ("r-2", 2)
    assert missing["file"] == f"s3://{dev.deployment.bucket}/{key}"
    assert document["total"]["in_mlflow"] == 1
