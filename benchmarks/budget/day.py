"""A simulated day of uneven traffic against a budget that cannot judge all of it.

Which share of an hour's records is judged, when the day's cap is free from midnight on, when it is
that of any 24 hours, and when it is released hour by hour as it is. The clock is simulated; two
days are gone through, and the second one counts.
"""

from __future__ import annotations

import math
import random
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from inference_monitor.config.caps import Caps
from inference_monitor.scoring.cost.budget import Budget, CappedBudget

HOURS = 24
PRICE = 0.02  # of judging a record, USD, expected; the truth is 0.5 to 1.5 times of it
HEAD = "judged, % of an hour's records"
START = datetime(2026, 3, 2, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Traffic:
    """So many records a day, by the weights of its hours, and how many of them the cap pays for."""

    name: str
    records: int
    paid: int
    weights: Sequence[float]

    def arrivals(self, day: datetime, chance: random.Random) -> list[datetime]:
        """When the records of a day come, in order."""
        hours = chance.choices(range(HOURS), self.weights, k=self.records)
        return sorted(day + timedelta(hours=h, seconds=chance.uniform(0, 3600)) for h in hours)


def _peak(at: int) -> list[float]:
    return [0.2 + math.exp(-(((hour - at) / 2.5) ** 2)) for hour in range(HOURS)]


_WORKING_HOURS = [float(8 <= hour < 11) for hour in range(HOURS)]
TRAFFIC = (
    Traffic("even", 1500, 500, [1.0] * HOURS),
    Traffic("morning peak", 1500, 500, _peak(9)),
    Traffic("evening peak", 1500, 500, _peak(20)),
    Traffic("burst at midnight", 1500, 500, [16.0, *[1.0] * (HOURS - 1)]),
    Traffic("small cap, 8 to 11", 60, 20, _WORKING_HOURS),
    Traffic("all paid for, 8 to 11", 60, 100, _WORKING_HOURS),
)


@dataclass(slots=True)
class Clock:
    """The simulated time."""

    time: datetime = START

    def __call__(self) -> datetime:
        """Now."""
        return self.time


@dataclass(slots=True)
class Sums:
    """The `Amounts` of `budget` in memory."""

    amounts: dict[str, int] = field(default_factory=dict)

    def add(self, counter: str, amount: int, at_most: int | None = None) -> bool:
        """Add, unless the sum would pass `at_most`."""
        total = self.amounts.get(counter, 0) + amount
        if at_most is not None and total > at_most:
            return False
        self.amounts[counter] = total
        return True


@dataclass(slots=True)
class Window:
    """A `Budget` for what was spent since some time, which moves on with the clock."""

    now: Clock
    cap: float
    since: Callable[[datetime], datetime]
    spent: deque[tuple[datetime, float]] = field(default_factory=deque)

    def reserve(self, usd: float) -> Window | None:
        """Let a call through if there is room for it."""
        while self.spent and self.spent[0][0] < self.since(self.now()):
            self.spent.popleft()
        return self if sum(usd for _, usd in self.spent) + usd <= self.cap else None

    def settle(self, usd: float) -> None:
        """Count what it cost."""
        self.spent.append((self.now(), usd))


def _midnight(now: datetime) -> datetime:
    return now.replace(hour=0, minute=0, second=0, microsecond=0)


WAYS: Mapping[str, Callable[[Clock, float], Budget]] = {
    "flat": lambda now, cap: Window(now, cap, _midnight),
    "24 h window": lambda now, cap: Window(now, cap, lambda time: time - timedelta(hours=HOURS)),
    "hourly": lambda now, cap: CappedBudget(Sums(), "llm", "run", Caps(per_day=cap), now),
}


def simulate(traffic: Traffic, way: str) -> dict[str, Any]:
    """Two days; of the second one, what share of each hour's records was judged."""
    clock, chance = Clock(), random.Random(7)
    cap = traffic.paid * PRICE
    budget = WAYS[way](clock, cap)
    came, judged, spent = [0] * HOURS, [0] * HOURS, 0.0
    for day in (START, START + timedelta(days=1)):
        came, judged, spent = [0] * HOURS, [0] * HOURS, 0.0
        for clock.time in traffic.arrivals(day, chance):
            came[clock.time.hour] += 1
            if reservation := budget.reserve(PRICE):
                cost = PRICE * chance.uniform(0.5, 1.5)
                reservation.settle(cost)
                judged[clock.time.hour] += 1
                spent += cost
    shares = [j / c if c else None for j, c in zip(judged, came, strict=True)]
    return {
        "traffic": traffic.name,
        "way": way,
        "judged_by_hour": [None if s is None else round(s, 2) for s in shares],
        "judged": round(sum(judged) / sum(came), 3),
        "least_judged_hour": round(min(s for s in shares if s is not None), 2),
        "spent_share_of_cap": round(spent / cap, 3),
    }


def days() -> list[dict[str, Any]]:
    """Every traffic in every way."""
    return [simulate(traffic, way) for traffic in TRAFFIC for way in WAYS]


def table(figures: Sequence[Mapping[str, Any]]) -> list[str]:
    """The lines of a table: percents judged, hour by hour."""
    hours = "".join(f"{hour:4}" for hour in range(HOURS))
    lines = [f"{HEAD:<36}{hours}   all  spent"]
    for row in figures:
        cells = "".join(
            f"{'-' if share is None else round(100 * share):>4}" for share in row["judged_by_hour"]
        )
        lines.append(
            f"{row['traffic']:<23}{row['way']:<13}{cells}{row['judged']:>6.0%}"
            f"{row['spent_share_of_cap']:>7.0%}"
        )
    return lines
