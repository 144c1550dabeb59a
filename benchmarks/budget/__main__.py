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
import sys
import tempfile
from pathlib import Path

from benchmarks.budget.run import CAP, FITTING, PRICE_OF_A_RECORD, TABLE, run_once
from benchmarks.budget.traffic import RECORDS, records
from inference_monitor.tables import COUNTERS_KEY
from local.emulator_process import EmulatedAws
from local.settings import ChainSettings

RUNS = 20


def main() -> int:
    """Measure, print a line for each run, and one line of JSON."""
    everything = records()
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
    print(f"cap {CAP:.4f} USD, enough for {FITTING} of {RECORDS} records that come at once")
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
        "cap_usd": round(CAP, 4),
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
