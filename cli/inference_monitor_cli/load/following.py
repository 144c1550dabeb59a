"""Follow inferences until MLflow shows a trace of each."""

from __future__ import annotations

from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from inference_monitor_cli.load.schedule import Schedule
from inference_monitor_cli.load.sending import Clock, Sender, Sent

POLL_SECONDS = 1.0
"""How often MLflow is searched: a lag is measured too long by up to this, and the search itself."""


@dataclass
class Follower:
    """Remembers when the trace of each inference was first visible.

    `search` gives the inference ids of the run that have a trace.
    """

    search: Callable[[], Collection[str]]
    clock: Clock = field(default_factory=Clock)
    seen: dict[str, float] = field(default_factory=dict)

    def poll(self) -> None:
        """Search once."""
        found = self.search()
        now = self.clock.now()
        for inference_id in found:
            self.seen.setdefault(inference_id, now)

    def wait_for(
        self, wanted: Collection[str], seconds: float, show: Callable[[int], None]
    ) -> None:
        """Search until all of these have a trace, or for `seconds` since a trace was last new."""
        deadline, before = self.clock.now() + seconds, len(self.seen)
        while True:
            self.poll()
            show(len(self.seen))
            if len(self.seen) > before:
                deadline, before = self.clock.now() + seconds, len(self.seen)
            if all(one in self.seen for one in wanted) or self.clock.now() >= deadline:
                return
            self.clock.sleep(POLL_SECONDS)


@dataclass(frozen=True)
class Outcome:
    """All requests of a run, and when the traces of those that have one were visible."""

    sent: list[Sent]
    seen: dict[str, float]

    @property
    def answered(self) -> list[Sent]:
        """Requests without an error: each has to become a trace."""
        return [one for one in self.sent if one.error is None]

    @property
    def missing(self) -> list[str]:
        """The inference ids of answered requests without a trace."""
        return [one.inference_id for one in self.answered if one.inference_id not in self.seen]

    @property
    def lags(self) -> list[tuple[float, float]]:
        """When each traced inference was answered, and the seconds until its trace was visible."""
        return [
            (one.ended, max(self.seen[one.inference_id] - one.ended, 0.0))
            for one in self.answered
            if one.inference_id in self.seen
        ]

    @property
    def rate(self) -> float:
        """Requests per second that were really sent; 0 if there are fewer than two."""
        if len(self.sent) < 2:  # one request has no rate
            return 0.0
        span = self.sent[-1].started - self.sent[0].started
        return (len(self.sent) - 1) / span if span else 0.0


def run_load(
    sender: Sender,
    follower: Follower,
    schedule: Schedule,
    *,
    wait_seconds: float,
    show: Callable[[int, int], None],
) -> Outcome:
    """Send and follow at the same time, then wait for the traces that are still to come.

    `show` gets how many requests were sent and how many traces were seen. Waiting ends
    `wait_seconds` after the last new trace.
    """
    sent_so_far: list[Sent] = []
    with ThreadPoolExecutor(1) as pool:
        sending = pool.submit(sender.send, schedule, sent_so_far.append)
        try:
            while not sending.done():
                follower.poll()
                show(len(sent_so_far), len(follower.seen))
                follower.clock.sleep(POLL_SECONDS)
        except BaseException:
            sender.stopped.set()  # The pool waits for the thread.
            raise
    sent = sending.result()
    wanted = {one.inference_id for one in sent if one.error is None}
    follower.wait_for(wanted, wait_seconds, lambda seen: show(len(sent), seen))
    return Outcome(sent, dict(follower.seen))
