"""The MLflow server: its REST API, its version, and the experiment that traces belong to.

MLflow's own `RestStore` is not used for these requests: it retries a 500 (which servers before 3.15
return for a concurrent duplicate) and distinguishes a time-out from a refusal by message only.
Addresses, credentials, signing and the connection pool are MLflow's.
"""

from __future__ import annotations

import json
import logging
import os
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import boto3
import mlflow
from mlflow.exceptions import MlflowException
from mlflow.tracing.client import TracingClient
from mlflow.utils.rest_utils import http_request
from sagemaker_mlflow import use_session

from inference_monitor.config.mlflow_client import MLFLOW_CLIENT_ENVIRONMENT, REQUEST_RETRIES
from inference_monitor.errors import PermanentWriteError, TransientError
from inference_monitor.traces.database_errors import error_text, is_temporary, unquoted

TRACES = "/api/3.0/mlflow/traces"
_EXPERIMENTS = "/api/2.0/mlflow/experiments"

TIMEOUT_SECONDS = 30
"""How long to wait for the answer to one request of ours."""

_RETRIED = frozenset({429, 502, 503, 504})
_REFUSALS = frozenset({400, 409, 413, 415, 422})
"""Statuses about the content of a request. All others are about the server or our permissions,
which an operator can correct: no record may be given up because of them."""

_DATABASE_CODES = frozenset({"BAD_REQUEST", "INTERNAL_ERROR", "TEMPORARILY_UNAVAILABLE", None})
"""MLflow's error codes for failures of its database; its own validation uses others."""

_FIRST_WITH_RECOMPUTED_TOKENS = (3, 15)


@dataclass(frozen=True, slots=True)
class Answer:
    """A response of MLflow; status 0 when there was none."""

    status: int
    text: str

    @property
    def ok(self) -> bool:
        """Whether the request succeeded."""
        return self.status == 200

    @property
    def refused(self) -> bool:
        """Whether the same request would fail every time."""
        return self.status in _REFUSALS and not self.database_failed

    @property
    def database_failed(self) -> bool:
        """Whether MLflow's database is overloaded, locked or lost, which passes; at any status."""
        return not self.ok and self.error_code in _DATABASE_CODES and is_temporary(self._message)

    @property
    def error_code(self) -> str | None:
        """MLflow's error code, None when the response is not MLflow's."""
        document = self.document
        return document.get("error_code") if isinstance(document, dict) else None

    @property
    def document(self) -> Any:
        """The response as parsed JSON, None if it is not JSON."""
        try:
            return json.loads(self.text)
        except ValueError:
            return None

    @property
    def reason(self) -> str:
        """Status and start of the message, without quoted text, which may be from a prompt."""
        first_line = error_text(self._message).partition("\n")[0]
        return f"{self.status or ''} {unquoted(first_line).strip()[:200]}".strip()

    @property
    def _message(self) -> str:
        """The error message: `message` in MLflow's own errors, `detail` in those of /v1/traces."""
        document = self.document
        found = None
        if isinstance(document, dict):
            found = document.get("message") or document.get("detail")
        return str(found or self.text)

    def checked(self, action: str) -> Answer:
        """Return this response if it is good.

        Args:
            action: What the request was for, e.g. "search traces"; part of the error message.

        Raises:
            PermanentWriteError: If MLflow refuses the content of the request.
            TransientError: If the server failed, or denies access.
        """
        if self.ok:
            return self
        error = PermanentWriteError if self.refused else TransientError
        raise error(f"MLflow did not {action}: {self.reason}")


