"""By how much a cap on judge spending is passed, when many workers reach it at once.

`python -m benchmarks.budget` sends 200 records at once against a cap for 50 of them, 20 times:
through the real scorers of four function instances, with a judge in memory that is up to half
cheaper or dearer than expected, and the counters in emulated DynamoDB. In every second run the cap
is that of the day, with a roomy one for the run, so that reservations are also given back. In half
of the runs the judge holds its answers back until every record has asked for its money: no worker
then knows what the others' calls will have cost, which is the worst case.

What was spent is counted from the judge's answers, not from the counters, which must agree with
them. The stated bound: what the calls in flight cost beyond their reservations, hence at most the
greatest such excess of a call, times the calls that were in flight together.
"""

from __future__ import annotations

import json
import random
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import accumulate
from pathlib import Path
from threading import Event, Lock
from typing import Any

import boto3
from botocore.config import Config

from inference_monitor.counters import AMOUNT, DynamoCounters
from inference_monitor.delivery import Delivery
from inference_monitor.inference import Choice, Inference, Kind, Request, Response, Source
from inference_monitor.ports import ToScore, Verdicts
from inference_monitor.scoring.budget import NANO, Budget, CappedBudget, Caps, Reservation
from inference_monitor.scoring.build import SCORERS_FILE, build_scorers
from inference_monitor.scoring.config import load_scorers
from inference_monitor.scoring.prices import PriceTable
from inference_monitor.scoring.scorers import Scorers
from inference_monitor.tables import COUNTERS_KEY
from local.emulator_process import EmulatedAws
from local.settings import MADE_UP, ChainSettings

RUNS, RECORDS, FITTING, INSTANCES = 20, 200, 50, 4
MODEL = "global.anthropic.claude-sonnet-4-20250514-v1:0"
TABLE = "counters"
CONFIG = load_scorers(SCORERS_FILE).model_copy(update={"judging": "panel"})
# About what is expected of a call, so that it is dearer as often as it is cheaper.
INPUT_TOKENS, OUTPUT_TOKENS = 1391, 7 * 150
PRICE = PriceTable.load().price(MODEL)
assert PRICE
PRICE_OF_A_RECORD = PRICE.usd(INPUT_TOKENS, OUTPUT_TOKENS)


@dataclass(frozen=True)
class Call:
    """A call that was let through: when money was asked for and settled for it, and how much."""

    begun: float
    ended: float
    reserved: float
    cost: float


@dataclass
class Account:
    """What calls cost in truth, beside what was reserved for them."""

    calls: list[Call] = field(default_factory=list)
    granted: int = 0
    refused: int = 0
    everybody_asked: Event = field(default_factory=Event)
    lock: Lock = field(default_factory=Lock)

    def asked(self, granted: bool) -> None:
        """A call was let through, or not."""
        with self.lock:
            self.granted += granted
            self.refused += not granted
            if self.granted + self.refused == RECORDS:
                self.everybody_asked.set()

    @property
    def spent_nano(self) -> int:
        """All bills together."""
        return sum(round(call.cost * NANO) for call in self.calls)

    @property
    def most_in_flight(self) -> int:
        """How many calls were reserved and not yet settled, at most."""
        ends = [(c.begun, 1) for c in self.calls] + [(c.ended, -1) for c in self.calls]
        return max(accumulate(change for _, change in sorted(ends)))

    @property
    def greatest_excess(self) -> float:
        """What a call cost beyond its reservation, at most."""
        return max(0.0, *(call.cost - call.reserved for call in self.calls))


@dataclass
class Witness:
    """A budget that is watched."""

    budget: Budget
    account: Account

    def reserve(self, usd: float) -> Reservation | None:
        """Pass on, and keep what comes of it."""
        begun = time.monotonic()
        reservation = self.budget.reserve(usd)
        self.account.asked(reservation is not None)
        return reservation and _Watched(reservation, begun, usd, self.account)


@dataclass
class _Watched:
    reservation: Reservation
    begun: float
    reserved: float
    account: Account

    def settle(self, usd: float) -> None:
        self.reservation.settle(usd)
        call = Call(self.begun, time.monotonic(), self.reserved, usd)
        with self.account.lock:
            self.account.calls.append(call)


class Judge:
    """Converse in memory: a verdict after a while, and a bill that nobody can foresee.

    With `until` it answers nobody before that.
    """

    def __init__(self, seed: str, until: Event | None) -> None:
        self._chance = random.Random(seed)
        self._until = until

    def converse(self, **request: Any) -> Mapping[str, Any]:
        """Fill in whatever the tool asks for."""
        if self._until:
            assert self._until.wait(120)
        else:
            time.sleep(self._chance.uniform(0, 0.5))
        (tool,) = (t["toolSpec"] for t in request["toolConfig"]["tools"] if "toolSpec" in t)
        call = {"name": tool["name"], "input": _filled_in(tool["inputSchema"]["json"])}
        usage = {
            "inputTokens": round(INPUT_TOKENS * self._chance.uniform(0.5, 1.5)),
            "outputTokens": round(OUTPUT_TOKENS * self._chance.uniform(0.5, 1.5)),
        }
        message = {"role": "assistant", "content": [{"toolUse": {"toolUseId": "1", **call}}]}
        return {"output": {"message": message}, "stopReason": "tool_use", "usage": usage}


