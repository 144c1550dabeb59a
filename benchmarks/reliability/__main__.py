"""`python -m benchmarks.reliability [FAULT…]`: make faults happen, and count what became of it.

Environment: `RELIABILITY_MLFLOW` (a version, see reliability.mk) and `RELIABILITY_DATABASE`
(`postgres` or a SQLAlchemy URI) run everything on that server only; `RELIABILITY_FILES`,
`RELIABILITY_RECORDS` and `RELIABILITY_RECORD_BYTES` are the sizes of the largest rows. Exit status
1 when something is not as it should be.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
import time

from rich.console import Console

from benchmarks.reliability.bench import Bench
from benchmarks.reliability.environments import (
    FOLDER,
    Environment,
    MissingEnvironmentError,
    environments,
)
from benchmarks.reliability.faults import Fault, named
from benchmarks.reliability.report import Section, summary, table, write_page
from local.cdk import CdkError
from local.processes import StartError

SIZES = ("RELIABILITY_FILES", "RELIABILITY_RECORDS", "RELIABILITY_RECORD_BYTES")


def main() -> int:
    """Run; gives the exit status."""
    console = Console()
    # So that everything that was started is ended, Postgres too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        faults = named(sys.argv[1:])
        sections = [
            _section(console, environment, selected)
            for environment in environments()
            if (selected := [f for f in faults if f.everywhere or environment.everything])
        ]
    except (CdkError, KeyError, MissingEnvironmentError, StartError) as error:
        console.print(f"✗ {error}", style="red", markup=False)
        return 2
    for section in sections:
        console.print(table(section))
    if not sys.argv[1:]:
        sizes = [f"{name}={os.environ[name]}" for name in SIZES if name in os.environ]
        write_page(sections, " ".join(["make reliability", *sizes]))
    print(summary(sections))
    return 0 if all(row.good for section in sections for row in section.rows) else 1


def _section(console: Console, environment: Environment, faults: list[Fault]) -> Section:
    started = time.monotonic()
    console.rule(environment.name)
    rows = []
    with environment.chain() as chain:
        bench = Bench(chain)
        for fault in faults:
            row = bench.run(fault)
            rows.append(row)
            mark = "✓" if row.good else "✗"
            console.print(f"{mark} {fault.name} ({row.took:.0f} s): {row.evidence}")
            for problem in row.found.problems[:5]:
                console.print(f"    {problem}", style="red", markup=False)
    if all(row.good for row in rows):
        shutil.rmtree(FOLDER)
    else:
        console.print(f"logs are in {FOLDER / 'logs'}", markup=False)
    return Section(environment.name, rows, time.monotonic() - started)


if __name__ == "__main__":
    sys.exit(main())
