"""A hard cap on what judging costs: the price of a call is reserved before the call is made.

Workers that look how much is left, and then ask, all see the same rest and all spend it. A
reservation takes its part out of the rest at once, for everybody. What a call turns out to have
cost replaces what was reserved for it. So the caps can be passed only by what calls in flight cost
more than was reserved for them: at most one call for each worker thread.

A reservation that is never settled, because its worker was ended, stays counted: the cap may then
be reached early, never late.

The cap of the day is released hour by hour, see `caps.released`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Protocol

from inference_monitor.config.caps import Caps, nano, next_release, released
from inference_monitor.errors import JudgeUnavailableError, TransientError

logger = logging.getLogger(__name__)

# How long a refusal is believed without asking again, at most: others may free room meanwhile, and
# the next hour does.
REFUSED_FOR = timedelta(seconds=30)


class Reservation(Protocol):
    """Money set aside for one call."""

    def settle(self, usd: float) -> None:
        """Say what the call really cost, 0 when it was not billed; only the first word counts.

        Leave a call unsettled whose answer never came: it may have been billed.
        """


class Budget(Protocol):
    """What may be spent on judging, as the judge sees it. Called from several threads at once."""

    def reserve(self, usd: float) -> Reservation | None:
        """Set aside what a call is expected to cost; None when there is no room for it now.

        Raises:
            JudgeUnavailableError: If nobody can tell how much is left.
        """


class Amounts(Protocol):
    """Sums that all workers share; TransientError when nobody can tell."""

    def add(self, counter: str, amount: int, at_most: int | None = None) -> bool:
        """Add to a sum in one step; False, and nothing is added, if it would pass `at_most`."""


class Unlimited:
    """No cap; implements `Budget`."""

    def reserve(self, usd: float) -> Reservation:  # noqa: ARG002  # the protocol has it
        """Let every call be made."""
        return _Nothing()


class _Nothing:
    def settle(self, usd: float) -> None:
        """Nobody keeps count."""


def _now() -> datetime:
    return datetime.now(UTC)


class CappedBudget:
    """The caps of one endpoint, for one run (an execution, with all its batches and attempts).

    A refusal is remembered for a while, for calls that cost as much or more, so that the many
    records behind it cost no request each. A settlement that frees room ends it.
    """

    def __init__(
        self,
        amounts: Amounts,
        endpoint: str,
        run: str,
        caps: Caps,
        now: Callable[[], datetime] = _now,
    ) -> None:
        self._amounts = amounts
        self._endpoint = endpoint
        self._run = run
        self._caps = caps
        self._now = now
        # Threads only ever replace it: a lost update costs one request more.
        self._refused: tuple[float, datetime] | None = None

    def reserve(self, usd: float) -> Reservation | None:
        """Set the same amount aside in both caps, or in none."""
        now = self._now()
        if self._is_refused(usd, now):
            return None
        amount, taken = nano(usd), list[str]()
        try:
            for counter, at_most in self._counters(amount, now):
                if not self._amounts.add(counter, amount, at_most=at_most):
                    self._correct(taken, -amount)
                    self._refused = (usd, min(now + REFUSED_FOR, next_release(now)))
                    return None
                taken.append(counter)
        except TransientError as error:
            self._correct(taken, -amount)
            raise JudgeUnavailableError(f"no budget without its counters: {error}") from error
        return _Reserved(self, taken, amount)

    def settle(self, taken: Sequence[str], reserved: int, usd: float) -> None:
        """Put what a call cost in the place of what was reserved for it."""
        difference = nano(usd) - reserved
        self._correct(taken, difference)
        if difference < 0:
            self._refused = None

    def _counters(self, amount: int, now: datetime) -> list[tuple[str, int]]:
        """The sums to be added to and what each may come to now, in nano-dollars."""
        counters: list[tuple[str, int]] = []
        if self._caps.per_run is not None:
            counters.append((f"run#{self._endpoint}#{self._run}", nano(self._caps.per_run)))
        if self._caps.per_day is not None:
            at_most = released(nano(self._caps.per_day), amount, now)
            counters.append((f"day#{self._endpoint}#{now:%Y-%m-%d}", at_most))
        return counters

    def _is_refused(self, usd: float, now: datetime) -> bool:
        if self._refused is None:
            return False
        least, until = self._refused
        return usd >= least and now < until

    def _correct(self, counters: Sequence[str], difference: int) -> None:
        """Correct sums after the fact; a verdict that is paid for is not given up if it fails."""
        for counter in counters if difference else ():
            try:
                self._amounts.add(counter, difference)
            except TransientError as error:
                logger.warning("%s stays %d nano-USD off: %s", counter, difference, error)


class _Reserved:
    def __init__(self, budget: CappedBudget, taken: Sequence[str], amount: int) -> None:
        self._budget = budget
        self._taken = taken
        self._amount = amount
        self._settled = False

    def settle(self, usd: float) -> None:
        """Correct the sums, once."""
        if not self._settled:
            self._settled = True
            self._budget.settle(self._taken, self._amount, usd)
