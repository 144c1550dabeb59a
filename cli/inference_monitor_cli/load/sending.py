"""Send requests when they are due, a bounded number at a time."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from threading import Event

from botocore.exceptions import BotoCoreError, ClientError

from inference_monitor.aws_errors import code_of
from inference_monitor_cli.load.schedule import Schedule
from inference_monitor_cli.load.targets import Target


@dataclass(frozen=True, slots=True)
class Clock:
    """Seconds that only grow, and how to let some pass."""

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """One request, in seconds of the clock.

    `started` is when it was sent, `ended` when its answer or error was there, `late` how long after
    it was due it was sent. `error` is AWS's code, or the class of botocore's error; None if it was
    answered.
    """

    inference_id: str
    started: float
    ended: float
    late: float
    error: str | None = None


@dataclass(kw_only=True)
class Sender:
    """Sends the bodies in turn; inference ids are `<run>-<number>`.

    Setting `stopped` from another thread ends it before the next request.
    """

    target: Target
    bodies: Sequence[bytes]
    run: str
    concurrency: int
    clock: Clock = field(default_factory=Clock)
    stopped: Event = field(default_factory=Event)

    def send(self, schedule: Schedule, show: Callable[[Sent], None]) -> list[Sent]:
        """Send everything, and call `show` after each request.

        A request that finds all `concurrency` places taken waits, which its `late` says.
        """
        begun = self.clock.now()
        done: list[Sent] = []
        running: set[Future[Sent]] = set()

        def settle(finished: set[Future[Sent]]) -> None:
            for future in finished:
                done.append(future.result())
                show(done[-1])

        with ThreadPoolExecutor(self.concurrency) as pool:
            for number in range(schedule.count):
                due = begun + schedule.due(number)
                if (early := due - self.clock.now()) > 0:
                    self.clock.sleep(early)
                if len(running) >= self.concurrency:
                    finished, running = wait(running, return_when=FIRST_COMPLETED)
                    settle(finished)
                if self.stopped.is_set():
                    break
                running.add(pool.submit(self._send_one, number, due))
            settle(wait(running).done)
        self.target.close()
        return sorted(done, key=lambda sent: sent.started)

    def _send_one(self, number: int, due: float) -> Sent:
        inference_id = f"{self.run}-{number}"
        started, error = self.clock.now(), None
        try:
            self.target.send(inference_id, self.bodies[number % len(self.bodies)])
        except ClientError as refused:
            error = code_of(refused)
        except BotoCoreError as failed:
            error = type(failed).__name__
        return Sent(
            inference_id=inference_id,
            started=started,
            ended=self.clock.now(),
            late=max(started - due, 0.0),
            error=error,
        )
