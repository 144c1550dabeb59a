"""A deployment with a budget: what does not fit into it is traced, says so, and is filled later."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from mlflow.entities import Trace

from inference_monitor.config.caps import NANO
from inference_monitor.counters import AMOUNT
from inference_monitor.tables import COUNTERS_KEY
from local.chain import Chain
from tests.e2e.conftest import BUCKET
from tests.e2e.deployed import Stack
from tests.e2e.records import chat, lines

RECORDS = 8
CAP_USD = 0.05
# No call of these tests costs a cent; sixteen are in flight at once in each of two batches.
BOUND_USD = 2 * 16 * 0.01


@pytest.fixture
def thrifty(chain: Chain, others: dict[str, Any]) -> Stack:  # noqa: ARG001  # comes before us
    """A deployment in which a run may judge some of the records of its file, not all of them."""
    deployment = chain.deploy(
        "cap",
        bucket=BUCKET,
        endpoint="cap-llm",
        JUDGE_BUDGET_USD_PER_RUN=str(CAP_USD),
        JUDGE_BUDGET_USD_PER_DAY="100",
    )
    return Stack(chain, deployment)


def judged(traces: Mapping[str, Trace]) -> int:
    """How many judged scores there are."""
    assessments = [a for trace in traces.values() for a in trace.info.assessments]
    return sum(a.source.source_type == "LLM_JUDGE" for a in assessments)


def test_a_run_ends_judging_at_its_cap_and_the_next_one_goes_on(thrifty: Stack) -> None:
    """Every record is traced; the trace says what is missing; nothing is judged or paid twice."""
    body = lines(*(chat(f"cap-{n}") for n in range(RECORDS)))
    calls = thrifty.verdicts()
    assert thrifty.process("budget", body)["status"] == "SUCCEEDED"
    key = thrifty.key("budget")
    ledger, traces = thrifty.ledger(key), thrifty.traces(key)
    assert ledger["traced"] == RECORDS == len(traces)
    assert 0 < ledger["judge_cost_usd"] <= CAP_USD + BOUND_USD
    tags = [trace.info.tags.get("scoring") for trace in traces.values()]
    assert 0 < tags.count("budget_exhausted") == ledger["budget_exhausted"]
    first = judged(traces)
    assert first == thrifty.verdicts() - calls

    assert thrifty.process("budget", body)["status"] == "SUCCEEDED"
    again = thrifty.traces(key)
    assert first < judged(again) == thrifty.verdicts() - calls
    spent = ledger["judge_cost_usd"] + thrifty.ledger(key)["judge_cost_usd"]
    assert counted(thrifty)["day"] == pytest.approx(spent)


def counted(stack: Stack) -> dict[str, float]:
    """USD that the deployment has counted, by the kind of counter."""
    dynamodb = stack.chain.emulated("dynamodb")
    (table,) = (name for name in dynamodb.list_tables()["TableNames"] if "-cap-Counters" in name)
    sums: dict[str, float] = {}
    for item in dynamodb.scan(TableName=table)["Items"]:
        kind = item[COUNTERS_KEY]["S"].partition("#")[0]
        sums[kind] = sums.get(kind, 0) + int(item[AMOUNT]["N"]) / NANO
    assert sums["run"] == pytest.approx(sums["day"])
    return sums
