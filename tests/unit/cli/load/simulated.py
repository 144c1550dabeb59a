"""A clock that moves only when somebody sleeps, and a monitor with a limited capacity."""

from __future__ import annotations

from inference_monitor_cli.load.following import Outcome
from inference_monitor_cli.load.schedule import Schedule
from inference_monitor_cli.load.sending import Clock, Sent


class FakeTime:
    """Seconds since its beginning."""

    def __init__(self) -> None:
        self.seconds = 0.0

    @property
    def clock(self) -> Clock:
        """The clock to pass in."""
        return Clock(lambda: self.seconds, self.sleep)

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.seconds += seconds


def monitored(
    rate: float, *, seconds: float = 60.0, capacity: float = 10.0, file_seconds: float = 5.0
) -> Outcome:
    """A run through a monitor that writes `capacity` traces a second.

    Captures are written in files, every `file_seconds`; what is in one file waits for its end.
    """
    schedule = Schedule.lasting(seconds, rate=rate)
    sent, seen, free_at = [], {}, 0.0
    for number in range(schedule.count):
        at = schedule.due(number)
        sent.append(Sent(inference_id=str(number), started=at, ended=at, late=0.0))
        written = (at // file_seconds + 1) * file_seconds
        free_at = max(free_at, written) + 1 / capacity
        seen[str(number)] = free_at
    return Outcome(sent, seen)
