"""MLflow as the store of traces: written in batches, finished once, whoever else writes them.

A record with its client request id, and spans, say together that all of a trace is there; either
may come first. The record carries the assessments. n traces cost n + 1 requests, a few more on
older servers; to look for 100 costs one.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from mlflow.entities import Feedback
from mlflow.exceptions import MlflowException

from inference_monitor.domain import Record, ScoringState, StoredTrace
from inference_monitor.errors import PermanentWriteError, TransientError
from inference_monitor.traces.api import MlflowApi
from inference_monitor.traces.assessments import storable
from inference_monitor.traces.build import BuiltTrace, build_trace
from inference_monitor.traces.experiment import Experiment, ExperimentByName
from inference_monitor.traces.finish import Finish, feedback
from inference_monitor.traces.outcome import Outcome
from inference_monitor.traces.records import DELIVERY, SCORING, search, stored_trace
from inference_monitor.traces.server import Server
from inference_monitor.traces.span_store import LOST, SpanStore, StoreChoice

_ARRIVAL_SECONDS = 2
_THREADS = 8  # a server writes one record at a time; more would only queue there
_Actions = Mapping[str, Callable[[], object]]


class MlflowTraceStore:
    """The `TraceStore` of the service. Safe to use from several threads.

    `trace_store` says where spans go, see `span_store`.
    """

    def __init__(
        self, tracking_uri: str, experiment_name: str, trace_store: StoreChoice = "auto"
    ) -> None:
        self._api = MlflowApi(tracking_uri)
        self._server = Server(self._api)
        self._spans = SpanStore(self._api, trace_store)
        self._finish = Finish(self._api, self._spans)
        self._experiment = ExperimentByName(self._api, experiment_name)

    def experiment_id(self) -> str:
        """The id of the experiment that has our name now; creates it if there is none.

        Costs one request. `write` takes only records of the experiment that was named last.
        """
        return self._experiment.get(again=True).id

    def lookup(self, trace_ids: Sequence[str]) -> dict[str, StoredTrace]:
        """The traces that exist among these ids, by id."""
        found = search(self._api, self._experiment.get().id, list(dict.fromkeys(trace_ids)))
        return {name: stored_trace(info) for name, info in found.items()}

    def write(self, records: Sequence[Record]) -> dict[str, str]:
        """Write traces with their assessments, of which `lookup` found none or a half-written one.

        One that is there by now all the same stays whole; that costs more requests. Records whose
        source names no experiment belong to ours.

        Returns:
            The permanent refusals only: trace id to the reason.

        Raises:
            TransientError: If some could not be written for now, after the others were; or if
                another experiment has our name by now.
        """
        experiment, outcome = self._experiment.get(), Outcome()
        for record in records:
            _check_same(record.source.experiment_id or experiment.id, experiment)
        built = list(_build_all(records, experiment, outcome).values())
        if built:
            if self._spans.served and self._server.takes_spans_after_the_record():
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
        """Add assessments to a complete trace, see `Finish.add`."""
        self._finish.add(stored, assessments, self._experiment.get().id, scoring)

    def _write_spans_first(
        self, built: Sequence[BuiltTrace], experiment: Experiment, outcome: Outcome
    ) -> None:
        """Such a server adds up tokens once more, should a request given up on have arrived."""
        stored = self.lookup([t.trace_id for t in built])
        known = {name for name, trace in stored.items() if trace.complete}
        new = [t for t in built if t.trace_id not in known]
        not_taken = self._spans.send(new, experiment.id) if new else {}
        add, finish = self.add, self._finish.trace
        _attempt(
            {
                t.trace_id: partial(add, stored[t.trace_id], feedback(t))
                if t.trace_id in known
                else partial(finish, t, experiment, not_taken.get(t.trace_id))
                for t in built
            },
            outcome,
        )

    def _write_records_first(
        self, new: Sequence[BuiltTrace], experiment: Experiment, outcome: Outcome
    ) -> None:
        """The other way round a record costs such a server nearly three times the work."""
        _attempt({t.trace_id: partial(self._finish.record, t, experiment) for t in new}, outcome)
        written = {t.trace_id: t for t in new if outcome.is_sound(t.trace_id)}
        if not written:
            return
        not_taken = self._spans.send(list(written.values()), experiment.id)
        if taken := [i for i in written if i not in not_taken]:
            not_taken |= dict.fromkeys(self._lost(taken), LOST)
        _attempt(
            {
                name: partial(self._finish.trace, written[name], experiment, answer)
                for name, answer in not_taken.items()
            },
            outcome,
        )

    def _lost(self, taken: Sequence[str]) -> Sequence[str]:
        """Those whose spans cannot be found although they were accepted.

        No answer shows whether they have arrived: a front door may swallow them, from one day to
        the next. They get a second look, for it may only be slow.
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


def _attempt(actions: _Actions, outcome: Outcome) -> None:
    """Do these for all traces, some at a time."""
    if actions:
        with ThreadPoolExecutor(min(_THREADS, len(actions))) as pool:
            list(pool.map(outcome.attempt, actions.keys(), actions.values()))


def _build_all(
    batch: Sequence[Record], experiment: Experiment, outcome: Outcome
) -> dict[str, BuiltTrace]:
    """The traces of a batch by id; an inference that occurs twice is built once."""
    built: dict[str, BuiltTrace] = {}
    for record in batch:
        own = record if record.source.experiment_id else record.in_experiment(experiment.id)
        name = own.trace_id
        if name not in built and (t := outcome.attempt(name, partial(_build, own, experiment))):
            built[name] = t
    return built


def _check_same(experiment_id: str, now: Experiment) -> None:
    """Refuse to go on where another experiment has got the name: its traces have other ids."""
    if experiment_id != now.id:
        raise TransientError(
            f"the traces are of experiment {experiment_id}, but experiment {now.id} has its name "
            "by now; the next attempt writes to that one"
        )


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
