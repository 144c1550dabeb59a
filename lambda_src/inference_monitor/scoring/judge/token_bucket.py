"""A token bucket that may be overdrawn."""

from __future__ import annotations


class TokenBucket:
    """Fills at a rate; whoever finds something in it may take any amount, and it goes below zero.

    So a call that is larger than the bucket waits no longer than others; the next one pays for it.
    Nothing here waits or reads a clock. `seconds` is how long it fills for: what may be sent at
    once after a lull.
    """

    def __init__(self, rate: float, now: float, seconds: float = 1.0) -> None:
        self._rate = rate
        self._seconds = seconds
        self._level = rate * seconds
        self._filled_at = now

    def fill(self, now: float, rate: float | None = None) -> None:
        """Let time pass, at a new rate from now on if one is given."""
        self._level += (now - self._filled_at) * self._rate
        self._filled_at = now
        if rate is not None:
            self._rate = rate
        self._level = min(self._level, self._rate * self._seconds)

    def wait(self) -> float:
        """Seconds until something may be taken; as of the last `fill`."""
        return 0.0 if self._level > 0 else (_TRIFLE - self._level / self._rate)

    def take(self, amount: float) -> None:
        """Take out; a negative amount gives back."""
        self._level -= amount


# So that a bucket is found above zero after the wait, whatever rounding does.
_TRIFLE = 1e-6
