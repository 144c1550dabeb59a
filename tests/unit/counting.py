"""Sums and sets that several workers share, in memory; as strict about each step as DynamoDB."""

from __future__ import annotations

from dataclasses import dataclass, field
from threading import Lock

from inference_monitor.errors import TransientError


@dataclass
class SharedCounters:
    """An `Amounts` and an `IdSets`. While `down`, nothing answers; `asked` counts the requests."""

    amounts: dict[str, int] = field(default_factory=dict)
    sets: dict[str, set[str]] = field(default_factory=dict)
    down: bool = False
    asked: int = 0
    _lock: Lock = field(default_factory=Lock)

    def add(self, counter: str, amount: int, at_most: int | None = None) -> bool:
        """Add, unless the sum would pass `at_most`."""
        with self._lock:
            self._ask()
            total = self.amounts.get(counter, 0) + amount
            if at_most is not None and total > at_most:
                return False
            self.amounts[counter] = total
            return True

    def join(self, counter: str, identity: str, at_most: int) -> frozenset[str] | None:
        """Put an id into a set, unless that is full without it."""
        with self._lock:
            self._ask()
            ids = self.sets.setdefault(counter, set())
            if identity not in ids and len(ids) >= at_most:
                return frozenset(ids)
            ids.add(identity)
            return None

    def _ask(self) -> None:
        self.asked += 1
        if self.down:
            raise TransientError("counters: no answer")
