"""`python -m benchmarks.scoring`: the reference's way to log and score, and ours, side by side.

Environment: ROUNDS (3), RECORDS (100), and CONCURRENCY, the judge calls that ours has in flight at
once (60: what ten records with six judges at a time are, as `genai.evaluate` does it by default).
Exit status 1 when a record is not fully scored. The last line is one JSON object.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
from collections.abc import Iterator

from rich.console import Console

from benchmarks.scoring.bench import Bench
from benchmarks.scoring.measured import Measured, Rounds, Way
from benchmarks.scoring.report import Setup, one_line, table, write_page
from local.processes import StartError
from local.settings import ENVIRONMENTS

FOLDER = ENVIRONMENTS / f"scoring/{os.getpid()}"
WARM_UP_RECORDS = 2


def main() -> int:
    """Run; gives the exit status."""
    console = Console(width=120)
    # So that everything that was started is ended.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    setup = Setup(*(int(os.environ.get(n, d)) for n, d in Setup.VARIABLES.items()))
    FOLDER.mkdir(parents=True)
    runs = []
    try:
        with Bench(FOLDER, setup.concurrency) as bench:
            for run in _runs(bench, setup):
                console.print(one_line(run), markup=False, highlight=False, soft_wrap=True)
                runs.append(run)
    except StartError as error:
        console.print(f"✗ {error}", style="red", markup=False)
        return 2
    rounds = Rounds(runs)
    console.print(table(rounds))
    if lacking := [run for run in runs if run.scored < run.records]:
        for run in lacking:
            console.print(f"✗ not all are scored: {one_line(run)}", style="red", markup=False)
        console.print(f"logs are in {FOLDER}", markup=False)
    else:
        shutil.rmtree(FOLDER)
        write_page(rounds, setup)
    print(rounds.line())
    return 1 if lacking else 0


def _runs(bench: Bench, setup: Setup) -> Iterator[Measured]:
    for way in Way:  # what is imported on first use, and first connections, do not count
        bench.run(way, bench.order(way, WARM_UP_RECORDS, seed=-1))
    for number in range(setup.rounds):
        for way in Way:
            order = bench.order(way, setup.records, seed=number)
            yield bench.run(way, order)
            # The reference's second time is like its first, so once is enough to show it.
            if way != Way.REFERENCE or number == 0:
                yield bench.run(way, order, again=True)


if __name__ == "__main__":
    sys.exit(main())
