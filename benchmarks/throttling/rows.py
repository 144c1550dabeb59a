"""Which ways to ask are measured under which quota, and what is measured of each."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self

from benchmarks.throttling.workers import Done, Way, Work, run
from local.judge.server import Behaviour, StandInJudge, Stats

LATENCY = 0.5
CALLS = 300
CALLS_A_SECOND = 10
TOKENS_A_SECOND = 8_000
TOKEN_CALLS = 200
MIXED = (200, 400, 800, 1600)  # tokens of the prompts, in turn
TENTH_CALLS = 40
THROTTLED = 0.3
UNTHROTTLED_CALLS = 320  # of each file, for the time that a call takes on this machine now
SHORTER = 3

_QUOTA = Behaviour(latency=LATENCY, requests_per_minute=60 * CALLS_A_SECOND)
_TOKENS = Behaviour(latency=LATENCY, tokens_per_minute=60 * TOKENS_A_SECOND)
_RANDOM = Behaviour(latency=LATENCY, throttle=THROTTLED)


@dataclass(slots=True)
class Result:
    """The rounds of a row."""

    seconds: list[float] = field(default_factory=list)
    allowed: list[float] = field(default_factory=list)
    throttled: list[float] = field(default_factory=list)
    fairness: list[float] = field(default_factory=list)
    unscored: int = 0


@dataclass(frozen=True, slots=True)
class Row:
    """A way to ask, under a behaviour of the judge; `calls` are those of all files together."""

    name: str
    way: Way
    behaviour: Behaviour
    calls: int
    files: int = 1
    sizes: tuple[int, ...] = (600,)

    def shorter(self) -> Self:
        """The same with fewer calls."""
        return replace(self, calls=self.calls // SHORTER)

    def figures(self, result: Result) -> dict[str, Any]:
        """The medians of the rounds.

        `quota_used` is the time that the quota allows over the time that was taken, `fairness` what
        the slowest file had got, compared with the fastest one, when that was done.
        """
        pairs = zip(result.allowed, result.seconds, strict=True)
        return {
            "way": self.name,
            "files": self.files,
            "seconds": round(statistics.median(result.seconds), 1),
            "allowed": round(statistics.median(result.allowed), 1),
            "quota_used": round(statistics.median(a / taken for a, taken in pairs), 3),
            "throttled": round(statistics.median(result.throttled), 3),
            "fairness": round(statistics.median(result.fairness), 3),
            "unscored": result.unscored,
        }


PAIRED = (
    *(
        Row(f"requests, {way}", way, _QUOTA, CALLS, files)
        for files in (1, 2, 10)
        for way in ("shared", "learned")
    ),
    Row("requests, a tenth for each", "tenth", _QUOTA, TENTH_CALLS),
    *(
        Row(f"tokens, {way}", way, _TOKENS, TOKEN_CALLS, files, MIXED)
        for files in (1, 2, 10)
        for way in ("shared", "learned")
    ),
)
"""Limits that are told and shared, beside rates that each instance learns; and what was before."""

RANDOM = tuple(Row("30 % at random, learned", "learned", _RANDOM, 480 * n, n) for n in (1, 2))
BOTOCORE = (
    Row("requests, botocore standard", "standard", _QUOTA, CALLS),
    Row("requests, botocore adaptive", "adaptive", _QUOTA, CALLS),
    Row("requests, botocore adaptive", "adaptive", _QUOTA, CALLS, files=2),
    Row("random, botocore adaptive", "adaptive", _RANDOM, 320),
)


def measure(row: Row, result: Result, dynamodb: str) -> None:
    """One round of a row."""
    seed = len(result.seconds)
    unthrottled = 0.0
    if row.behaviour.throttle:
        plain = replace(
            row, way="learned", behaviour=Behaviour(latency=LATENCY), calls=UNTHROTTLED_CALLS
        )
        done, _ = _run(plain, seed, dynamodb)
        unthrottled = _seconds(done) / plain.calls * row.calls
    done, stats = _run(row, seed, dynamodb)
    result.seconds.append(_seconds(done))
    result.allowed.append(_allowed(row, stats, unthrottled))
    result.throttled.append(stats.throttled / stats.calls)
    result.fairness.append(_fairness(done))
    result.unscored += row.calls // row.files * row.files - sum(len(d.answered_at) for d in done)


def _run(row: Row, seed: int, dynamodb: str) -> tuple[list[Done], Stats]:
    judge = StandInJudge(row.behaviour, seed=seed).start()
    work = Work(
        judge.url,
        dynamodb,
        row.calls // row.files,
        row.way,
        requests_per_minute=row.behaviour.requests_per_minute,
        tokens_per_minute=row.behaviour.tokens_per_minute,
        sizes=row.sizes,
    )
    try:
        return run(work, row.files), judge.stats
    finally:
        judge.stop()


def _seconds(done: Sequence[Done]) -> float:
    return max(each.ended for each in done) - min(each.began for each in done)


def _allowed(row: Row, stats: Stats, unthrottled: float) -> float:
    """Seconds that the quota allows: what it holds at first is free, the last call has to end."""
    behaviour = row.behaviour
    if behaviour.requests_per_minute:
        rate = behaviour.requests_per_minute / 60
        return stats.answered / rate - behaviour.burst_seconds + LATENCY
    if behaviour.tokens_per_minute:
        rate = behaviour.tokens_per_minute / 60
        tokens = stats.input_tokens + stats.output_tokens
        return tokens / rate - behaviour.burst_seconds + LATENCY
    return unthrottled / (1 - behaviour.throttle)


def _fairness(done: Sequence[Done]) -> float:
    first = min(each.ended for each in done)
    parts = [sum(at <= first for at in each.answered_at) for each in done]
    return min(parts) / max(parts)
