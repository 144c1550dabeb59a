"""Observations from MLflow: the traces of an experiment with their scores.

Imported only when MLflow is read, as comparing capture files needs no MLflow.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from mlflow import MlflowClient
from mlflow.entities import Feedback, TraceInfo, TraceState
from mlflow.exceptions import MlflowException
from mlflow.tracing.constant import TraceMetadataKey

from inference_monitor.traces.server import connect
from inference_monitor_cli.captures import Hours
from inference_monitor_cli.compare.captured import (
    EMPTY_ANSWER,
    ERROR,
    INPUT_TOKENS,
    OUTPUT_TOKENS,
)
from inference_monitor_cli.compare.observations import Observation, Side, Value
from inference_monitor_cli.problems import CommandError
from inference_monitor_cli.stored_traces import find_experiment

_PER_PAGE = 500
_TRUTHS = {"yes": 1.0, "true": 1.0, "no": 0.0, "false": 0.0}
_TOKENS = {INPUT_TOKENS: "input_tokens", OUTPUT_TOKENS: "output_tokens"}


class StoredObservations:
    """The traces of one experiment, which is never created here."""

    def __init__(self, tracking_uri: str, experiment: str) -> None:
        connect(tracking_uri)
        self._client = MlflowClient(tracking_uri)
        self._experiment_id = find_experiment(tracking_uri, experiment)

    def read(self, side: Side, hours: Hours | None) -> Iterator[Observation]:
        """Every inference of a side, within these hours.

        Raises:
            CommandError: If MLflow fails or refuses.
        """
        token = None
        while True:
            try:
                page = self._client.search_traces(
                    locations=[self._experiment_id],
                    filter_string=_filter(side, hours),
                    max_results=_PER_PAGE,
                    page_token=token,
                    include_spans=False,
                )
            except MlflowException as error:
                raise CommandError(f"MLflow did not search traces: {error}") from error
            yield from (observe(trace.info) for trace in page)
            token = page.token
            if not token:
                return


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


def _filter(side: Side, hours: Hours | None) -> str | None:
    conditions = []
    if side.kind in {"variant", "endpoint"}:
        if "'" in side.name:
            raise CommandError(f"{side.name!r} is no name of a variant or an endpoint")
        conditions.append(f"tags.{side.kind} = '{side.name}'")
    for one in (side.hours, hours):
        if one is not None:
            first, last = (
                datetime.strptime(hour, "%Y/%m/%d/%H").replace(tzinfo=UTC)
                for hour in (one.first, one.last)
            )
            end = last + timedelta(hours=1)
            conditions += [
                f"timestamp_ms >= {int(first.timestamp() * 1000)}",
                f"timestamp_ms < {int(end.timestamp() * 1000)}",
            ]
    return " AND ".join(conditions) or None
