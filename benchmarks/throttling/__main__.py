"""Measure what a quota costs, with 1, 2 and 10 files at once; prints a table and a line of JSON.

`python -m benchmarks.throttling` takes about half an hour, `--short` a few minutes. Each file is
worked on by a process of its own, with 16 threads and the same number of calls. `--botocore` also
measures botocore's retry modes, which were there before.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence

from benchmarks.counters_table import counters_table
from benchmarks.throttling.rows import BOTOCORE, PAIRED, RANDOM, Result, Row, measure

ROUNDS = 3
_HEADS = ("way", "files", "seconds", "allowed", "quota used", "throttled", "fairness", "unscored")


def main(arguments: Sequence[str]) -> None:
    """Measure the rows in turn, so that a slow minute of the machine hits all of them."""
    short = "--short" in arguments
    rows = PAIRED if short else PAIRED + RANDOM
    if "--botocore" in arguments:
        rows += BOTOCORE
    results = {row: Result() for row in rows}
    with counters_table() as aws:
        for _ in range(1 if short else ROUNDS):
            for row, result in results.items():
                measure(row.shorter() if short else row, result, aws.url)
                print(f"{row.name}, {row.files}: {result.seconds[-1]:.1f} s", file=sys.stderr)
    _print(results)
    print(json.dumps([row.figures(result) for row, result in results.items()]))


def _print(results: dict[Row, Result]) -> None:
    print("{:<30}{:>6}{:>9}{:>9}{:>12}{:>11}{:>10}{:>10}".format(*_HEADS))
    for row, result in results.items():
        figures = row.figures(result)
        print(
            f"{row.name:<30}{row.files:>6}{figures['seconds']:>9.1f}{figures['allowed']:>9.1f}"
            f"{figures['quota_used']:>12.0%}{figures['throttled']:>11.1%}"
            f"{figures['fairness']:>10.0%}{figures['unscored']:>10}"
        )


if __name__ == "__main__":
    main(sys.argv[1:])
