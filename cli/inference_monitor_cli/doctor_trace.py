"""Look for one trace in MLflow. Imported only when asked: nothing else of `doctor` needs MLflow."""

from __future__ import annotations

from dataclasses import dataclass

from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

from inference_monitor_cli.problems import CommandError


@dataclass(frozen=True, slots=True)
class FoundTrace:
    """A trace by its id, with how many of its assessments hold a value, and how many an error."""

    trace_id: str
    scores: int
    errors: int


def find_trace(tracking_uri: str, experiment: str, event_id: str) -> FoundTrace | None:
    """The trace of an event; None if MLflow does not show one.

    Raises:
        CommandError: If MLflow cannot be asked.
    """
    try:
        client = MlflowClient(tracking_uri)
        found = client.get_experiment_by_name(experiment)
        if found is None:
            return None
        traces = client.search_traces(
            locations=[found.experiment_id],
            filter_string=f"tags.event_id = '{event_id}'",
            max_results=1,
            include_spans=False,
        )
    except MlflowException as error:
        raise CommandError(f"MLflow at {tracking_uri} does not answer: {error}") from error
    if not traces:
        return None
    assessments = traces[0].info.assessments
    errors = sum(1 for one in assessments if getattr(one, "error", None))
    return FoundTrace(traces[0].info.trace_id, len(assessments) - errors, errors)
