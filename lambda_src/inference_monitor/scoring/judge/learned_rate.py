"""A rate that nobody has told us, learned from what the judge refuses.

Under a quota some calls are refused and the rest is answered at the quota's own rate. So the rate
is set to what was answered, instead of being guessed by halving. A judge may also refuse a share of
the calls at any rate; slowing down then only costs time, which a test after each cut finds out.

Nothing here waits, locks or reads a clock: `Pace` does. What the numbers were chosen by is in
docs/decisions/0010-our-own-retries-for-the-judge.md.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass

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
