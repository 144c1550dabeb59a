"""How fast one function instance may ask the judge, so that it is refused little and wastes little.

Two limits are told by settings (requests and tokens a minute, for all instances together), one is
learned from throttles, by each instance for itself. With no settings and no throttles there is no
limit here beyond the number of threads.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable

from inference_monitor.scoring.judge.learned_rate import LearnedRate
from inference_monitor.scoring.judge.shared_limit import SharedLimit
from inference_monitor.scoring.judge.slots import LocalSlots, Slots
from inference_monitor.scoring.judge.token_bucket import TokenBucket

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
        slots: Slots | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        chance: Callable[[], float] = random.random,
    ) -> None:
        """Limits are those of all who book in the same `slots`; this instance alone without."""
        self._clock, self._sleep, self._chance = clock, sleep, chance
        shared = slots or LocalSlots(clock)
        self._requests = _limit("requests", requests_per_minute, shared, clock)
        self._tokens = _limit("tokens", tokens_per_minute, shared, clock)
        self._waiting_calls = self._waiting_tokens = 0
        self._learned = LearnedRate()
        self._learned_bucket: TokenBucket | None = None
        self._line = threading.Lock()
        self._lock = threading.Lock()

    def admit(self, tokens: int, deadline: float | None) -> bool:
        """Wait for a turn for a call of about so many tokens.

        Returns:
            False if there is none before the deadline (a `time.monotonic()`); then nothing is used.
        """
        self._count_waiting(1, tokens)
        try:
            remaining = -1.0 if deadline is None else max(0.0, deadline - self._clock())
            if remaining == 0 or not self._line.acquire(timeout=remaining):
                return False
            try:
                return self._first_in_line(tokens, deadline)
            finally:
                self._line.release()
        finally:
            self._count_waiting(-1, -tokens)

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
        if self._tokens:
            self._tokens.correct(used_tokens - estimated_tokens)

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

    def _count_waiting(self, calls: int, tokens: int) -> None:
        with self._lock:
            self._waiting_calls += calls
            self._waiting_tokens += tokens

    def _first_in_line(self, tokens: int, deadline: float | None) -> bool:
        while self._book(tokens, deadline):
            if not (wait := self._turn(tokens)):
                return True
            if deadline is not None and self._clock() + wait >= deadline:
                return False
            self._sleep(min(wait, _LOOK_AGAIN_SECONDS))
        return False

    def _book(self, tokens: int, deadline: float | None) -> bool:
        """Have room for the call under both limits; False if it would come after the deadline."""
        within = None if deadline is None else deadline - self._clock()
        return all(
            limit.book(units, waiting, within) for limit, units, waiting in self._told(tokens)
        )

    def _told(self, tokens: int) -> list[tuple[SharedLimit, int, int]]:
        """The limits that were told, what a call needs of each, and what all need that wait."""
        both = (
            (self._requests, 1, self._waiting_calls),
            (self._tokens, tokens, self._waiting_tokens),
        )
        return [(limit, units, waiting) for limit, units, waiting in both if limit]

    def _turn(self, tokens: int) -> float:
        """Take a turn (0), or say how long there is none."""
        with self._lock:
            now = self._clock()
            learned = self._fill_learned(now)
            told = self._told(tokens)
            waits = [learned.wait() if learned else 0.0, *(limit.wait() for limit, _, _ in told)]
            if wait := max(waits):
                return wait
            for limit, units, _ in told:
                limit.use(units)
            if learned:
                learned.take(tokens)
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


def _limit(
    name: str, per_minute: float | None, slots: Slots, clock: Callable[[], float]
) -> SharedLimit | None:
    return None if per_minute is None else SharedLimit(name, per_minute, slots, clock)