def _filled_in(schema: Mapping[str, Any]) -> Any:
    if "properties" in schema:
        return {name: _filled_in(part) for name, part in schema["properties"].items()}
    return schema.get("enum", ["Because."])[0]


def records() -> list[ToScore]:
    """Chats of about 1 KB."""
    source = Source("captures", "endpoint/AllTraffic/x.jsonl", "endpoint", "AllTraffic")
    request = Request("openai_chat", messages=[{"role": "user", "content": "Why? " * 100}])
    response = Response("openai_chat", choices=(Choice("Because it is. " * 40),))
    now = datetime.now(UTC)
    return [
        (Inference(f"e-{n}", now, Kind.LLM, "openai_chat", request, response), source, ())
        for n in range(RECORDS)
    ]


def instance(
    aws: EmulatedAws, name: str, caps: Caps, account: Account, until: Event | None
) -> Scorers:
    """One instance of the function: a client, a memory and threads of its own."""
    config = Config(max_pool_connections=RECORDS // INSTANCES)
    session: Any = boto3.Session(MADE_UP.access_key, MADE_UP.secret_key, region_name="us-east-1")
    counters = DynamoCounters(
        session.client("dynamodb", endpoint_url=aws.url, config=config), TABLE
    )
    run = name.partition("/")[0]
    budget = Witness(CappedBudget(counters, run, run, caps), account)
    return build_scorers(
        CONFIG,
        Judge(name, until),
        default_model=f"bedrock:/{MODEL}",
        concurrency=RECORDS // INSTANCES,
        budgets=lambda _endpoint, _run: budget,
    )


def run_once(aws: EmulatedAws, number: int, everything: Sequence[ToScore]) -> dict[str, Any]:
    """All records at once, against a cap for some of them."""
    cap, run = FITTING * PRICE_OF_A_RECORD, f"run-{number}"
    caps = Caps(per_run=cap) if number % 2 else Caps(per_day=cap, per_run=2 * cap)
    account = Account()
    until = account.everybody_asked if number % 4 in (0, 1) else None
    scorers = [instance(aws, f"{run}/{n}", caps, account, until) for n in range(INSTANCES)]
    with ThreadPoolExecutor(INSTANCES) as pool:
        parts = [everything[n::INSTANCES] for n in range(INSTANCES)]
        given = list(pool.map(lambda s, part: list(s.score(part, Delivery("d"))), scorers, parts))
    verdicts: list[Verdicts] = [one for part in given for one in part]
    assert len(verdicts) == RECORDS
    judged = len(account.calls)
    assert judged == account.granted == sum(v.judge_calls for v in verdicts)
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
        "overspend_usd": round(max(0.0, spent - cap), 6),
        "bound_usd": round(account.most_in_flight * account.greatest_excess, 6),
        "in_flight": account.most_in_flight,
        "counters_off_nano_usd": max(abs(c - account.spent_nano) for c in counted),
    }


def main() -> int:
    """Measure, print a line for each run, and one line of JSON."""
    cap, everything = FITTING * PRICE_OF_A_RECORD, records()
    with tempfile.TemporaryDirectory() as folder:
        aws = EmulatedAws(ChainSettings(folder=Path(folder)), {})
        try:
            aws.wait()
            aws.client("dynamodb").create_table(
                TableName=TABLE,
                KeySchema=[{"AttributeName": COUNTERS_KEY, "KeyType": "HASH"}],
                AttributeDefinitions=[{"AttributeName": COUNTERS_KEY, "AttributeType": "S"}],
                BillingMode="PAY_PER_REQUEST",
            )
            runs = [run_once(aws, number, everything) for number in range(1, RUNS + 1)]
        finally:
            aws.stop()
    print(f"cap {cap:.4f} USD, enough for {FITTING} of {RECORDS} records that come at once")
    print("run  judged  in flight  spent USD  over by USD  bound USD  counters off by")
    for number, run in enumerate(runs, 1):
        print(
            f"{number:3}{run['judged']:8}{run['in_flight']:11}{run['spent_usd']:11.4f}"
            f"{run['overspend_usd']:13.4f}{run['bound_usd']:11.4f}"
            f"{run['counters_off_nano_usd']:11} nano"
        )
    over = [run for run in runs if run["overspend_usd"] > run["bound_usd"]]
    off = [run for run in runs if run["counters_off_nano_usd"] > run["judged"]]
    figures = {
        "runs": RUNS,
        "records": RECORDS,
        "cap_usd": round(cap, 4),
        "price_of_a_record_usd": round(PRICE_OF_A_RECORD, 6),
        "judged": [min(r["judged"] for r in runs), max(r["judged"] for r in runs)],
        "greatest_overspend_usd": max(run["overspend_usd"] for run in runs),
        "greatest_share_of_bound": round(
            max(run["overspend_usd"] / run["bound_usd"] for run in runs if run["bound_usd"]), 3
        ),
        "runs_over_bound": len(over),
    }
    print(json.dumps(figures))
    return 1 if over or off else 0


if __name__ == "__main__":
    sys.exit(main())
