"""One run: all records at once, in several instances of the function, against a cap."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import boto3
from botocore.config import Config

from benchmarks.budget.account import Account, Witness
from benchmarks.budget.judge import Judge
from benchmarks.budget.traffic import INPUT_TOKENS, OUTPUT_TOKENS, RECORDS
from benchmarks.counters_table import TABLE
from inference_monitor.config.caps import NANO, Caps
from inference_monitor.config.models import DEFAULT_JUDGE, ModelTable
from inference_monitor.config.scorers import load_scorers
from inference_monitor.config.specs import bedrock_model_id
from inference_monitor.counters import AMOUNT, DynamoCounters
from inference_monitor.domain import Delivery, Record, Verdicts
from inference_monitor.scoring.build import SCORERS_FILE, build_scorers
from inference_monitor.scoring.cost.budget import CappedBudget
from inference_monitor.scoring.scorers import Scorers
from inference_monitor.tables import COUNTERS_KEY
from local.emulator_process import EmulatedAws
from local.settings import MADE_UP

FITTING, INSTANCES = 50, 4
# In the last hour of a day all of its cap is released.
LATE = datetime(2026, 3, 2, 23, tzinfo=UTC)
_MODEL = bedrock_model_id(DEFAULT_JUDGE)
_CONFIG = load_scorers(SCORERS_FILE).model_copy(update={"judging": "panel"})
_PRICE = ModelTable.load().price(_MODEL)
assert _PRICE
PRICE_OF_A_RECORD = _PRICE.usd(INPUT_TOKENS, OUTPUT_TOKENS)
CAP = FITTING * PRICE_OF_A_RECORD


@dataclass(frozen=True, slots=True)
class Case:
    """A judge that is so many times dearer than expected, asked by so many threads an instance.

    With `all_at_once` there is a thread for every record, and in half of the runs the judge answers
    nobody before everybody has asked.
    """

    name: str
    runs: int
    dearer: float = 1.0
    threads: int = RECORDS // INSTANCES

    @property
    def all_at_once(self) -> bool:
        """Whether no record has to wait for another one's thread."""
        return self.threads * INSTANCES >= RECORDS


CASES = (
    Case("as estimated, all at once", 20),
    Case("1.7 times as dear, all at once", 10, dearer=1.7),
    Case("1.7 times as dear, 16 in flight", 10, dearer=1.7, threads=4),
)


def instance(
    aws: EmulatedAws, name: str, caps: Caps, account: Account, judge: Judge, threads: int
) -> Scorers:
    """One instance of the function: a client, a memory and threads of its own."""
    config = Config(max_pool_connections=threads)
    session: Any = boto3.Session(MADE_UP.access_key, MADE_UP.secret_key, region_name="us-east-1")
    counters = DynamoCounters(
        session.client("dynamodb", endpoint_url=aws.url, config=config), TABLE
    )
    run = name.partition("/")[0]
    budget = Witness(CappedBudget(counters, run, run, caps, lambda: LATE), account)
    return build_scorers(
        _CONFIG,
        judge,
        default_model=f"bedrock:/{_MODEL}",
        concurrency=threads,
        budgets=lambda _endpoint, _run: budget,
    )


def run_once(
    aws: EmulatedAws, case: Case, number: int, everything: Sequence[Record]
) -> dict[str, Any]:
    """All records, against a cap for some of them."""
    run = f"{case.name}, {number}"
    caps = Caps(per_run=CAP) if number % 2 else Caps(per_day=CAP, per_run=2 * CAP)
    account = Account()
    until = account.everybody_asked if case.all_at_once and number % 4 in (0, 1) else None
    names = [f"{run}/{n}" for n in range(INSTANCES)]
    scorers = [
        instance(aws, name, caps, account, Judge(name, until, case.dearer), case.threads)
        for name in names
    ]
    with ThreadPoolExecutor(INSTANCES) as pool:
        parts = [everything[n::INSTANCES] for n in range(INSTANCES)]
        given = list(pool.map(lambda s, part: list(s.score(part, Delivery("d"))), scorers, parts))
    verdicts: list[Verdicts] = [one for part in given for one in part]
    assert len(verdicts) == RECORDS
    judged = len(account.calls)
    assert judged == account.granted == sum(v.usage.calls for v in verdicts)
    assert RECORDS - judged == account.refused == sum(v.exhausted for v in verdicts)
    counted = [
        int(item[AMOUNT]["N"])
        for item in aws.client("dynamodb").scan(TableName=TABLE)["Items"]
        if item[COUNTERS_KEY]["S"].split("#")[1] == run
    ]
    spent = account.spent_nano / NANO
    return {
        "judged": judged,
        "spent_usd": round(spent, 6),
        "overspend_usd": round(max(0.0, spent - CAP), 6),
        "bound_usd": round(account.most_in_flight * account.greatest_excess, 6),
        "in_flight": account.most_in_flight,
        "counters_off_nano_usd": max(abs(c - account.spent_nano) for c in counted),
    }
