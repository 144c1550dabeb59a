"""Assessments on their way to MLflow: made storable, attached to a trace, added, updated."""

from __future__ import annotations

import copy
import json

from mlflow.entities import AssessmentError, AssessmentSource, Feedback
from mlflow.protos.service_pb2 import CreateAssessment, UpdateAssessment
from mlflow.utils.proto_json_utils import message_to_json

from inference_monitor.traces.api import TRACES, MlflowApi
from inference_monitor.traces.sanitize import clean, clean_json, cut

_COLUMN_LIMIT = 250  # name and source id; value, error, rationale and metadata are unlimited


def storable(feedback: Feedback, trace_id: str) -> Feedback:
    """A copy that belongs to a trace and holds only what MLflow can store.

    A value that is no JSON (NaN, an object of a scorer's own) becomes an error that says so.
    """
    error, source = feedback.error, feedback.source
    try:
        as_json = json.dumps(feedback.value, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        as_json = "null"
        problem = f"the scorer returned a {type(feedback.value).__name__} that is no JSON value"
        error = AssessmentError("INVALID_VALUE", problem)
    stored = Feedback(
        name=cut(feedback.name, _COLUMN_LIMIT),
        value=json.loads(clean_json(as_json)),
        error=_clean_error(error) if error else None,
        source=AssessmentSource(
            source.source_type, cut(source.source_id or "default", _COLUMN_LIMIT)
        ),
        trace_id=trace_id,
        metadata={clean(k): clean(v) for k, v in (feedback.metadata or {}).items()},
        create_time_ms=feedback.create_time_ms,
        last_update_time_ms=feedback.last_update_time_ms,
        rationale=clean(feedback.rationale) if feedback.rationale else None,
    )
    stored.assessment_id = feedback.assessment_id
    return stored


def create(api: MlflowApi, feedback: Feedback) -> None:
    """Add an assessment under its own id; one that exists already is left as it is.

    Raises:
        PermanentWriteError: If MLflow refuses it.
        TransientError: If MLflow fails.
    """
    request = CreateAssessment(assessment=feedback.to_proto())
    path = f"{TRACES}/{feedback.trace_id}/assessments"
    answer = api.request("POST", path, body=_json(request))
    # An id that exists is a 400 before MLflow 3.15 and a 500 since, like any database error.
    if answer.ok or (answer.status and api.request("GET", f"{path}/{feedback.assessment_id}").ok):
        return
    answer.checked(f"add assessment {feedback.name!r}")


def update(api: MlflowApi, feedback: Feedback) -> None:
    """Give the assessment of the same id the value, error, rationale and metadata of this one.

    Its source stays what it was: MLflow takes no other in this request, see `replacing`.

    Raises:
        PermanentWriteError: If MLflow refuses it.
        TransientError: If MLflow fails.
    """
    request = UpdateAssessment(assessment=feedback.to_proto())
    # An empty rationale has to be sent as such, or that of the error would stay.
    request.assessment.rationale = feedback.rationale or ""
    request.update_mask.paths.extend(["feedback", "rationale", "metadata"])
    path = f"{TRACES}/{feedback.trace_id}/assessments/{feedback.assessment_id}"
    answer = api.request("PATCH", path, body=_json(request))
    answer.checked(f"update assessment {feedback.name!r}")


def _json(message: CreateAssessment | UpdateAssessment) -> object:
    return json.loads(message_to_json(message))


def _clean_error(error: AssessmentError) -> AssessmentError:
    cleaned = copy.copy(error)
    cleaned.error_message = clean(error.error_message) if error.error_message else None
    cleaned.stack_trace = clean(error.stack_trace) if error.stack_trace else None
    return cleaned
