"""What was measured, and the figures that are made of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from statistics import median


class Way(StrEnum):
    """The ways to log and score that are compared."""

    REFERENCE = "reference method"
    PANEL = "ours, panel"
    EACH = "ours, each"


@dataclass(frozen=True, slots=True)
class Measured:
    """One run: all counts are those of the servers, and of the whole run.

    `again` is True for a second delivery of the same records. `in_flight` is the most judge calls
    at once, `scored` how many traces have all their scores afterwards. `cpu_seconds` are those of
    the worker, `server_cpu_seconds` those of MLflow.
    """

    way: Way
    again: bool
    records: int
    scored: int
    seconds: float
    cpu_seconds: float
    server_cpu_seconds: float
    judge_calls: int
    input_tokens: int
    output_tokens: int
    in_flight: int
    requests: int
    writes: int


@dataclass(frozen=True, slots=True)
class Rounds:
    """All runs of a comparison."""

    runs: Sequence[Measured]

    def of(self, way: Way, *, again: bool = False) -> list[Measured]:
        """The runs of a way, or its second deliveries."""
        return [run for run in self.runs if run.way == way and run.again == again]

    def median(self, way: Way, value: Callable[[Measured], float], *, again: bool = False) -> float:
        """The median over the rounds."""
        return median(value(run) for run in self.of(way, again=again))

    def speedup(self, way: Way) -> float:
        """How many times faster than the reference's method."""
        theirs = self.median(Way.REFERENCE, lambda run: run.seconds)
        return theirs / self.median(way, lambda run: run.seconds)

    def figures(self) -> dict[str, float]:
        """The figures of the comparison; of second deliveries, the worst run of all."""
        ours = [*self.of(Way.PANEL, again=True), *self.of(Way.EACH, again=True)]
        tokens = {
            way: self.median(way, lambda run: run.input_tokens / run.records)
            for way in (Way.PANEL, Way.REFERENCE)
        }
        calls = self.median(Way.PANEL, lambda run: run.judge_calls / run.records)
        requests = self.median(Way.PANEL, lambda run: run.requests / run.records)
        return {
            "speedup_panel": round(self.speedup(Way.PANEL), 2),
            "speedup_each": round(self.speedup(Way.EACH), 2),
            "judge_calls_per_record": round(calls, 3),
            "mlflow_requests_per_record": round(requests, 3),
            "judge_input_tokens_ratio": round(tokens[Way.PANEL] / tokens[Way.REFERENCE], 3),
            "redelivery_judge_calls": max(run.judge_calls for run in ours),
            "redelivery_writes": max(run.writes for run in ours),
        }

    def line(self) -> str:
        """The figures as one line of JSON."""
        return json.dumps(self.figures())
