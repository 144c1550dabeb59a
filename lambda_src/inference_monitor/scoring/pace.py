"""How fast one function instance may ask the judge, so that it is refused little and wastes little.

Two limits are told by settings (requests and tokens a minute), one is learned from throttles. With
no settings and no throttles there is no limit here beyond the number of threads.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable

from inference_monitor.scoring.learned_rate import LearnedRate
from inference_monitor.scoring.token_bucket import TokenBucket

_PAUSES = (0.05, 2.0)
_PAUSES_WHEN_REFUSED = (1.0, 8.0)
"""The first and the longest, in seconds; each may be twice as long as the one before. The long ones
are for a judge that refuses most calls. Else the learned rate does the slowing."""

_LOOK_AGAIN_SECONDS = 0.25  # the rate may have changed while a thread waits for its turn
_LEARNED_BURST_SECONDS = 0.25


class Pace:
    """The turns of all threads of one function instance; safe to share between them.

    After `admit` every call ends in exactly one of `throttled` and `answered`. Threads wait in
    line: the first one for the clock, the others for the first.
    """

    def __init__(
        self,
        requests_per_minute: float | None = None,
        tokens_per_minute: float | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        chance: Callable[[], float] = random.random,
    ) -> None:
        """Limits are this instance's own share, of what all instances may do together."""
        self._clock, self._sleep, self._chance = clock, sleep, chance
        now = clock()
        self._requests = _bucket(requests_per_minute, now)
        self._tokens = _bucket(tokens_per_minute, now)
        self._learned = LearnedRate()
        self._learned_bucket: TokenBucket | None = None
        self._line = threading.Lock()
        self._lock = threading.Lock()

    def admit(self, tokens: int, deadline: float | None) -> bool:
        """Wait for a turn for a call of about so many tokens.

        Returns:
            False if there is none before the deadline (a `time.monotonic()`); then nothing is used.
        """
        remaining = -1.0 if deadline is None else max(0.0, deadline - self._clock())
        if remaining == 0 or not self._line.acquire(timeout=remaining):
            return False
        try:
            while wait := self._turn(tokens):
                if deadline is not None and self._clock() + wait >= deadline:
                    return False
                self._sleep(min(wait, _LOOK_AGAIN_SECONDS))
            return True
        finally:
            self._line.release()

    def throttled(self) -> None:
        """A call was refused for a quota. Its turn is used up, so that we come to send less."""
        with self._lock:
            self._learned.refused(self._clock())

    def answered(self, estimated_tokens: int, used_tokens: int) -> None:
        """A call has ended; `used_tokens` is 0 when it failed for a reason that is no quota's."""
        with self._lock:
            now = self._clock()
            if used_tokens:
                self._learned.answered(estimated_tokens, now)
            else:
                self._learned.failed()
            if self._tokens is not None:
                self._tokens.fill(now)
                self._tokens.take(used_tokens - estimated_tokens)

    def pause(self, attempt: int, deadline: float | None) -> bool:
        """Wait a random time before attempt `attempt` + 1, longer the more there were.

        Returns:
            False, at once, if the deadline would come first.
        """
        # Any time from zero: calls that were refused together must not come back together.
        seconds = self._chance() * self._longest_pause(attempt)
        if deadline is not None and self._clock() + seconds >= deadline:
            return False
        self._sleep(seconds)
        return True

    def _longest_pause(self, attempt: int) -> float:
        with self._lock:
            mostly_refused = self._learned.mostly_refused
        first, longest = _PAUSES_WHEN_REFUSED if mostly_refused else _PAUSES
        return min(longest, first * 2.0 ** min(attempt - 1, 10))

    def _turn(self, tokens: int) -> float:
        """Take a turn (0), or say how long there is none."""
        with self._lock:
            now = self._clock()
            learned = self._fill_learned(now)
            for told in (self._requests, self._tokens):
                if told is not None:
                    told.fill(now)
            wanted = ((self._requests, 1), (self._tokens, tokens), (learned, tokens))
            limits = [(bucket, amount) for bucket, amount in wanted if bucket is not None]
            if wait := max((bucket.wait() for bucket, _ in limits), default=0.0):
                return wait
            for bucket, amount in limits:
                bucket.take(amount)
            self._learned.sent(tokens, now)
            return 0.0

    def _fill_learned(self, now: float) -> TokenBucket | None:
        rate = self._learned.at(now)
        if rate is None:
            self._learned_bucket = None
        elif self._learned_bucket is None:
            self._learned_bucket = TokenBucket(rate, now, _LEARNED_BURST_SECONDS)
        else:
            self._learned_bucket.fill(now, rate)
        return self._learned_bucket


def _bucket(per_minute: float | None, now: float) -> TokenBucket | None:
    return None if per_minute is None else TokenBucket(per_minute / 60, now)
