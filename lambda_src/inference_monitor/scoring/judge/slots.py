"""The time of a quota, handed out in slots: who may use a rate when, among all who share it.

A quota of so many units a second is one line of time. Whoever wants some units books the seconds
that they take, behind everything that is booked: one number, the end of what is booked, is all that
has to be shared (the generic cell rate algorithm). So the rate holds for everybody together, one
alone gets all of it, several take turns, and nobody has to know how many there are.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Protocol

from inference_monitor.errors import TransientError

logger = logging.getLogger(__name__)

BURST_SECONDS = 1.0
"""So much of a quota may be used at once after a lull."""

_SHARE = 0.1  # as if there were as many instances as the default of MAP_MAX_CONCURRENCY
_RETRY_SECONDS = 30.0


class Slots(Protocol):
    """Books the time of quotas, each known by a name. Called from several threads at once."""

    def book(self, quota: str, seconds: float, within: float | None) -> float | None:
        """Book some seconds of a quota.

        Returns:
            In how many seconds they begin, 0 or less for now; None, and nothing is booked, if that
            would be later than `within`.

        Raises:
            TransientError: If nobody can tell.
        """


class LocalSlots:
    """Slots of one process."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._booked_until: dict[str, float] = {}
        self._lock = threading.Lock()

    def book(self, quota: str, seconds: float, within: float | None) -> float | None:
        """Book behind what is booked, or from a burst ago on where nothing is."""
        with self._lock:
            now = self._clock()
            earliest = now - BURST_SECONDS
            start = max(self._booked_until.get(quota, earliest), earliest)
            if within is not None and start > now + within:
                return None
            self._booked_until[quota] = start + seconds
            return start - now


class SharedSlots:
    """Slots that all instances share; while these do not answer, a small part for this one alone.

    Asking a little too slowly for a while is better than not at all, or than each instance using
    the whole quota.
    """

    def __init__(self, shared: Slots, clock: Callable[[], float] = time.monotonic) -> None:
        self._shared = shared
        self._own = LocalSlots(clock)
        self._clock = clock
        self._alone_until = float("-inf")

    def book(self, quota: str, seconds: float, within: float | None) -> float | None:
        """Book in common where that is possible; never raises TransientError."""
        if self._clock() >= self._alone_until:
            try:
                return self._shared.book(quota, seconds, within)
            except TransientError as error:
                self._alone_until = self._clock() + _RETRY_SECONDS
                logger.warning(
                    "the judge is asked at %d %% of its %s quota: %s", 100 * _SHARE, quota, error
                )
        return self._own.book(quota, seconds / _SHARE, within)
