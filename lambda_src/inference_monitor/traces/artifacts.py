"""Spans in the artifacts of a trace, where MLflow's own client puts them if it has to."""

from __future__ import annotations

import json

from boto3.exceptions import Boto3Error
from botocore.exceptions import BotoCoreError, ClientError
from mlflow.entities import TraceData
from mlflow.exceptions import MlflowException
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository
from mlflow.utils.uri import append_to_uri_path
from requests import RequestException

from inference_monitor.errors import TransientError
from inference_monitor.traces.build import BuiltTrace


def trace_location(experiment_location: str, trace_id: str) -> str:
    """Where MLflow looks for the artifacts of a trace (SqlAlchemyStore, 3.0 to 3.17)."""
    return str(append_to_uri_path(experiment_location, "traces", trace_id, "artifacts"))


def upload_spans(tracking_uri: str, location: str, trace: BuiltTrace) -> None:
    """Write `traces.json` to a trace's artifact location; a second upload replaces the first.

    Raises:
        TransientError: If it cannot be stored: the store or our rights there can be mended.
    """
    content = json.dumps(TraceData(spans=trace.spans).to_dict(), ensure_ascii=False)
    try:
        repository = get_artifact_repository(location, tracking_uri=tracking_uri)
        repository.upload_trace_data(content)
    except (
        MlflowException, Boto3Error, BotoCoreError, ClientError, RequestException, OSError,
    ) as error:  # fmt: skip
        raise TransientError(
            f"spans of {trace.trace_id} cannot be stored at {location} ({type(error).__name__})"
        ) from error
