"""MLflow as the store of traces: written in batches, completed once, whoever else writes them.

A trace is complete with its record and its spans; either may come first. The record carries the
assessments. n traces cost n + 1 requests, a few more on older servers; a lookup of 100 costs one.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar

from mlflow.entities import Feedback, TraceInfo
from mlflow.exceptions import MlflowException
from mlflow.utils.mlflow_tags import MLFLOW_ARTIFACT_LOCATION

from inference_monitor.domain import Record, ScoringState, StoredTrace
from inference_monitor.errors import PermanentWriteError, TransientError
from inference_monitor.traces.assessments import add_assessments, storable
from inference_monitor.traces.build import BuiltTrace, build_trace
from inference_monitor.traces.records import (
    DELIVERY,
    SCORING,
    feedback_of,
    has_spans,
    merge,
    parse_started,
    search,
    set_tag,
    start_trace,
    stored_trace,
)
from inference_monitor.traces.server import (
    Answer,
    Experiment,
    ExperimentByName,
    ServerVersion,
    connect,
)
from inference_monitor.traces.span_transport import (
    LOST,
    SpanTransport,
    StoreChoice,
    trace_location,
)

_ARRIVAL_SECONDS = 2
_THREADS = 8  # a server writes one record at a time; more would only queue there
_MAX_FAILURES = 16
"""So many failures in one batch are the server's own: the rest is left to the retry, because a
server that hangs would turn each of them into a time-out."""

_Result = TypeVar("_Result")


class MlflowTraceStore:
    """The `TraceStore` of the service. Safe to use from several threads.

    It prepares the process for its server, see `server.configure_process`. `trace_store` is where
    spans go, see `span_transport`.
    """

    def __init__(
        self, tracking_uri: str, experiment_name: str, trace_store: StoreChoice = "auto"
    ) -> None:
        self._api = connect(tracking_uri)
        self._version = ServerVersion(self._api)
        self._spans = SpanTransport(self._api, trace_store)
        self._experiment = ExperimentByName(self._api, experiment_name)

    def experiment_id(self) -> str:
        """Return the id of the experiment that has our name now; creates it if there is none.

        Costs one request. `write` accepts only records of the experiment returned last.
        """
        return self._experiment.get(again=True).id

    def lookup(self, trace_ids: Sequence[str]) -> dict[str, StoredTrace]:
        """Return the traces that exist among these ids, by id."""
        found = search(self._api, self._experiment.get().id, list(dict.fromkeys(trace_ids)))
        return {name: stored_trace(info) for name, info in found.items()}

    def write(self, records: Sequence[Record]) -> dict[str, str]:
        """Write traces with their assessments that `lookup` did not find, or found incomplete.

        One that has been completed since stays whole; that costs more requests. Records whose
        source names no experiment belong to ours.

        Returns:
            The permanent refusals only: trace id to the reason.

        Raises:
            TransientError: If some could not be written for now, after the others were; or if
                another experiment has our name now.
        """
        experiment, outcome = self._experiment.get(), _Outcome()
        for record in records:
            _check_same(record.source.experiment_id or experiment.id, experiment)
        built = list(_build_all(records, experiment, outcome).values())
        if built:
            if self._spans.served and self._version.accepts_spans_after_record():
                self._write_records_first(built, experiment, outcome)
            else:
                self._write_spans_first(built, experiment, outcome)
        if not outcome.is_clean:
            # Had it been deleted, every record would be refused.
            _check_same(experiment.id, self._experiment.get(again=True))
        return outcome.refusals()

    def add(
        self,
        stored: StoredTrace,
        assessments: Sequence[Feedback],
        scoring: ScoringState | None = None,
    ) -> None:
        """Add assessments to a complete trace, see `add_assessments`, and set its scoring tag.

        Raises:
            PermanentWriteError: If MLflow refuses one.
            TransientError: If MLflow fails.
        """
        add_assessments(self._api, self._experiment.get().id, stored, assessments)
        if scoring:
            set_tag(self._api, stored.trace_id, SCORING, scoring)

    def _write_spans_first(
        self, built: Sequence[BuiltTrace], experiment: Experiment, outcome: _Outcome
    ) -> None:
        """Skip complete traces: such a server would add the tokens of their spans once more.

        They exist when an earlier request, given up for lack of an answer, arrived all the same.
        """
        stored = self.lookup([t.trace_id for t in built])
        known = {name for name, trace in stored.items() if trace.complete}
        new = [t for t in built if t.trace_id not in known]
        not_taken = self._spans.send(new, experiment.id) if new else {}
        _attempt_all(
            {
                t.trace_id: partial(self.add, stored[t.trace_id], feedback_of(t.info))
                if t.trace_id in known
                else partial(self._complete, t, experiment, not_taken.get(t.trace_id))
                for t in built
            },
            outcome,
        )

    def _write_records_first(
        self, new: Sequence[BuiltTrace], experiment: Experiment, outcome: _Outcome
    ) -> None:
        """Spans first would cost such a server nearly three times the work per record."""
        _attempt_all({t.trace_id: partial(self._record, t, experiment) for t in new}, outcome)
        written = {t.trace_id: t for t in new if outcome.is_sound(t.trace_id)}
        if not written:
            return
        not_taken = self._spans.send(list(written.values()), experiment.id)
        if taken := [i for i in written if i not in not_taken]:
            not_taken |= dict.fromkeys(self._find_lost(taken), LOST)
        _attempt_all(
            {
                name: partial(self._complete, written[name], experiment, answer)
                for name, answer in not_taken.items()
            },
            outcome,
        )

    def _complete(
        self, trace: BuiltTrace, experiment: Experiment, not_taken: Answer | None
    ) -> None:
        """Write the record of a trace after its spans; where those were not taken, upload them."""
        location = trace_location(experiment.artifact_location, trace.trace_id)
        try:
            if not_taken:
                self._spans.upload(trace, location, not_taken)
            info = self._record(trace, experiment)
            if info is None:
                return
            true_location = info.tags.get(MLFLOW_ARTIFACT_LOCATION, location)
            if not has_spans(info):
                self._spans.distrust()
                self._spans.upload(trace, true_location, LOST)
                self._record(trace, experiment)
            elif not_taken and true_location != location:
                self._spans.upload(trace, true_location, not_taken)
        except TransientError:
            # Other requests fail as well, so what happened to the spans proves nothing about them.
            self._spans.trust()
            raise

    def _record(self, trace: BuiltTrace, experiment: Experiment) -> TraceInfo | None:
        """Write the record of a trace; None if another delivery has completed it in between."""
        answer = start_trace(self._api, trace.info)
        stored = None
        if not answer.ok and answer.status:
            # Servers before 3.15 fail on a record that exists and holds more than this one.
            stored = search(self._api, experiment.id, [trace.trace_id]).get(trace.trace_id)
        if stored is None:
            return parse_started(answer.checked(f"write trace {trace.trace_id}"))
        new = feedback_of(trace.info)
        merge(trace.info, stored)
        answer = start_trace(self._api, trace.info)
        if answer.ok:
            return parse_started(answer)
        known = stored_trace(stored)
        if not known.complete:
            answer.checked(f"write trace {trace.trace_id}")
        add_assessments(self._api, experiment.id, known, new)
        return None

    def _find_lost(self, taken: Sequence[str]) -> Sequence[str]:
        """Return those whose spans cannot be found although the server accepted them.

        No answer shows whether they have arrived: from one day to the next a proxy may drop them.
        They are looked up twice, because the server may only be slow.
        """
        missing = self._incomplete(taken)
        if missing:
            time.sleep(_ARRIVAL_SECONDS)
            missing = self._incomplete(missing)
        if missing:
            self._spans.distrust()
        return missing

    def _incomplete(self, trace_ids: Sequence[str]) -> list[str]:
        found = self.lookup(trace_ids)
        return [i for i in trace_ids if not (i in found and found[i].complete)]


class _Outcome:
    """Collects what the records of a batch raise, one by one. Safe to use from several threads."""

    def __init__(self) -> None:
        self._refused: dict[str, str] = {}
        self._failed: dict[str, str] = {}

    @property
    def is_clean(self) -> bool:
        """Whether nothing has gone wrong so far."""
        return not self._refused and not self._failed

    def is_sound(self, trace_id: str) -> bool:
        """Whether nothing has gone wrong with one record."""
        return trace_id not in self._refused and trace_id not in self._failed

    def attempt(self, trace_id: str, action: Callable[[], _Result]) -> _Result | None:
        """Do something for one record; keep a refusal or failure, and return None for it."""
        if len(self._failed) >= _MAX_FAILURES:
            self._failed[trace_id] = "not tried after so many failures"
            return None
        try:
            return action()
        except PermanentWriteError as error:
            self._refused[trace_id] = str(error)
        except TransientError as error:
            self._failed[trace_id] = str(error)
        return None

    def refusals(self) -> dict[str, str]:
        """Trace id to reason of the records that are refused for good.

        Raises:
            TransientError: If others failed only for now.
        """
        if self._failed:
            first = next(iter(self._failed.values()))
            raise TransientError(f"{len(self._failed)} traces not written yet: {first}")
        return self._refused


def _attempt_all(actions: Mapping[str, Callable[[], object]], outcome: _Outcome) -> None:
    """Run an action per trace id, some at a time."""
    if actions:
        with ThreadPoolExecutor(min(_THREADS, len(actions))) as pool:
            list(pool.map(outcome.attempt, actions.keys(), actions.values()))


def _build_all(
    batch: Sequence[Record], experiment: Experiment, outcome: _Outcome
) -> dict[str, BuiltTrace]:
    """Build the traces of a batch by id; an inference that occurs twice is built once."""
    built: dict[str, BuiltTrace] = {}
    for record in batch:
        own = record if record.source.experiment_id else record.in_experiment(experiment.id)
        name = own.trace_id
        if name not in built and (t := outcome.attempt(name, partial(_build, own, experiment))):
            built[name] = t
    return built


def _build(record: Record, experiment: Experiment) -> BuiltTrace:
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


def _check_same(experiment_id: str, now: Experiment) -> None:
    """Refuse to go on where another experiment has the name now: its traces have other ids."""
    if experiment_id != now.id:
        raise TransientError(
            f"the traces are of experiment {experiment_id}, but experiment {now.id} has its name "
            "by now; the next attempt writes to that one"
        )
