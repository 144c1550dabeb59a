"""The monitor as the function runs it: from the bytes of a capture file to the last write.

Run with the interpreter of `.local/venv-lambda`. Only the claims are simpler than the function's:
they are not in DynamoDB, since nobody else is there to claim.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from benchmarks.scoring.criteria import chosen
from benchmarks.scoring.worker import Clock, Order, Outcome, serve
from inference_monitor.capture.lines import iter_lines
from inference_monitor.capture.reader import Entry, read_line
from inference_monitor.config.scorers import load_scorers
from inference_monitor.domain import Delivery
from inference_monitor.inference import Source
from inference_monitor.ledger import Summary
from inference_monitor.scoring.build import SCORERS_FILE, build_scorers
from inference_monitor.scoring.judge.client import bedrock_client
from inference_monitor.scoring.scorers import Scorers
from inference_monitor.service import Monitor
from inference_monitor.traces.store import MlflowTraceStore


class NoOthers:
    """Claims where there is one delivery at a time."""

    def claim(self, trace_ids: Sequence[str], delivery: Delivery) -> set[str]:  # noqa: ARG002
        """All of them are ours."""
        return set(trace_ids)

    def release(self, trace_ids: Sequence[str], delivery: Delivery) -> None:
        """Nobody waits for them."""


class NothingLost:
    """A results bucket to which nothing may come: every record is sound."""

    def quarantine(self, source: Source, lines: Sequence[tuple[Entry, str]]) -> None:
        """Fail."""
        raise AssertionError(f"{source.uri}: {len(lines)} lines in quarantine: {lines[0][1]}")

    def write_ledger(self, source: Source, summary: Summary) -> None:
        """Ledgers are the handler's, not the service's."""


def do(order: Order) -> Outcome:
    """Bring a capture file to MLflow, as one delivery."""
    scorers = _scorers(order["judging"], order["model"], order["concurrency"])
    traces = MlflowTraceStore(order["mlflow"], order["experiment"])
    monitor = Monitor(traces, NoOthers(), scorers, NothingLost())
    source = Source("captures", order["captures"], order["experiment"], "AllTraffic")
    body = Path(order["captures"]).read_bytes()
    with Clock() as clock:
        monitor.process(source, map(read_line, iter_lines([body])), Delivery(uuid.uuid4().hex))
    return clock.outcome


@cache
def _scorers(judging: str, model: str, concurrency: int) -> Scorers:
    """Made once for all orders of a process, as the function makes them."""
    return build_scorers(
        chosen(load_scorers(SCORERS_FILE), judging),
        bedrock_client(concurrency),
        default_model=model,
        concurrency=concurrency,
    )


if __name__ == "__main__":
    serve(do)
