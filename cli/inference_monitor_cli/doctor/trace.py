"""Look for one trace in MLflow. Imported only when asked: nothing else of `doctor` needs MLflow."""

from __future__ import annotations

from dataclasses import dataclass

from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

from inference_monitor.traces.server import configure_process
from inference_monitor_cli.problems import CommandError
from inference_monitor_cli.stored_traces import NoExperimentError, find_experiment


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
    configure_process(tracking_uri)
    try:
        traces = MlflowClient(tracking_uri).search_traces(
            locations=[find_experiment(tracking_uri, experiment)],
            filter_string=f"tags.event_id = '{event_id}'",
            max_results=1,
            include_spans=False,
        )
    except NoExperimentError:
        return None
    except MlflowException as error:
        raise CommandError(f"MLflow at {tracking_uri} does not answer: {error}") from error
    if not traces:
        return None
    assessments = traces[0].info.assessments
    errors = sum(1 for one in assessments if getattr(one, "error", None))
    return FoundTrace(traces[0].info.trace_id, len(assessments) - errors, errors)
