"""What became of a batch: every record is tried, and told apart by what went wrong with it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from inference_monitor.errors import PermanentWriteError, TransientError

_Result = TypeVar("_Result")
_GIVE_UP_AFTER = 16
"""So many failures in one batch are the server's own: the rest is left to the retry, which a server
that hangs would otherwise turn into minutes of timeouts."""


class Outcome:
    """Collects what single records raise. Safe to use from several threads."""

    def __init__(self) -> None:
        self._refused: dict[str, str] = {}
        self._failed: dict[str, str] = {}

    @property
    def is_clean(self) -> bool:
        """Whether nothing has gone wrong so far."""
        return not self._refused and not self._failed

    def is_sound(self, trace_id: str) -> bool:
        """Whether nothing has gone wrong with one record."""
        return trace_id not in self._refused and trace_id not in self._failed

    def attempt(self, trace_id: str, action: Callable[[], _Result]) -> _Result | None:
        """Do something for one record; a refusal or a failure is kept, and gives None."""
        if len(self._failed) >= _GIVE_UP_AFTER:
            self._failed[trace_id] = "not tried after so many failures"
            return None
        try:
            return action()
        except PermanentWriteError as error:
            self._refused[trace_id] = str(error)
        except TransientError as error:
            self._failed[trace_id] = str(error)
        return None

    def refusals(self) -> dict[str, str]:
        """Trace id to reason of the records that are refused for good.

        Raises:
            TransientError: If others failed only for now.
        """
        if self._failed:
            first = next(iter(self._failed.values()))
            raise TransientError(f"{len(self._failed)} traces not written yet: {first}")
        return self._refused
