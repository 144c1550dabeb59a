"""One way to log and score, as a process that is told by lines on stdin what to do.

Its clock runs inside the process, so starting it and its imports do not count. Imported by
environments that have little in common: only the standard library is used here.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from typing import Any, TypedDict


class Order(TypedDict):
    """What to do: log and score the records of a capture file into an experiment.

    `criteria` are names with what `scorers.yaml` says of them, see `criteria`; `judging` and
    `concurrency` (judge calls in flight) are for our own way, which has a choice.
    """

    captures: str
    experiment: str
    mlflow: str
    model: str
    criteria: dict[str, Any]
    judging: str
    concurrency: int


class Outcome(TypedDict):
    """How long it took on the clock, and how much of a core's time the process used meanwhile."""

    seconds: float
    cpu_seconds: float


class Clock:
    """Measures the block it is the context of."""

    def __enter__(self) -> Clock:
        self._started = time.monotonic(), time.process_time()
        return self

    def __exit__(self, *_: object) -> None:
        wall, cpu = self._started
        self.outcome: Outcome = {
            "seconds": time.monotonic() - wall,
            "cpu_seconds": time.process_time() - cpu,
        }


def serve(do: Callable[[Order], Outcome]) -> None:
    """Answer every order, a line of JSON, with what `do` makes of it, until stdin ends."""
    # Whatever libraries print goes to stderr; the answers have the real stdout to themselves.
    with os.fdopen(os.dup(sys.stdout.fileno()), "w") as answers:
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
        for line in sys.stdin:
            answers.write(json.dumps(do(json.loads(line))) + "\n")
            answers.flush()
