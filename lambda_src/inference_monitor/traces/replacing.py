"""Put new assessments in the place of errors that MLflow holds, and name who gave them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from mlflow.entities import Feedback, TraceInfo

from inference_monitor.domain import supersedes
from inference_monitor.traces.api import MlflowApi
from inference_monitor.traces.assessments import update
from inference_monitor.traces.records import merge, search, start_trace

# Servers before 3.15 refuse a record that lacks what was added to the trace since it was read.
_ATTEMPTS = 2


def replace_with_source(
    api: MlflowApi, experiment_id: str, trace_id: str, new: Sequence[Feedback]
) -> None:
    """Replace errors by assessments of another source, all of a trace in one write.

    UpdateAssessment has no way to change a source. StartTrace, sent for a trace that exists, has:
    the server updates its assessments in one transaction, so that nobody ever finds none or two.
    The rest of the record is sent as it is. docs/decisions tells what else was tried.

    StartTrace would make assessments valid again that a person has overridden. Where a trace has
    one, and where the server refuses, the assessments are updated and the source of the error
    stays; the metadata names the judge in any case.

    Args:
        api: The server.
        experiment_id: The experiment of the trace.
        trace_id: The trace.
        new: Storable assessments, under the ids of the errors.

    Raises:
        PermanentWriteError: If MLflow refuses one.
        TransientError: If MLflow fails.
    """
    for _ in range(_ATTEMPTS):
        stored = search(api, experiment_id, [trace_id]).get(trace_id)
        if stored is None:
            break
        new = _still_wanted(new, stored)
        if not new:
            return
        if any(a.valid is False for a in stored.assessments):
            break
        record = replace(stored, tags={}, assessments=list(new))
        merge(record, stored)
        if start_trace(api, record).ok:
            return
    for assessment in new:
        update(api, assessment)


def _still_wanted(new: Sequence[Feedback], stored: TraceInfo) -> list[Feedback]:
    """Leave out those in whose place another delivery, or a person, has put a value meanwhile."""
    known = {a.assessment_id: a for a in stored.assessments if isinstance(a, Feedback)}
    return [a for a in new if a.assessment_id not in known or supersedes(a, known[a.assessment_id])]
