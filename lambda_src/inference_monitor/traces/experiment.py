"""The experiment: created once, also when a hundred functions start together."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from inference_monitor.errors import TransientError
from inference_monitor.traces.api import MlflowApi

_PATH = "/api/2.0/mlflow/experiments"


@dataclass(frozen=True, slots=True)
class Experiment:
    """An active experiment."""

    id: str
    artifact_location: str


class ExperimentByName:
    """The experiment that has a name now; it is created when there is none.

    While a function is warm, a person may rename it or delete it and give its name to another one.
    """

    def __init__(self, api: MlflowApi, name: str) -> None:
        self._api = api
        self._name = name
        self._known: Experiment | None = None
        self._lock = threading.Lock()

    def get(self, *, again: bool = False) -> Experiment:
        """The experiment; `again` asks MLflow even if it is known.

        Raises:
            TransientError: If MLflow fails, or if it was deleted, which only a person can undo.
        """
        with self._lock:
            if self._known is None or again:
                self._known = _find_or_create(self._api, self._name)
            return self._known


def _find_or_create(api: MlflowApi, name: str) -> Experiment:
    found = _find(api, name)
    if found is None:
        # The kind decides which pages the UI offers; without it, it asks every visitor.
        kind = {"key": "mlflow.experimentKind", "value": "genai_development"}
        created = api.request("POST", f"{_PATH}/create", body={"name": name, "tags": [kind]})
        # Whoever comes second is refused, and finds what the first has created.
        found = _find(api, name)
        if found is None:
            raise TransientError(f"MLflow did not create experiment {name!r}: {created.reason}")
    if found["lifecycle_stage"] != "active":
        raise TransientError(
            f"experiment {name!r} is deleted in MLflow: restore it "
            f"(mlflow experiments restore --experiment-id {found['experiment_id']}) "
            "or deploy with another MLFLOW_EXPERIMENT_NAME; failed batches can then be redriven"
        )
    return Experiment(found["experiment_id"], found["artifact_location"])


def _find(api: MlflowApi, name: str) -> dict[str, Any] | None:
    query = urlencode({"experiment_name": name})
    answer = api.request("GET", f"{_PATH}/get-by-name?{query}")
    if answer.error_code == "RESOURCE_DOES_NOT_EXIST":
        return None
    document = answer.checked(f"look up experiment {name!r}").document
    experiment: dict[str, Any] = document["experiment"]
    return experiment
