"""Assessments in MLflow: make them storable, and add them to traces that exist already."""

from __future__ import annotations

import copy
import json
from collections.abc import Sequence
from dataclasses import replace

from mlflow.entities import AssessmentError, AssessmentSource, Feedback, TraceInfo
from mlflow.protos.service_pb2 import CreateAssessment, UpdateAssessment
from mlflow.utils.proto_json_utils import message_to_json

from inference_monitor.domain import StoredTrace, supersedes
from inference_monitor.text import NAME_LIMIT, clean_json, cut, well_formed
from inference_monitor.traces.records import feedback_of, merge, search, start_trace
from inference_monitor.traces.server import TRACES, MlflowApi

_REPLACE_ATTEMPTS = 2
"""Servers before 3.15 refuse a record that lacks what was added to the trace since it was read."""


def storable(feedback: Feedback, trace_id: str) -> Feedback:
    """Copy an assessment for a trace, with only what MLflow can store.

    Name and source id have a limit; value, error, rationale and metadata have none. A value that
    JSON cannot represent (NaN, an object of a custom scorer) becomes an error that says so.
    """
    error, source = feedback.error, feedback.source
    try:
        as_json = json.dumps(feedback.value, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        as_json = "null"
        problem = f"the scorer returned a {type(feedback.value).__name__} that is no JSON value"
        error = AssessmentError("INVALID_VALUE", problem)
    stored = Feedback(
        name=cut(feedback.name, NAME_LIMIT),
        value=json.loads(clean_json(as_json)),
        error=_clean_error(error) if error else None,
        source=AssessmentSource(source.source_type, cut(source.source_id or "default", NAME_LIMIT)),
        trace_id=trace_id,
        metadata={well_formed(k): well_formed(v) for k, v in (feedback.metadata or {}).items()},
        create_time_ms=feedback.create_time_ms,
        last_update_time_ms=feedback.last_update_time_ms,
        rationale=well_formed(feedback.rationale) if feedback.rationale else None,
    )
    stored.assessment_id = feedback.assessment_id
    return stored


def add_assessments(
    api: MlflowApi, experiment_id: str, stored: StoredTrace, assessments: Sequence[Feedback]
) -> None:
    """Add assessments to a complete trace, under their own ids.

    One that MLflow holds already stays as it is, unless the new one supersedes it.

    Raises:
        PermanentWriteError: If MLflow refuses one.
        TransientError: If MLflow fails.
    """
    known = {a.assessment_id: a for a in stored.assessments}
    with_another_source: list[Feedback] = []
    for assessment in assessments:
        new = storable(assessment, stored.trace_id)
        old = known.get(new.assessment_id)
        if old is None:
            _create(api, new)
        elif not supersedes(new, old):
            continue
        elif new.source == old.source:
            _update(api, new)
        else:
            with_another_source.append(new)
    if with_another_source:
        _replace_with_source(api, experiment_id, stored.trace_id, with_another_source)


def _create(api: MlflowApi, feedback: Feedback) -> None:
    """Add an assessment under its own id; one that exists already is left as it is."""
    request = CreateAssessment(assessment=feedback.to_proto())
    path = f"{TRACES}/{feedback.trace_id}/assessments"
    answer = api.request("POST", path, body=_json(request))
    # An id that exists is a 400 before MLflow 3.15 and a 500 since, like any database error.
    if answer.ok or (answer.status and api.request("GET", f"{path}/{feedback.assessment_id}").ok):
        return
    answer.checked(f"add assessment {feedback.name!r}")


def _update(api: MlflowApi, feedback: Feedback) -> None:
    """Overwrite value, error, rationale and metadata of the assessment with the same id.

    Its source stays: UpdateAssessment cannot change it, see `_replace_with_source`.
    """
    request = UpdateAssessment(assessment=feedback.to_proto())
    # An empty rationale has to be sent as such, or that of the error would stay.
    request.assessment.rationale = feedback.rationale or ""
    request.update_mask.paths.extend(["feedback", "rationale", "metadata"])
    path = f"{TRACES}/{feedback.trace_id}/assessments/{feedback.assessment_id}"
    answer = api.request("PATCH", path, body=_json(request))
    answer.checked(f"update assessment {feedback.name!r}")


def _replace_with_source(
    api: MlflowApi, experiment_id: str, trace_id: str, new: Sequence[Feedback]
) -> None:
    """Replace errors by storable assessments of another source, all of a trace in one request.

    UpdateAssessment cannot change a source. StartTrace can, sent for a trace that exists: the
    server updates the assessments in one transaction, so that no reader finds none or two. The rest
    of the record is sent as MLflow holds it. docs/decisions lists the alternatives tried.

    StartTrace would make assessments valid again that a person has overridden. Where a trace has
    such an assessment, or the server refuses, the errors are updated and keep their source; the
    metadata names the judge in any case.
    """
    for _ in range(_REPLACE_ATTEMPTS):
        stored = search(api, experiment_id, [trace_id]).get(trace_id)
        if stored is None:
            break
        new = _still_superseding(new, stored)
        if not new:
            return
        if any(a.valid is False for a in stored.assessments):
            break
        record = replace(stored, tags={}, assessments=list(new))
        merge(record, stored)
        if start_trace(api, record).ok:
            return
    for assessment in new:
        _update(api, assessment)


def _still_superseding(new: Sequence[Feedback], stored: TraceInfo) -> list[Feedback]:
    """Leave out those whose error another delivery, or a person, has replaced in the meantime."""
    known = {a.assessment_id: a for a in feedback_of(stored)}
    return [a for a in new if a.assessment_id not in known or supersedes(a, known[a.assessment_id])]


def _json(message: CreateAssessment | UpdateAssessment) -> object:
    return json.loads(message_to_json(message))


def _clean_error(error: AssessmentError) -> AssessmentError:
    cleaned = copy.copy(error)
    cleaned.error_message = well_formed(error.error_message) if error.error_message else None
    cleaned.stack_trace = well_formed(error.stack_trace) if error.stack_trace else None
    return cleaned
