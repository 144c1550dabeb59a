"""When each request of a load test is due."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """`count` requests at `rate` per second, after a linear ramp from zero of `ramp` seconds."""

    rate: float
    count: int
    ramp: float = 0.0

    @classmethod
    def lasting(cls, seconds: float, *, rate: float, ramp: float = 0.0) -> Self:
        """All requests that are due within `seconds`, at least one."""
        if seconds < ramp:
            requests = rate * seconds**2 / (2 * ramp)
        else:
            requests = rate * (seconds - ramp / 2)
        return cls(rate=rate, count=max(math.ceil(requests), 1), ramp=ramp)

    def due(self, number: int) -> float:
        """Seconds from the start at which a request is due; the first has the number 0."""
        if number < self.rate * self.ramp / 2:
            return math.sqrt(2 * number * self.ramp / self.rate)
        return self.ramp / 2 + number / self.rate
