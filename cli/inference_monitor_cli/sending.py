"""Send many things, a bounded number at a time, and keep what could not be sent."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from threading import Event

from inference_monitor_cli.problems import EXPECTED, CommandError, problem


class NotSentError(CommandError):
    """Something was not taken, or not all of it; `sent` says how many of it were."""

    def __init__(self, message: str, sent: int = 0) -> None:
        super().__init__(message)
        self.sent = sent


@dataclass(frozen=True, slots=True)
class Sending:
    """One thing to send; `size` is what it counts for, `send` raises what went wrong."""

    what: str
    send: Callable[[], None]
    size: int = 1


@dataclass(slots=True)
class Plan:
    """What is to be sent again.

    While `sendings` is read, `stays` fills up with what rightly stays where it is, and `unusable`
    with what ought to be sent and cannot be.
    """

    noun: str
    sendings: Iterator[Sending] = field(default_factory=lambda: iter(()))
    stays: list[str] = field(default_factory=list)
    unusable: list[str] = field(default_factory=list)
    close: Callable[[], None] = lambda: None


@dataclass(slots=True)
class Tally:
    """What became of a plan: counts, and a line for each thing that was not sent."""

    sent: int = 0
    not_sent: int = 0
    problems: list[str] = field(default_factory=list)

    def add(self, sending: Sending, error: BaseException | None) -> None:
        """Count one thing."""
        if isinstance(error, EXPECTED):
            sent = error.sent if isinstance(error, NotSentError) else 0
            self.sent += sent
            self.not_sent += max(sending.size - sent, 1)
            self.problems.append(f"{sending.what}: {problem(error)}")
        elif error is not None:
            raise error
        else:
            self.sent += sending.size


def send_all(
    plan: Plan, in_flight: int, show: Callable[[Tally], None], stopped: Event | None = None
) -> Tally:
    """Send everything, at most `in_flight` at once; the plan is read no faster than it is sent.

    `show` is called after each. `stopped` is set when this is interrupted, for those who wait.
    """
    tally = Tally()
    waiting: dict[Future[None], Sending] = {}

    def settle(done: set[Future[None]]) -> None:
        for future in done:
            tally.add(waiting.pop(future), future.exception())
            show(tally)

    with ThreadPoolExecutor(in_flight) as pool:
        try:
            for sending in plan.sendings:
                waiting[pool.submit(sending.send)] = sending
                if len(waiting) >= in_flight:
                    settle(wait(waiting, return_when=FIRST_COMPLETED).done)
            settle(wait(waiting).done)
        except BaseException:
            if stopped:
                stopped.set()
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return tally
