"""Stops asking a judge that is down."""

from __future__ import annotations

import logging
from threading import Lock

logger = logging.getLogger(__name__)


class Breaker:
    """Opens when a judge did not answer several times in a row, for the rest of a batch.

    Each unanswered call costs its timeouts and retries; the batch comes back anyway.
    """

    def __init__(self, give_up_after: int) -> None:
        self._give_up_after = give_up_after
        self._failures = 0
        self._lock = Lock()

    @property
    def open(self) -> bool:
        """Whether the judge is not to be asked any more."""
        return self._failures >= self._give_up_after

    def answered(self) -> None:
        """The judge said something."""
        with self._lock:
            if not self.open:  # late answers of calls already in flight do not close it again
                self._failures = 0

    def failed(self, reason: str) -> None:
        """The judge could not be asked."""
        with self._lock:
            self._failures += 1
            if self._failures == self._give_up_after:
                logger.warning("judge unavailable (%s): the rest of the batch is pending", reason)
