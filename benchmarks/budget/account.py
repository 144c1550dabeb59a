"""What calls cost in truth, beside what was reserved for them."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from itertools import accumulate
from threading import Event, Lock

from benchmarks.budget.traffic import RECORDS
from inference_monitor.config.caps import NANO
from inference_monitor.scoring.cost.budget import Budget, Reservation


@dataclass(frozen=True)
class Call:
    """A call that was let through: when money was asked for and settled for it, and how much."""

    begun: float
    ended: float
    reserved: float
    cost: float


@dataclass
class Account:
    """What calls cost in truth, beside what was reserved for them."""

    calls: list[Call] = field(default_factory=list)
    granted: int = 0
    refused: int = 0
    everybody_asked: Event = field(default_factory=Event)
    lock: Lock = field(default_factory=Lock)

    def asked(self, granted: bool) -> None:
        """A call was let through, or not."""
        with self.lock:
            self.granted += granted
            self.refused += not granted
            if self.granted + self.refused == RECORDS:
                self.everybody_asked.set()

    @property
    def spent_nano(self) -> int:
        """All bills together."""
        return sum(round(call.cost * NANO) for call in self.calls)

    @property
    def most_in_flight(self) -> int:
        """How many calls were reserved and not yet settled, at most."""
        ends = [(c.begun, 1) for c in self.calls] + [(c.ended, -1) for c in self.calls]
        return max(accumulate(change for _, change in sorted(ends)))

    @property
    def greatest_excess(self) -> float:
        """What a call cost beyond its reservation, at most."""
        return max(0.0, *(call.cost - call.reserved for call in self.calls))


@dataclass
class Witness:
    """A budget that is watched."""

    budget: Budget
    account: Account

    def reserve(self, usd: float) -> Reservation | None:
        """Pass on, and keep what comes of it."""
        begun = time.monotonic()
        reservation = self.budget.reserve(usd)
        self.account.asked(reservation is not None)
        return reservation and _Watched(reservation, begun, usd, self.account)


@dataclass
class _Watched:
    reservation: Reservation
    begun: float
    reserved: float
    account: Account

    def settle(self, usd: float) -> None:
        self.reservation.settle(usd)
        call = Call(self.begun, time.monotonic(), self.reserved, usd)
        with self.account.lock:
            self.account.calls.append(call)
