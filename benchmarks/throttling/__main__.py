"""Measure what throttling costs; prints a table and one line of JSON.

`python -m benchmarks.throttling [rounds]`; every run takes half a minute.
"""

from __future__ import annotations

import json
import statistics
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from benchmarks.throttling.workers import Work, run
from local.judge.server import Behaviour, StandInJudge, Stats

LATENCY = 0.5
CALLS = 300
CALLS_A_SECOND = 10
TOKENS_A_SECOND = 8_000
MIXED = (200, 400, 800, 1600)  # tokens of the prompts, in turn
THROTTLED = 0.3
UNTHROTTLED_CALLS = 320  # by each worker, for the time that a call takes on this machine now

_QUOTA = Behaviour(latency=LATENCY, requests_per_minute=60 * CALLS_A_SECOND)
_TOKENS = Behaviour(latency=LATENCY, tokens_per_minute=60 * TOKENS_A_SECOND)
_RANDOM = Behaviour(latency=LATENCY, throttle=THROTTLED)


@dataclass(frozen=True, slots=True)
class Row:
    """One way to ask, under one behaviour of the judge. `told` shares the quota by settings."""

    name: str
    behaviour: Behaviour
    calls: int
    workers: int = 1
    client: Literal["ours", "standard", "adaptive"] = "ours"
    told: bool = False
    sizes: tuple[int, ...] = (600,)


@dataclass(slots=True)
class Result:
    """The rounds of a row."""

    seconds: list[float] = field(default_factory=list)
    allowed: list[float] = field(default_factory=list)
    unscored: int = 0
    refused: list[float] = field(default_factory=list)

    @property
    def ratio(self) -> float:
        """The time that was taken over the time that the quota allows."""
        pairs = zip(self.seconds, self.allowed, strict=True)
        return statistics.median(taken / allowed for taken, allowed in pairs)


ROWS = (
    Row("quota, not told", _QUOTA, CALLS),
    Row("quota, not told", _QUOTA, CALLS, workers=2),
    Row("quota, told", _QUOTA, CALLS, told=True),
    Row("quota, told", _QUOTA, CALLS, workers=2, told=True),
    Row("tokens, not told", _TOKENS, CALLS, sizes=MIXED),
    Row("30 % at random", _RANDOM, 960),
    Row("30 % at random", _RANDOM, 1920, workers=2),
)
BOTOCORE = (
    Row("quota, botocore standard", _QUOTA, CALLS, client="standard"),
    Row("quota, botocore adaptive", _QUOTA, CALLS, client="adaptive"),
    Row("quota, botocore adaptive", _QUOTA, CALLS, workers=2, client="adaptive"),
    Row("random, botocore adaptive", _RANDOM, 320, client="adaptive"),
)
"""What was before and what could have been; measured once."""


def measure(row: Row, result: Result) -> None:
    """One round of a row."""
    seed = len(result.seconds)
    unthrottled = 0.0
    if row.behaviour.throttle:
        calls = UNTHROTTLED_CALLS * row.workers
        plain = replace(row, behaviour=Behaviour(latency=LATENCY), calls=calls, client="ours")
        seconds, _, _ = _run(plain, seed)
        unthrottled = seconds / calls * row.calls
    seconds, answered, stats = _run(row, seed)
    result.seconds.append(seconds)
    result.allowed.append(_allowed(row, stats, unthrottled))
    result.unscored += row.calls - answered
    result.refused.append(stats.throttled / stats.calls)


def _run(row: Row, seed: int) -> tuple[float, int, Stats]:
    judge = StandInJudge(row.behaviour, seed=seed).start()
    per_minute = row.behaviour.requests_per_minute
    work = Work(
        judge.url,
        row.calls,
        client=row.client,
        requests_per_minute=per_minute / row.workers if row.told and per_minute else None,
        sizes=row.sizes,
    )
    try:
        seconds, answered = run(work, row.workers)
    finally:
        judge.stop()
    return seconds, answered, judge.stats


def _allowed(row: Row, stats: Stats, unthrottled: float) -> float:
    """Seconds that the quota allows: what it holds at first is free, the last call has to end."""
    behaviour = row.behaviour
    if behaviour.requests_per_minute:
        rate = behaviour.requests_per_minute / 60
        return row.calls / rate - behaviour.burst_seconds + LATENCY
    if behaviour.tokens_per_minute:
        rate = behaviour.tokens_per_minute / 60
        tokens = stats.input_tokens + stats.output_tokens
        return tokens / rate - behaviour.burst_seconds + LATENCY
    return unthrottled / (1 - behaviour.throttle)


def _print(results: dict[Row, Result]) -> None:
    heads = ("", "workers", "seconds", "allowed", "ratio", "refused", "unscored")
    print("{:<26}{:>8}{:>9}{:>9}{:>7}{:>9}{:>10}".format(*heads))
    for row, result in results.items():
        seconds, allowed = statistics.median(result.seconds), statistics.median(result.allowed)
        print(
            f"{row.name:<26}{row.workers:>8}{seconds:>9.1f}{allowed:>9.1f}{result.ratio:>7.2f}"
            f"{statistics.median(result.refused):>9.0%}{result.unscored:>10}"
        )


def main(arguments: Sequence[str]) -> None:
    """Measure the rows in turn, so that a slow minute of the machine hits all of them."""
    rounds = int(arguments[0]) if arguments else 3
    results = {row: Result() for row in ROWS + BOTOCORE}
    for number in range(rounds):
        for row in ROWS if number else ROWS + BOTOCORE:
            measure(row, results[row])
            print(f"{row.name}, {row.workers}: {results[row].seconds[-1]:.1f} s", file=sys.stderr)
    _print(results)
    ours = {
        f"{row.name}, {row.workers}": {
            "ratio": round(result.ratio, 3),
            "refused": round(statistics.median(result.refused), 2),
            "unscored": result.unscored,
        }
        for row, result in results.items()
        if row in ROWS
    }
    print(json.dumps(ours))


if __name__ == "__main__":
    main(sys.argv[1:])
