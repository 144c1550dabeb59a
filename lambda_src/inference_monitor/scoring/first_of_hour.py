"""The first N inferences of each hour, of a variant: judged whatever the sample says.

Which inference comes first is known only once it has come, and several workers see different ones.
So the ids of those that were let in are kept in one set for each hour. An id in the set is let in
again, so that a redelivery judges the same inferences.
"""

from __future__ import annotations

from collections import OrderedDict
from datetime import UTC, datetime
from typing import Protocol

# Records of one file are of one hour or a few; each set may take some 100 KB.
_REMEMBERED = 64


class FirstOfHour(Protocol):
    """Who was among the first of an hour, as the scorers see it. Called from several threads."""

    def admit(
        self, endpoint: str, variant: str | None, hour: datetime, limit: int, trace_id: str
    ) -> bool:
        """Whether an inference is, or now becomes, one of the first `limit` of its hour to arrive.

        Args:
            endpoint: The endpoint of the inference.
            variant: Its production variant, None when that is unknown.
            hour: Any time in the hour; that of the inference, not of its delivery.
            limit: How many, up to `conditions.MOST_PER_HOUR`. Another limit keeps another set.
            trace_id: The identity of the inference.

        Raises:
            TransientError: If nobody can tell.
        """


class IdSets(Protocol):
    """Sets of ids that all workers share; TransientError when nobody can tell."""

    def join(self, counter: str, identity: str, at_most: int) -> frozenset[str] | None:
        """Put an id into a set; None when it is in, the whole set when that is full without it."""


class CountedFirstOfHour:
    """Keeps the sets, and remembers those that are full: they change no more."""

    def __init__(self, sets: IdSets) -> None:
        self._sets = sets
        self._full: OrderedDict[str, frozenset[str]] = OrderedDict()

    def admit(
        self, endpoint: str, variant: str | None, hour: datetime, limit: int, trace_id: str
    ) -> bool:
        """Look into the full set of the hour, else try to join it."""
        if limit < 1:
            return False
        name = f"{hour.astimezone(UTC):%Y-%m-%dT%H}#{limit}"
        counter = f"first#{endpoint}#{variant or ''}#{name}"
        full = self._full.get(counter)
        if full is None:
            full = self._sets.join(counter, trace_id, limit)
            if full is None:
                return True
            self._full[counter] = full
            while len(self._full) > _REMEMBERED:
                self._full.popitem(last=False)
        return trace_id in full
