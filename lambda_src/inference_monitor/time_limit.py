"""A bound on the time a computation may take."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def cpu_limit(seconds: float) -> Iterator[None]:
    """Raise TimeoutError in this block once the process has used so much CPU time in it.

    It also ends a regular expression that does not come to an end: `re` looks for signals while it
    matches. CPU time, because a function that is frozen or starved is not to blame. Signals reach
    the main thread only, where Lambda runs the handler; in another thread there is no limit.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    previous = signal.signal(signal.SIGVTALRM, _expired)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, previous)


def _expired(_number: int, _frame: FrameType | None) -> None:
    raise TimeoutError
