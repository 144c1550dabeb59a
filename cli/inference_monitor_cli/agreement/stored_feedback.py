"""Read people's and judges' assessments out of MLflow. Imported only when asked for."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from mlflow import MlflowClient
from mlflow.entities import Assessment, Feedback, Trace
from mlflow.exceptions import MlflowException

from inference_monitor.identity import span_id
from inference_monitor.traces.server import configure_process
from inference_monitor_cli.agreement.human_feedback import Assessed, Opinion
from inference_monitor_cli.captures import Hours
from inference_monitor_cli.problems import CommandError
from inference_monitor_cli.stored_traces import find_experiment

_PER_PAGE = 500


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
        token = None
        while True:
            try:
                page = self._client.search_traces(
                    locations=[self._experiment_id],
                    filter_string=_filter(hours) if hours else None,
                    max_results=_PER_PAGE,
                    page_token=token,
                    include_spans=False,
                )
            except MlflowException as error:
                raise CommandError(f"MLflow did not search traces: {error}") from error
            yield from map(_assessed, page)
            token = page.token
            if not token:
                return


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


def _filter(hours: Hours) -> str:
    first, last = (
        datetime.strptime(hour, "%Y/%m/%d/%H").replace(tzinfo=UTC)
        for hour in (hours.first, hours.last)
    )
    end = last + timedelta(hours=1)
    return (
        f"timestamp_ms >= {int(first.timestamp() * 1000)}"
        f" AND timestamp_ms < {int(end.timestamp() * 1000)}"
    )
