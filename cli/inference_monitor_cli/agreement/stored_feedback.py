"""Read people's and judges' assessments out of MLflow. Imported only when asked for."""

from __future__ import annotations

from collections.abc import Iterator

from mlflow import MlflowClient
from mlflow.entities import Assessment, Feedback, Trace

from inference_monitor.identity import span_id
from inference_monitor.traces.server import configure_process
from inference_monitor_cli.agreement.human_feedback import Assessed, Opinion
from inference_monitor_cli.captures import Hours
from inference_monitor_cli.stored_traces import find_experiment, read_traces, within


class StoredFeedback:
    """The assessments of one experiment, which is never created here."""

    def __init__(self, tracking_uri: str, experiment: str) -> None:
        configure_process(tracking_uri)
        self._uri = tracking_uri
        self._client = MlflowClient(tracking_uri)
        self._experiment_id = find_experiment(tracking_uri, experiment)

    def link(self, trace_id: str) -> str:
        """The page of a trace; without its host where that is behind a login of AWS."""
        host = self._uri.rstrip("/") if self._uri.startswith("http") else ""
        page = f"/#/experiments/{self._experiment_id}/traces"
        return f"{host}{page}?startTimeLabel=ALL&selectedEvaluationId={trace_id}"

    def assessed(self, hours: Hours | None = None) -> Iterator[Assessed | None]:
        """Every trace of these hours: with its opinions, or None when no person gave one.

        Raises:
            CommandError: If MLflow fails or refuses.
        """
        for trace in read_traces(self._client, self._experiment_id, within(hours)):
            yield _assessed(trace)


def _assessed(trace: Trace) -> Assessed | None:
    # In the UI the root span is selected at first; a deeper span is about something else.
    places = (None, "", span_id(trace.info.trace_id, "root"))
    opinions = [
        _opinion(a)
        for a in trace.info.assessments
        if isinstance(a, Feedback)
        and a.source.source_type in ("HUMAN", "LLM_JUDGE")
        and a.span_id in places
    ]
    given = any(opinion.human for opinion in opinions)
    return Assessed(trace.info.trace_id, opinions) if given else None


def _opinion(assessment: Assessment) -> Opinion:
    assert isinstance(assessment, Feedback)  # noqa: S101  # _assessed has looked
    return Opinion(
        assessment.name,
        assessment.value,
        assessment.source.source_type == "HUMAN",
        assessment.source.source_id or "unknown",
        assessment.last_update_time_ms or assessment.create_time_ms or 0,
        assessment.rationale,
        replaced=assessment.valid is False,
    )
