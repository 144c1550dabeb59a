"""How fast a judge is called: a set limit, or a rate learned from throttling."""

from __future__ import annotations

import math
import random
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from inference_monitor.scoring.judge.shared_limit import LocalSlots, SharedLimit, Slots


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


_OUTCOMES = 32  # as many of the latest calls tell what share is refused
_FEWEST_REFUSED = 5  # of these; fewer may be chance
_TOLERATED = 0.12  # asking for a little more than there is, is how one learns that there is more
_OURS = 0.5  # a judge that refuses more than this is in earnest, whatever a test has said
_PLENTY, _GAIN = 20, 1.03  # after so many answers in a row each further one raises the rate
_CUT = 0.95  # of the rate that was answered
_WINDOW_SECONDS = 3.0  # in which answers are counted for that rate
_FIRST_LOOK_SECONDS = 1.5  # from the first refusal, until answers have come that can be counted
_FORGET_SECONDS = 30.0
_FLOOR = 0.02  # calls a second, under repeated cuts by a judge that refuses everything
_FIRST_HOLD_SECONDS, _LONGEST_HOLD_SECONDS = 30.0, 120.0


@dataclass(slots=True)
class _Test:
    """What became of the calls sent after a cut; `earlier` ones were in flight then."""

    before: float
    earlier: int
    outcomes: int = 0
    refused: int = 0

    @property
    def share(self) -> float:
        return self.refused / self.outcomes

    @property
    def over(self) -> bool:
        """Whether more outcomes would hardly change the finding."""
        few = (self.refused == 0 and self.outcomes >= 10) or (
            self.refused == 1 and self.outcomes >= 16
        )
        many = self.refused >= 8 and self.share > _OURS
        return few or many or self.outcomes >= _OUTCOMES


class LearnedRate:
    """Tokens a second, from the outcomes of calls; none until too many calls are refused."""

    def __init__(self) -> None:
        self._low: float | None = None  # the rate after the last cut, which was
        self._cut_at = 0.0
        self._test: _Test | None = None
        self._latest: deque[bool] = deque(maxlen=_OUTCOMES)  # refused or not
        self._recent: deque[bool] = deque(maxlen=_OUTCOMES)  # of these, since the last cut
        self._answers: deque[tuple[float, int]] = deque(maxlen=2 * _OUTCOMES)
        self._call_tokens = 1.0  # of a usual call
        self._in_flight = 0
        self._in_a_row = 0  # answers since the last refusal
        self._widest = 1  # calls ever in flight at once
        self._sent_first: float | None = None
        self._refused_first = float("-inf")
        self._held_until = float("-inf")
        self._hold = _FIRST_HOLD_SECONDS

    def at(self, now: float) -> float | None:
        """The rate to send at; None for no limit.

        It grows from the last cut on, ever faster, and with answers that no refusal interrupts. A
        small share of a quota grows by more of itself than a large one, and a large one meets more
        refusals: so instances come to equal shares.
        """
        if self._low is None:
            return None
        seconds = now - self._cut_at
        step = math.sqrt(self._low * self._widest * self._call_tokens)
        return self._low + step * (seconds / 50 + seconds**3 / 2000)

    @property
    def mostly_refused(self) -> bool:
        """Whether most of the latest calls were refused."""
        return sum(self._latest) > len(self._latest) * _OURS

    def sent(self, tokens: int, now: float) -> None:
        """A call of about so many tokens leaves."""
        if self._sent_first is None:
            self._sent_first = now
        self._in_flight += 1
        self._widest = max(self._widest, self._in_flight)
        self._call_tokens += (tokens - self._call_tokens) / 10

    def failed(self) -> None:
        """A call has ended in a way that says nothing of a quota."""
        self._in_flight = max(0, self._in_flight - 1)

    def answered(self, tokens: int, now: float) -> None:
        """A call of about so many tokens was answered."""
        self._answers.append((now, tokens))
        self._ended(refused=False, now=now)

    def refused(self, now: float) -> None:
        """A call was throttled."""
        self._ended(refused=True, now=now)

    def _ended(self, *, refused: bool, now: float) -> None:
        self.failed()
        self._latest.append(refused)
        self._recent.append(refused)
        self._in_a_row = 0 if refused else self._in_a_row + 1
        if self._low is not None and self._in_a_row > _PLENTY:
            self._low *= _GAIN
        if test := self._test:
            if test.earlier:
                test.earlier -= 1
                return
            test.outcomes += 1
            test.refused += refused
            if test.over:
                self._conclude(test, now)
        elif refused and self._too_many_refused(now):
            self._slow_down(sum(self._recent) / len(self._recent), now)

    def _too_many_refused(self, now: float) -> bool:
        refused, outcomes = sum(self._recent), len(self._recent)
        if now < self._held_until:
            return outcomes == _OUTCOMES and self.mostly_refused
        if self._low is None:
            if now - self._refused_first > _FORGET_SECONDS:
                self._refused_first = now
            if now - self._refused_first < _FIRST_LOOK_SECONDS:
                return False
        return refused >= _FEWEST_REFUSED and refused >= _TOLERATED * outcomes

    def _conclude(self, test: _Test, now: float) -> None:
        self._test = None
        as_before = test.before / 2 <= test.share <= min(_OURS, 2 * test.before)
        if test.share < _TOLERATED:
            self._hold = _FIRST_HOLD_SECONDS
        elif as_before and test.outcomes >= _OUTCOMES:
            # It is not our rate that calls are refused for.
            self._low = None
            self._held_until = now + self._hold
            self._hold = min(2 * self._hold, _LONGEST_HOLD_SECONDS)
        else:
            self._slow_down(test.share, now)

    def _slow_down(self, share: float, now: float) -> None:
        before, answered = self.at(now), self._answered_rate(now)
        low = _CUT * answered or (before or self._widest * self._call_tokens) / 2
        if before is not None:
            low = min(low, _CUT * before)
        self._low = max(low, _FLOOR * self._call_tokens)
        self._cut_at = now
        self._recent.clear()
        self._test = _Test(share, earlier=self._in_flight)

    def _answered_rate(self, now: float) -> float:
        start = max(now - _WINDOW_SECONDS, self._sent_first or 0.0)
        if len(self._answers) == self._answers.maxlen:
            start = max(start, self._answers[0][0])
        tokens = sum(tokens for answered_at, tokens in self._answers if answered_at > start)
        return tokens / max(now - start, 0.1)


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
