"""Observations from MLflow: the traces of an experiment with their scores.

Imported only when MLflow is read, as comparing capture files needs no MLflow.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from mlflow import MlflowClient
from mlflow.entities import Feedback, TraceInfo, TraceState
from mlflow.tracing.constant import TraceMetadataKey

from inference_monitor.traces.server import configure_process
from inference_monitor_cli.captures import Hours
from inference_monitor_cli.compare.captured import (
    EMPTY_ANSWER,
    ERROR,
    INPUT_TOKENS,
    OUTPUT_TOKENS,
)
from inference_monitor_cli.compare.observations import Observation, Side, Value
from inference_monitor_cli.problems import CommandError
from inference_monitor_cli.stored_traces import find_experiment, read_traces, within

_TRUTHS = {"yes": 1.0, "true": 1.0, "no": 0.0, "false": 0.0}
_TOKENS = {INPUT_TOKENS: "input_tokens", OUTPUT_TOKENS: "output_tokens"}


class StoredObservations:
    """The traces of one experiment, which is never created here."""

    def __init__(self, tracking_uri: str, experiment: str) -> None:
        configure_process(tracking_uri)
        self._client = MlflowClient(tracking_uri)
        self._experiment_id = find_experiment(tracking_uri, experiment)

    def read(self, side: Side, hours: Hours | None) -> Iterator[Observation]:
        """Every inference of a side, within these hours.

        Raises:
            CommandError: If MLflow fails or refuses.
        """
        conditions = [*_of_side(side), *within(side.hours), *within(hours)]
        for trace in read_traces(self._client, self._experiment_id, conditions):
            yield observe(trace.info)


def observe(info: TraceInfo) -> Observation:
    """What a trace tells of its inference, with the latest valid verdict of each scorer."""
    failed = info.state == TraceState.ERROR
    values: dict[str, Value] = {ERROR: float(failed)}
    if not failed:
        if info.tags.get("kind") == "llm":
            values[EMPTY_ANSWER] = float(info.tags.get("empty_answer") == "true")
        usage = json.loads(info.trace_metadata.get(TraceMetadataKey.TOKEN_USAGE, "{}"))
        values |= {
            name: float(usage[key]) for name, key in _TOKENS.items() if usage.get(key) is not None
        }
    given = [a for a in info.assessments if isinstance(a, Feedback) and a.valid is not False]
    for feedback in sorted(given, key=lambda a: a.last_update_time_ms or a.create_time_ms or 0):
        # A person's word is another measure than the judge's: `agreement` compares the two.
        if feedback.source.source_type != "HUMAN":
            value = read_value(feedback.value)
            if value is not None:
                values[feedback.name] = value
    return Observation(
        endpoint=info.tags.get("endpoint", ""),
        variant=info.tags.get("variant"),
        inference_time=datetime.fromtimestamp(info.request_time / 1000, UTC),
        inference_id=info.tags.get("inference_id"),
        values=values,
    )


def read_value(value: Any) -> Value | None:
    """A verdict as a number, or as the category it is; None for what cannot be compared."""
    if isinstance(value, bool | int | float):
        return float(value)
    if isinstance(value, str):
        return _TRUTHS.get(value.strip().casefold(), value.strip())
    return None


def _of_side(side: Side) -> list[str]:
    if side.kind not in {"variant", "endpoint"}:
        return []
    if "'" in side.name:
        raise CommandError(f"{side.name!r} is no name of a variant or an endpoint")
    return [f"tags.{side.kind} = '{side.name}'"]
