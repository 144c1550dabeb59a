"""Where the spans of a trace go: MLflow's database, many traces at once, or else its artifacts."""

from __future__ import annotations

from collections.abc import Sequence

from inference_monitor.errors import TransientError
from inference_monitor.traces.api import Answer, MlflowApi
from inference_monitor.traces.artifacts import upload_spans
from inference_monitor.traces.build import BuiltTrace
from inference_monitor.traces.otlp import send_spans
from inference_monitor.traces.records import SPANS_UPLOADED

NOT_SERVED = Answer(501, "this MLflow server stores no spans")
# What servers without /v1/traces, or with a front door that does not know it, were seen to answer.
_UNSUPPORTED = frozenset({401, 403, 404, 405, 501})


class SpanStore:
    """Sends spans to the database for as long as the server takes them."""

    def __init__(self, api: MlflowApi) -> None:
        self._api = api
        self._served = True
        self._proven = False

    @property
    def served(self) -> bool:
        """Whether the server takes spans, for all we know."""
        return self._served

    @property
    def proven(self) -> bool:
        """Whether spans that were sent have been seen to arrive."""
        return self._proven

    def prove(self, arrived: bool) -> None:
        """Say whether spans that the server took have arrived."""
        self._proven = arrived
        if not arrived:
            self.distrust()

    def send(self, traces: Sequence[BuiltTrace], experiment_id: str) -> dict[str, Answer]:
        """What was answered about the spans that are not in the database now, by trace id."""
        if not self._served:
            return {t.trace_id: NOT_SERVED for t in traces}
        not_taken = send_spans(self._api, experiment_id, traces)
        none_taken = len(traces) > 1 and len(not_taken) == len(traces)
        if none_taken and any(_is_final(a) for a in not_taken.values()):
            # Not only where the path is unknown: servers before 3.9 take one trace at a time,
            # uncompressed, and then never show what they took.
            self._served = False
        return not_taken

    def upload(self, trace: BuiltTrace, location: str, not_taken: Answer = NOT_SERVED) -> None:
        """Put spans that were not taken into the artifacts, and note that in the trace's record.

        Raises:
            PermanentWriteError: If the server takes spans but not these, and the upload failed.
            TransientError: If the server failed to take them, or the upload failed.
        """
        if self._served and not _is_final(not_taken):
            not_taken.checked("take the spans")
        try:
            upload_spans(self._api.tracking_uri, location, trace)
        except TransientError:
            if not_taken.refused and self._served:
                not_taken.checked("take the spans")
            raise
        trace.info.trace_metadata[SPANS_UPLOADED] = "true"

    def distrust(self) -> None:
        """Send no more: the server said that it took spans, and its record shows otherwise."""
        self._served = False


def _is_final(answer: Answer) -> bool:
    # MLflow's own 404 has an error code: it is about the experiment.
    unsupported = answer.status in _UNSUPPORTED and answer.error_code is None
    return answer.refused or unsupported
