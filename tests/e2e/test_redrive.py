"""`aws stepfunctions redrive-execution`: what failed goes on, under the same execution."""

from __future__ import annotations

import json

from inference_monitor.ledger import ledger_key
from local.processes import LOOPBACK, free_port
from tests.e2e.deployed import Stack, eventually
from tests.e2e.records import chat, lines


def test_a_failed_execution_goes_on(dev: Stack) -> None:
    """An execution that failed in an outage does the rest, and counts every record as its own."""
    proxy, key = dev.chain.proxy, dev.key("redriven")
    there, proxy.upstream = proxy.upstream, f"http://{LOOPBACK}:{free_port()}"
    try:
        failed = dev.process("redriven", lines(*[chat(f"redriven-{n}") for n in range(3)]))
    finally:
        proxy.upstream = there
    assert (failed["status"], failed["redriveStatus"]) == ("FAILED", "REDRIVABLE")

    dev.aws("stepfunctions", "redrive-execution", "--execution-arn", failed["executionArn"])
    done = dev.ended(key, 1)
    assert (done["executionArn"], done["status"]) == (failed["executionArn"], "SUCCEEDED"), done
    assert (done["redriveCount"], done["redriveStatus"]) == (1, "NOT_REDRIVABLE")
    counts = json.loads(done["output"])
    assert (counts["traced"], counts["duplicate"], counts["scored"]) == (3, 0, 3)
    assert dev.ledger(key)["balanced"]
    assert set(dev.traces(key)) == {f"redriven-{n}" for n in range(3)}
    # The batch was tried first, and then the range that was read instead: that one is redriven.
    ended = sorted((child["status"], child["redriveCount"]) for child in dev.children(done))
    assert ended == [("FAILED", 0), ("SUCCEEDED", 1)]


def test_a_failed_execution_has_its_ledger_closed(dev: Stack) -> None:
    """A file of one batch, which fails: its records are known to be missing, before any redrive."""
    proxy, key = dev.chain.proxy, dev.key("unclosed")
    there, proxy.upstream = proxy.upstream, f"http://{LOOPBACK}:{free_port()}"
    try:
        failed = dev.process("unclosed", lines(*[chat(f"unclosed-{n}") for n in range(3)]))
    finally:
        proxy.upstream = there
    assert failed["error"] == "States.ExceedToleratedFailureThreshold"
    name = ledger_key(dev.deployment.bucket, key)
    eventually(lambda: dev.results(name) or None, "the ledger is closed")
    ledger = dev.ledger(key)
    assert (ledger["captured"], ledger["traced"], ledger["balanced"]) == (3, 0, False)
