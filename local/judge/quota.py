"""The stand-in's quota: so many requests and tokens a minute, refused as Bedrock refuses."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable


class Quota:
    """Two token buckets for all callers together; either may be without limit.

    As in Bedrock, the input and all the output that was asked for are taken when a call begins, and
    what was not used is given back at its end. A refused call takes nothing.
    """

    def __init__(
        self,
        requests_per_minute: float | None = None,
        tokens_per_minute: float | None = None,
        burst_seconds: float = 1.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._requests = _Bucket(requests_per_minute, burst_seconds, clock())
        self._tokens = _Bucket(tokens_per_minute, burst_seconds, clock())

    def take(self, tokens: int) -> bool:
        """Take one call of so many tokens; False if there is no room."""
        with self._lock:
            now = self._clock()
            # Tokens may be overdrawn by one call: else one larger than the bucket, which holds a
            # second's worth, would never be answered.
            if self._requests.level(now) < 1 or self._tokens.level(now) <= 0:
                return False
            self._requests.take(1)
            self._tokens.take(tokens)
            return True

    def give_back(self, tokens: int) -> None:
        """Give back what a call has not used."""
        with self._lock:
            self._tokens.level(self._clock())
            self._tokens.take(-tokens)


class _Bucket:
    def __init__(self, per_minute: float | None, burst_seconds: float, now: float) -> None:
        self._rate = None if per_minute is None else per_minute / 60
        self._size = (self._rate or 0.0) * burst_seconds
        self._level = self._size
        self._filled_at = now

    def level(self, now: float) -> float:
        if self._rate is None:
            return float("inf")
        self._level = min(self._size, self._level + (now - self._filled_at) * self._rate)
        self._filled_at = now
        return self._level

    def take(self, amount: float) -> None:
        self._level -= amount
