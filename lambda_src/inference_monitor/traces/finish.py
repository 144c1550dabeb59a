"""Bring one trace to its end: its record, and where the database has no spans of it, an upload."""

from __future__ import annotations

from collections.abc import Sequence

from mlflow.entities import Feedback, TraceInfo
from mlflow.utils.mlflow_tags import MLFLOW_ARTIFACT_LOCATION

from inference_monitor.domain import ScoringState, StoredTrace, supersedes
from inference_monitor.errors import TransientError
from inference_monitor.traces.api import Answer, MlflowApi
from inference_monitor.traces.artifacts import trace_location
from inference_monitor.traces.assessments import create, storable, update
from inference_monitor.traces.build import BuiltTrace
from inference_monitor.traces.experiment import Experiment
from inference_monitor.traces.records import (
    SCORING,
    has_spans,
    merge,
    search,
    set_tag,
    start_trace,
    started,
    stored_trace,
)
from inference_monitor.traces.replacing import replace_with_source
from inference_monitor.traces.span_store import LOST, SpanStore


class Finish:
    """Writes records and assessments. Safe to use from several threads."""

    def __init__(self, api: MlflowApi, spans: SpanStore) -> None:
        self._api = api
        self._spans = spans

    def trace(self, trace: BuiltTrace, experiment: Experiment, not_taken: Answer | None) -> None:
        """Write the record of a trace after its spans; where those were not taken, upload them.

        Raises:
            PermanentWriteError: If MLflow refuses it.
            TransientError: If MLflow, or the artifact store, fails. Spans that were not taken then
                say nothing about the server.
        """
        try:
            self._trace(trace, experiment, not_taken)
        except TransientError:
            self._spans.trust()
            raise

    def _trace(self, trace: BuiltTrace, experiment: Experiment, not_taken: Answer | None) -> None:
        location = trace_location(experiment.artifact_location, trace.trace_id)
        if not_taken:
            self._spans.upload(trace, location, not_taken)
        info = self.record(trace, experiment)
        if info is None:
            return
        true_location = info.tags.get(MLFLOW_ARTIFACT_LOCATION, location)
        if not has_spans(info):
            self._spans.distrust()
            self._spans.upload(trace, true_location, LOST)
            self.record(trace, experiment)
        elif not_taken and true_location != location:
            self._spans.upload(trace, true_location, not_taken)

    def record(self, trace: BuiltTrace, experiment: Experiment) -> TraceInfo | None:
        """Write the record of a trace; None if another delivery has finished it in the meantime."""
        answer = start_trace(self._api, trace.info)
        stored = None
        if not answer.ok and answer.status:
            # Servers before 3.15 fail on a record that exists and holds more than this one.
            stored = search(self._api, experiment.id, [trace.trace_id]).get(trace.trace_id)
        if stored is None:
            return started(answer.checked(f"write trace {trace.trace_id}"))
        wanted = feedback(trace)
        merge(trace.info, stored)
        answer = start_trace(self._api, trace.info)
        if answer.ok:
            return started(answer)
        known = stored_trace(stored)
        if not known.complete:
            answer.checked(f"write trace {trace.trace_id}")
        self.add(known, wanted, experiment.id)
        return None

    def add(
        self,
        stored: StoredTrace,
        assessments: Sequence[Feedback],
        experiment_id: str,
        scoring: ScoringState | None = None,
    ) -> None:
        """Add assessments to a complete trace, under their own ids, and say so in its tag.

        One that is already there is left as it is, unless it is an error and the new one is not, or
        is another error: then the new one takes its place (`domain.supersedes`).

        Raises:
            PermanentWriteError: If MLflow refuses one.
            TransientError: If MLflow fails.
        """
        known = {a.assessment_id: a for a in stored.assessments}
        of_another_source: list[Feedback] = []
        for assessment in assessments:
            mine = storable(assessment, stored.trace_id)
            theirs = known.get(mine.assessment_id)
            if theirs is None:
                create(self._api, mine)
            elif not supersedes(mine, theirs):
                continue
            elif mine.source == theirs.source:
                update(self._api, mine)
            else:
                of_another_source.append(mine)
        if of_another_source:
            replace_with_source(self._api, experiment_id, stored.trace_id, of_another_source)
        if scoring:
            set_tag(self._api, stored.trace_id, SCORING, scoring)


def feedback(trace: BuiltTrace) -> list[Feedback]:
    """The assessments that a trace is written with."""
    return [a for a in trace.info.assessments if isinstance(a, Feedback)]
