"""MLflow as the store of traces: written in batches, finished once, whoever else writes them.

Spans go first and the record last, so a record with its client request id says that all of it is
there. The record carries the assessments. n new traces cost n + 2 requests, known ones 1 per 100.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from mlflow.entities import Feedback, TraceInfo
from mlflow.exceptions import MlflowException
from mlflow.utils.mlflow_tags import MLFLOW_ARTIFACT_LOCATION

from inference_monitor.errors import PermanentWriteError
from inference_monitor.ports import ScoredInference, ScoringState, StoredTrace
from inference_monitor.traces.api import Answer, MlflowApi
from inference_monitor.traces.artifacts import trace_location
from inference_monitor.traces.assessments import create, replace, storable
from inference_monitor.traces.build import BuiltTrace, build_trace
from inference_monitor.traces.experiment import Experiment, ExperimentByName
from inference_monitor.traces.identity import trace_id
from inference_monitor.traces.outcome import Outcome
from inference_monitor.traces.records import (
    DELIVERY,
    SCORING,
    has_spans,
    merge,
    search,
    set_tag,
    start_trace,
    started,
    stored_trace,
)
from inference_monitor.traces.span_store import SpanStore

_THREADS = 8  # a server writes one record at a time; more would only queue there


class MlflowTraceStore:
    """The `TraceStore` of the service. Safe to use from several threads."""

    def __init__(self, tracking_uri: str, experiment_name: str) -> None:
        self._api = MlflowApi(tracking_uri)
        self._spans = SpanStore(self._api)
        self._experiment = ExperimentByName(self._api, experiment_name)

    def lookup(self, trace_ids: Sequence[str]) -> dict[str, StoredTrace]:
        """The traces that exist among these ids, by id."""
        found = search(self._api, self._experiment.get().id, list(dict.fromkeys(trace_ids)))
        return {name: stored_trace(info) for name, info in found.items()}

    def write(self, records: Sequence[ScoredInference]) -> dict[str, str]:
        """Write new (or complete half-written) traces with their assessments, once.

        Returns:
            The permanent refusals only: trace id to the reason.

        Raises:
            TransientError: If some could not be written for now, after the others were.
        """
        experiment, outcome = self._experiment.get(), Outcome()
        built = _build_all(records, experiment, outcome)
        # Asked again, however short ago the service did: another delivery may have been faster.
        stored = self.lookup(list(built))
        tasks: dict[str, Callable[[], None]] = {
            name: partial(self.add, known, _feedback(built[name]))
            for name, known in stored.items()
            if known.complete
        }
        new = [trace for name, trace in built.items() if name not in tasks]
        not_taken = self._spans.send(new, experiment.id) if new else {}
        for t in new:
            tasks[t.trace_id] = partial(self._finish, t, experiment, not_taken.get(t.trace_id))
        with ThreadPoolExecutor(_THREADS) as pool:
            list(pool.map(outcome.attempt, tasks.keys(), tasks.values()))
        if not outcome.is_clean:
            # Had it been deleted, this raises instead of refusing every record.
            self._experiment.get(again=True)
        return outcome.refusals()

    def add(
        self,
        stored: StoredTrace,
        assessments: Sequence[Feedback],
        scoring: ScoringState | None = None,
    ) -> None:
        """Add assessments to a complete trace, under their own ids, and say so in its tag.

        One that is already there is left as it is, unless it is an error and the new one is not:
        then it takes the new one's value.

        Raises:
            PermanentWriteError: If MLflow refuses one.
            TransientError: If MLflow fails.
        """
        known = {a.assessment_id: a for a in stored.assessments}
        for assessment in assessments:
            mine = storable(assessment, stored.trace_id)
            theirs = known.get(mine.assessment_id)
            if theirs is None:
                create(self._api, mine)
            elif theirs.error and not mine.error:
                replace(self._api, mine)
        if scoring:
            set_tag(self._api, stored.trace_id, SCORING, scoring)

    def _finish(self, trace: BuiltTrace, experiment: Experiment, not_taken: Answer | None) -> None:
        """Write the record of a trace after its spans; where those were not taken, upload them."""
        location = trace_location(experiment.artifact_location, trace.trace_id)
        if not_taken:
            self._spans.upload(trace, location, not_taken)
        info = self._start(trace)
        if info is None:
            return
        true_location = info.tags.get(MLFLOW_ARTIFACT_LOCATION, location)
        if not has_spans(info):
            self._spans.distrust()
            self._spans.upload(trace, true_location)
            self._start(trace)
        elif not_taken and true_location != location:
            self._spans.upload(trace, true_location)

    def _start(self, trace: BuiltTrace) -> TraceInfo | None:
        """Finish a trace; None if another delivery has finished it in the meantime."""
        answer = start_trace(self._api, trace.info)
        stored = None
        if not answer.ok and answer.status:
            # Servers before 3.15 fail on a record that exists and holds more than this one.
            stored = search(self._api, self._experiment.get().id, [trace.trace_id]).get(
                trace.trace_id
            )
        if stored is None:
            return started(answer.checked(f"write trace {trace.trace_id}"))
        wanted = _feedback(trace)
        merge(trace.info, stored)
        answer = start_trace(self._api, trace.info)
        if answer.ok:
            return started(answer)
        known = stored_trace(stored)
        if not known.complete:
            answer.checked(f"write trace {trace.trace_id}")
        self.add(known, wanted)
        return None


def _build_all(
    batch: Sequence[ScoredInference], experiment: Experiment, outcome: Outcome
) -> dict[str, BuiltTrace]:
    """The traces of a batch by id; an inference that occurs twice is built once."""
    built: dict[str, BuiltTrace] = {}
    for record in batch:
        name = trace_id(record.source.endpoint, record.inference.event_id)
        if name not in built and (t := outcome.attempt(name, partial(_build, record, experiment))):
            built[name] = t
    return built


def _build(record: ScoredInference, experiment: Experiment) -> BuiltTrace:
    try:
        trace = build_trace(record.inference, record.source, experiment.id)
    except (ValueError, TypeError, OverflowError, RecursionError, MlflowException) as error:
        reason = f"{type(error).__name__}: {error}"[:200]
        raise PermanentWriteError(f"no trace can be made of it: {reason}") from error
    trace.info.tags[DELIVERY] = record.delivery
    if record.scoring:
        trace.info.tags[SCORING] = record.scoring
    trace.info.assessments = [storable(a, trace.trace_id) for a in record.assessments]
    return trace


def _feedback(trace: BuiltTrace) -> list[Feedback]:
    return [a for a in trace.info.assessments if isinstance(a, Feedback)]
