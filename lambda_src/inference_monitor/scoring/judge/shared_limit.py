"""A rate limit that all instances of the function share."""

from __future__ import annotations

import logging
import math
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


SLICE_SECONDS = 0.2
"""The most that is booked at once, unless a call needs more: a few bookings a second, by all
instances together while they wait for each other, by each one while nobody has to wait."""

_KEPT_SECONDS = 1.0
_TRIFLE_SECONDS = 1e-6  # what rounding leaves, and no clock shows


class SharedLimit:
    """Books units of a quota ahead of the calls that use them, as many as are wanted right now.

    What a call used other than expected is left to the next one, or taken from it. What nobody uses
    within a second after its slot is gone: it was the quota of a time that is over.
    """

    def __init__(
        self, name: str, per_minute: float, slots: Slots, clock: Callable[[], float]
    ) -> None:
        self._name = name
        self._rate = per_minute / 60
        self._slots = slots
        self._clock = clock
        self._lock = threading.Lock()
        self._units = 0.0  # booked and not used; below 0, used and not booked
        self._booked_until = clock()  # the end of our last slot
        self._gone_at = float("-inf")
        self._booked_at = clock()  # when we booked last
        self._used = 0.0  # since then
        self._others_wait = False  # as of then

    def book(self, units: float, waiting: float, within: float | None) -> bool:
        """Have at least so many units, now or soon. One thread at a time: it may ask a server.

        Args:
            units: What the next call needs.
            waiting: What all calls need that wait for their turn, the next one included.
            within: Seconds after which its turn would come too late.

        Returns:
            False if it would come too late; then nothing is booked.
        """
        with self._lock:
            now = self._clock()
            if now > self._gone_at:
                self._units = min(self._units, 0.0)
            # Somebody is about to use them.
            self._gone_at = max(self._gone_at, now + _KEPT_SECONDS)
            before = self._units
            wanted = self._wanted(units - before, waiting - before, now)
        if before >= units:
            return True
        latest = None if within is None else within + before / self._rate
        delay = self._slots.book(self._name, wanted / self._rate, latest)
        if delay is None:
            return False
        with self._lock:
            now = self._clock()
            self._units += wanted
            self._booked_until = now + delay + wanted / self._rate
            if before < 0:
                # The time that our debt takes is booked for it, but we have waited already.
                self._booked_until -= min(-before / self._rate, now - self._booked_at)
            self._gone_at = max(now, self._booked_until) + _KEPT_SECONDS
            self._booked_at, self._used, self._others_wait = now, 0.0, delay > 0
        return True

    def wait(self) -> float:
        """Seconds until something may be used: what is booked is spread over its time."""
        with self._lock:
            wait = self._booked_until - self._units / self._rate - self._clock()
        return wait if wait > _TRIFLE_SECONDS else 0.0

    def use(self, units: float) -> None:
        """Use so many of the units that are booked."""
        with self._lock:
            self._units -= units
            self._used += units

    def correct(self, units: float) -> None:
        """A call used so many units more than was expected; below 0, so many fewer."""
        with self._lock:
            self._units -= units
            self._gone_at = max(self._gone_at, self._clock() + _KEPT_SECONDS)

    def _wanted(self, missing: float, waiting: float, now: float) -> float:
        """What is missing, and what will be used soon besides, up to a slice of the quota."""
        soon = waiting
        if not self._others_wait:
            # As fast as since the last booking; up to twice as much, so that little is wasted
            # where that was the beginning of a small file.
            growth = SLICE_SECONDS / max(now - self._booked_at, SLICE_SECONDS / 2)
            soon = max(soon, self._used * growth)
        return max(missing, float(math.floor(min(soon, self._rate * SLICE_SECONDS))))
