"""Where the spans of a trace go: MLflow's database, many traces at once, or else its artifacts.

Some servers serve no spans, or stand behind a front door that does not: they were seen to answer
with 401, 403, 404, 405, 5xx, not at all, or with 200 and lose them. A server that is down looks the
same for a while. What tells them apart: other requests to it work, before, in between and after
(docs/decisions/0018).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from enum import Enum, auto
from typing import Literal

from inference_monitor.errors import TransientError
from inference_monitor.traces.api import Answer, MlflowApi
from inference_monitor.traces.artifacts import upload_spans
from inference_monitor.traces.build import BuiltTrace
from inference_monitor.traces.otlp import UNENCODABLE, send_alone, send_each, send_spans
from inference_monitor.traces.records import SPANS_UPLOADED, is_searchable

StoreChoice = Literal["auto", "spans", "artifacts"]
"""Where spans go: as it turns out, to the database only, or to the artifacts only."""

NOT_SERVED = Answer(501, "this MLflow server stores no spans")
LOST = Answer(501, "this MLflow server accepts spans and does not store them")

# What servers without /v1/traces, or with a front door that does not know it, were seen to answer.
_UNSUPPORTED = frozenset({401, 403, 404, 405, 501})
_AGAIN_AFTER_SECONDS = 15 * 60
"""When a server that took no spans is asked again: it may have been upgraded, or had a bad time."""

_TRIALS = 2
_TRIAL_SECONDS = 5
_PAUSE_SECONDS = 0.5
_MOST_TRIED = 3
"""Of the traces in one batch whose spans fail while those of others are taken."""


class _Found(Enum):
    """What requests in turn tell about a server that did not take spans."""

    SERVER_FAILS = auto()
    SPANS_FAIL = auto()
    SPANS_SERVED = auto()


class SpanStore:
    """Sends spans to the database for as long as the server takes them.

    Args:
        api: The server.
        choice: Where spans go.
        clock: Seconds that pass, for tests.
        sleep: What waits so many seconds, for tests.
    """

    def __init__(
        self,
        api: MlflowApi,
        choice: StoreChoice = "auto",
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._api = api
        self._choice = choice
        self._clock = clock
        self._sleep = sleep
        self._distrusted_until: float | None = None
        self._untaken: set[str] = set()

    @property
    def served(self) -> bool:
        """Whether spans are to be sent: the server takes them, for all we know."""
        if self._choice != "auto":
            return self._choice == "spans"
        return self._distrusted_until is None or self._clock() >= self._distrusted_until

    def send(self, traces: Sequence[BuiltTrace], experiment_id: str) -> dict[str, Answer]:
        """What was answered about the spans that are not in the database now, by trace id.

        Where other requests work and spans alone do not, the answer is one that `upload` takes.
        """
        if not self.served:
            return {t.trace_id: NOT_SERVED for t in traces}
        if self._distrusted_until is not None and self._still_fail(traces[0], experiment_id):
            self.distrust()
            return {t.trace_id: NOT_SERVED for t in traces}
        not_taken = send_spans(self._api, experiment_id, traces)
        if self._choice == "spans":
            # A server that refuses all of them does not mean these records.
            all_refused = len(traces) > 1 and len(not_taken) == len(traces)
            return {i: _refused(a) if all_refused else a for i, a in not_taken.items()}
        if len(not_taken) < len(traces):
            self.trust()
            return not_taken | self._failing_alone(traces, not_taken, experiment_id)
        return self._none_taken(traces, not_taken, experiment_id)

    def upload(self, trace: BuiltTrace, location: str, not_taken: Answer = NOT_SERVED) -> None:
        """Put spans that were not taken into the artifacts, and note that in the trace's record.

        Raises:
            PermanentWriteError: If the server takes spans but not these, and the upload failed.
            TransientError: If the server failed to take them, or the upload failed.
        """
        if self._choice == "spans" or not _is_final(not_taken):
            not_taken.checked("take the spans")
        try:
            upload_spans(self._api.tracking_uri, location, trace)
        except TransientError as error:
            if not_taken.refused and self.served:
                not_taken.checked("take the spans")
            raise TransientError(f"{error}; /v1/traces: {not_taken.reason}") from error
        trace.info.trace_metadata[SPANS_UPLOADED] = "true"

    def distrust(self) -> None:
        """Send none for a while: the server does not take them, or took them and lost them."""
        if self._choice == "auto":
            self._distrusted_until = self._clock() + _AGAIN_AFTER_SECONDS

    def trust(self) -> None:
        """Send spans again: they were taken, or more than they has failed."""
        self._distrusted_until = None
        self._untaken.clear()

    def _still_fail(self, trace: BuiltTrace, experiment_id: str) -> bool:
        """Try spans again after a while, with those of one trace."""
        answer = send_alone(self._api, experiment_id, trace, _TRIAL_SECONDS)
        return not (answer.ok or answer.database_failed or answer is UNENCODABLE)

    def _none_taken(
        self, traces: Sequence[BuiltTrace], not_taken: Mapping[str, Answer], experiment_id: str
    ) -> dict[str, Answer]:
        """Judge the server, as it took no spans at all."""
        sent = [t for t in traces if not_taken[t.trace_id] is not UNENCODABLE]
        # Where the database has failed, spans are served. Others use the same one, and may have
        # more luck with it.
        if not sent or any(answer.database_failed for answer in not_taken.values()):
            return dict(not_taken)
        # Refusals count, too: servers before 3.9 take one trace at a time, uncompressed, and then
        # never show what they took.
        if not any(_is_final(not_taken[t.trace_id]) for t in sent):
            found = self._try_again([sent[0], sent[-1]], experiment_id)
            if found is _Found.SERVER_FAILS:
                return dict(not_taken)
            if found is _Found.SPANS_SERVED:
                return self._one_by_one(traces, experiment_id)
        self._untaken |= {t.trace_id for t in sent}
        if len(self._untaken) > 1:
            self.distrust()
        return {i: a if _is_final(a) else _not_served(a) for i, a in not_taken.items()}

    def _failing_alone(
        self, traces: Sequence[BuiltTrace], not_taken: Mapping[str, Answer], experiment_id: str
    ) -> dict[str, Answer]:
        """Judge single traces whose spans the server fails on while it takes those of others."""
        failing = [
            t for t in traces if t.trace_id in not_taken and not _is_final(not_taken[t.trace_id])
        ]
        return {
            t.trace_id: _not_served(not_taken[t.trace_id])
            for t in failing[:_MOST_TRIED]
            if self._try_again([t] * _TRIALS, experiment_id) is _Found.SPANS_FAIL
        }

    def _one_by_one(self, traces: Sequence[BuiltTrace], experiment_id: str) -> dict[str, Answer]:
        """Send the rest of a batch that failed as a whole, although spans are served."""
        self.trust()
        not_taken = send_each(self._api, experiment_id, traces)
        return not_taken | self._failing_alone(traces, not_taken, experiment_id)

    def _try_again(self, trials: Sequence[BuiltTrace], experiment_id: str) -> _Found:
        """Send the spans of these once more, each after another request has worked."""
        for trace in trials:
            self._sleep(_PAUSE_SECONDS)
            if not is_searchable(self._api, experiment_id, trace.trace_id, _TRIAL_SECONDS):
                return _Found.SERVER_FAILS
            if send_alone(self._api, experiment_id, trace, _TRIAL_SECONDS).ok:
                return _Found.SPANS_SERVED
        return _Found.SPANS_FAIL


def _is_final(answer: Answer) -> bool:
    # MLflow's own 404 has an error code: it is about the experiment.
    unsupported = answer.status in _UNSUPPORTED and answer.error_code is None
    return answer.refused or unsupported


def _refused(answer: Answer) -> Answer:
    hint = "MLFLOW_TRACE_STORE=artifacts uploads them"
    return Answer(501, f"{answer.reason}; {hint}") if answer.refused else answer


def _not_served(answer: Answer) -> Answer:
    return Answer(501, f"other requests work, spans do not: {answer.reason}")
