"""`aws stepfunctions redrive-execution`: what failed goes on, under the same execution."""

from __future__ import annotations

import json

from local.processes import LOOPBACK, free_port
from tests.e2e.deployed import Stack
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
    (batch,) = dev.children(done)
    assert (batch["status"], batch["redriveCount"]) == ("SUCCEEDED", 1)
