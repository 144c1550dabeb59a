"""By how much a cap on judge spending is passed, and which records it judges.

`python -m benchmarks.budget` sends 200 records against a cap for 50 of them, many times: through
the real scorers of four function instances, with a judge in memory whose bills are 0.5 to 1.5 times
what was expected (and then 1.7 times of that, too), and the counters in emulated DynamoDB. In every
second run the cap is that of the day, with a roomy one for the run, so that reservations are also
given back. In half of the runs with all records at once the judge holds its answers back until all
have asked for their money: no worker then knows what the others' calls will have cost, which is the
worst case.

What was spent is counted from the judge's answers, not from the counters, which must agree with
them. The stated bound: what the calls in flight cost beyond their reservations, hence at most the
greatest such excess of a call, times the calls that were in flight together.

Then days of uneven traffic are simulated, see `benchmarks.budget.day`.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import Any

from benchmarks.budget.day import days, table
from benchmarks.budget.run import CAP, CASES, FITTING, PRICE_OF_A_RECORD, Case, run_once
from benchmarks.budget.traffic import RECORDS, records
from benchmarks.counters_table import counters_table


def main() -> int:
    """Measure, print a line for each run and each day, and a line of JSON about both."""
    everything = records()
    results: dict[Case, list[dict[str, Any]]] = {}
    with counters_table() as aws:
        for case in CASES:
            numbers = range(1, case.runs + 1)
            results[case] = [run_once(aws, case, number, everything) for number in numbers]
    print(f"cap {CAP:.4f} USD, enough for {FITTING} of {RECORDS} records of the expected price")
    for case, runs in results.items():
        _print(case, runs)
    figures = {
        "records": RECORDS,
        "cap_usd": round(CAP, 4),
        "price_of_a_record_usd": round(PRICE_OF_A_RECORD, 6),
        "cases": [_figures(case, runs) for case, runs in results.items()],
    }
    print(json.dumps(figures))
    simulated = days()
    print(*table(simulated), sep="\n")
    print(json.dumps(simulated))
    everyone = [run for runs in results.values() for run in runs]
    over = [run for run in everyone if run["overspend_usd"] > run["bound_usd"]]
    off = [run for run in everyone if run["counters_off_nano_usd"] > run["judged"]]
    return 1 if over or off else 0


def _print(case: Case, runs: Sequence[dict[str, Any]]) -> None:
    print(f"\n{case.name}")
    print("run  judged  in flight  spent USD  over by USD  of the cap  bound USD  counters off by")
    for number, run in enumerate(runs, 1):
        over = run["overspend_usd"]
        print(
            f"{number:3}{run['judged']:8}{run['in_flight']:11}{run['spent_usd']:11.4f}"
            f"{over:13.4f}{over / CAP:12.1%}{run['bound_usd']:11.4f}"
            f"{run['counters_off_nano_usd']:11} nano"
        )


def _figures(case: Case, runs: Sequence[dict[str, Any]]) -> dict[str, Any]:
    over = [run["overspend_usd"] for run in runs]
    of_bound = [run["overspend_usd"] / run["bound_usd"] for run in runs if run["bound_usd"]]
    return {
        "case": case.name,
        "runs": len(runs),
        "judged": [min(r["judged"] for r in runs), max(r["judged"] for r in runs)],
        "greatest_overspend_usd": max(over),
        "greatest_overspend_of_cap": round(max(over) / CAP, 3),
        "greatest_share_of_bound": round(max(of_bound, default=0.0), 3),
        "runs_over_bound": sum(run["overspend_usd"] > run["bound_usd"] for run in runs),
    }


if __name__ == "__main__":
    sys.exit(main())