class MlflowApi:
    """The REST API of one MLflow server. Made by `connect`, which prepares the process for it."""

    def __init__(self, tracking_uri: str) -> None:
        self.tracking_uri = tracking_uri
        self._client = TracingClient(tracking_uri)
        # Otherwise SageMaker's plugin makes a session, 8 ms of CPU, for every request it signs.
        self._session = boto3.Session()

    def request(
        self,
        method: str,
        path: str,
        *,
        body: Any = None,
        data: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        retries: int = REQUEST_RETRIES,
        timeout: float = TIMEOUT_SECONDS,
    ) -> Answer:
        """Send a request; never raises for a failure, which is part of the answer.

        Args:
            method: The HTTP method.
            path: The path with its query.
            body: Sent as JSON.
            data: Sent as it is, instead of `body`.
            headers: In addition to those of MLflow and the signature.
            retries: After no answer, throttling or an overloaded server.
            timeout: Seconds to wait for an answer.
        """
        content = {"json": body} if data is None else {"data": data}
        try:
            with use_session(self._session):
                response = http_request(
                    self._client.store.get_host_creds(),
                    path,
                    method,
                    max_retries=retries,
                    backoff_factor=1,
                    retry_codes=_RETRIED,
                    raise_on_status=False,
                    timeout=timeout,
                    extra_headers=dict(headers or {}),
                    **content,
                )
        except MlflowException as error:
            cause = type(error.__cause__ or error.__context__ or error).__name__
            return Answer(0, f"no answer from {self.tracking_uri} ({cause})")
        return Answer(response.status_code, response.text)


def configure_process(tracking_uri: str) -> None:
    """Prepare MLflow's client in this process for one server; its settings are global.

    Args:
        tracking_uri: An http URL or the ARN of an MLflow App or tracking server. SageMaker's plugin
            signs requests for the tracking URI of the process, whatever URI a client was made with.
    """
    for name, value in MLFLOW_CLIENT_ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    # Both log every retry and, for http URIs beside SageMaker's plugin, every single request.
    for noisy in ("mlflow", "urllib3"):
        logging.getLogger(noisy).setLevel(logging.ERROR)
    mlflow.set_tracking_uri(tracking_uri)


def connect(tracking_uri: str) -> MlflowApi:
    """Prepare the process for an MLflow server, see `configure_process`, and return its API."""
    configure_process(tracking_uri)
    return MlflowApi(tracking_uri)


class ServerVersion:
    """The version of an MLflow server, requested once, when it is first needed."""

    def __init__(self, api: MlflowApi) -> None:
        self._api = api
        self._version: tuple[int, ...] | None = None
        self._lock = threading.Lock()

    def accepts_spans_after_record(self) -> bool:
        """Whether spans that arrive after the record of their trace leave that record as it is.

        Servers before 3.15 add the tokens of the spans to those of the record. A server that does
        not say its version counts as one of them.
        """
        with self._lock:
            if self._version is None:
                answer = self._api.request("GET", "/version", retries=0)
                found = re.match(r"(\d+)\.(\d+)", answer.text) if answer.ok else None
                self._version = tuple(map(int, found.groups())) if found else ()
            return self._version >= _FIRST_WITH_RECOMPUTED_TOKENS


@dataclass(frozen=True, slots=True)
class Experiment:
    """An active experiment."""

    id: str
    artifact_location: str


class ExperimentByName:
    """The experiment that currently has a name; it is created when there is none.

    While a function is warm, somebody may rename it, or delete it and give its name to another one.
    """

    def __init__(self, api: MlflowApi, name: str) -> None:
        self._api = api
        self._name = name
        self._known: Experiment | None = None
        self._lock = threading.Lock()

    def get(self, *, again: bool = False) -> Experiment:
        """Return the experiment; `again` requests it from MLflow even if it is known.

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
        created = api.request("POST", f"{_EXPERIMENTS}/create", body={"name": name, "tags": [kind]})
        # Of functions that start together, one creates it; the others are refused and find it.
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
    answer = api.request("GET", f"{_EXPERIMENTS}/get-by-name?{query}")
    if answer.error_code == "RESOURCE_DOES_NOT_EXIST":
        return None
    document = answer.checked(f"look up experiment {name!r}").document
    experiment: dict[str, Any] = document["experiment"]
    return experiment
