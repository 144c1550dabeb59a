"""Find the rate at which the monitor stops keeping up.

Each step sends at one rate, higher than the last, and waits until its traces are visible. At a rate
above what the monitor can process, a queue builds up: an inference at the end of the step waits
longer than one at its beginning. The step fails when

    (median lag of the second half - median lag of the first half) / half of the step's seconds

is above `GROWTH`, or an inference has no trace. Medians of halves, because inferences of one
capture file become traces together: within a file the lag falls, which the slope of a line through
all of them would pick up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from statistics import median
from typing import Literal

from inference_monitor_cli.load.following import Outcome

GROWTH = 0.1
"""Seconds of lag per second of sending. A monitor that processes 10 of 11 records reaches it."""
REACHED = 0.9
"""The part of a step's rate that has to be sent, or the step says nothing about the monitor."""
MIN_INFERENCES = 8

Verdict = Literal["keeps up", "falls behind", "rate not reached", "errors", "too few inferences"]


@dataclass(frozen=True, slots=True)
class Step:
    """One step: the rate that was wanted, what came of it, and the growth of the lag in s/s."""

    rate: float
    outcome: Outcome
    verdict: Verdict
    growth: float | None


def find_limit(run: Callable[[float], Outcome], rates: Iterator[float]) -> list[Step]:
    """Run steps until one does not keep up; the last of them says why there are no more."""
    steps: list[Step] = []
    for rate in rates:
        steps.append(_judged(rate, run(rate)))
        if steps[-1].verdict != "keeps up":
            break
    return steps


def doubled(first: float, highest: float) -> Iterator[float]:
    """`first`, twice as much, and so on up to `highest`, which is the last."""
    rate = first
    while rate < highest:
        yield rate
        rate *= 2
    yield highest


def growth_of(lags: list[tuple[float, float]]) -> float:
    """Seconds by which the lag grows in a second; `lags` are times with the lag of each.

    0 where all times are the same.
    """
    ordered = sorted(lags)
    first, last = ordered[0][0], ordered[-1][0]
    if first == last:
        return 0.0
    middle = (first + last) / 2
    early = median(lag for at, lag in ordered if at <= middle)
    late = median(lag for at, lag in ordered if at > middle)
    return (late - early) / ((last - first) / 2)


def _judged(rate: float, outcome: Outcome) -> Step:
    if len(outcome.sent) < MIN_INFERENCES:
        return Step(rate, outcome, "too few inferences", None)
    if len(outcome.answered) < REACHED * len(outcome.sent):
        return Step(rate, outcome, "errors", None)
    if outcome.rate < REACHED * rate:
        return Step(rate, outcome, "rate not reached", None)
    if outcome.missing:
        return Step(rate, outcome, "falls behind", None)
    growth = growth_of(outcome.lags)
    return Step(rate, outcome, "falls behind" if growth > GROWTH else "keeps up", growth)
