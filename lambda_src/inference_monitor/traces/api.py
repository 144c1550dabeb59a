"""MLflow's REST API, as far as the writer needs it, with one judgement of what went wrong.

MLflow's own `RestStore` is not used for these calls: it retries a 500 (which servers before 3.15
give for a concurrent duplicate) and tells a timeout from a refusal by message only. Addresses,
credentials, signing and the connection pool are MLflow's.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import boto3
import mlflow
from mlflow.exceptions import MlflowException
from mlflow.tracing.client import TracingClient
from mlflow.utils.rest_utils import http_request
from sagemaker_mlflow import use_session

from inference_monitor.errors import PermanentWriteError, TransientError
from inference_monitor.traces.database_errors import error_text, is_temporary, unquoted

TRACES = "/api/3.0/mlflow/traces"
TIMEOUT_SECONDS = 30
_RETRIES = 2
_RETRIED = frozenset({429, 502, 503, 504})
_REFUSALS = frozenset({400, 409, 413, 415, 422})
"""Statuses that speak about what was sent. All others speak about the server or our rights there,
which someone can mend: the record must not be lost for them."""

_DATABASE_CODES = frozenset({"BAD_REQUEST", "INTERNAL_ERROR", "TEMPORARILY_UNAVAILABLE", None})
"""MLflow's codes of an error that its database had; what it finds wrong by itself has others."""

# For what MLflow does besides these calls, i.e. uploads: it would retry for 4 minutes by default.
_CLIENT_DEFAULTS = {
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": str(_RETRIES),
    "MLFLOW_HTTP_REQUEST_TIMEOUT": str(TIMEOUT_SECONDS),
    "MLFLOW_DISABLE_TELEMETRY": "true",
}


@dataclass(frozen=True, slots=True)
class Answer:
    """What MLflow answered; status 0 when nothing came back."""

    status: int
    text: str

    @property
    def ok(self) -> bool:
        """Whether the call succeeded."""
        return self.status == 200

    @property
    def refused(self) -> bool:
        """Whether the same call will fail however often it is made."""
        return self.status in _REFUSALS and not self.database_failed

    @property
    def database_failed(self) -> bool:
        """Whether MLflow's database is used up, locked or lost: for now, whatever the status."""
        return not self.ok and self.error_code in _DATABASE_CODES and is_temporary(self._message)

    @property
    def error_code(self) -> str | None:
        """MLflow's name of the error, None when the answer is not MLflow's."""
        document = self.document
        return document.get("error_code") if isinstance(document, dict) else None

    @property
    def document(self) -> Any:
        """The answer as parsed JSON, None if it is none."""
        try:
            return json.loads(self.text)
        except ValueError:
            return None

    @property
    def reason(self) -> str:
        """Status and first words of the message, without what it quotes: that may be a prompt."""
        first_line = error_text(self._message).partition("\n")[0]
        return f"{self.status or ''} {unquoted(first_line).strip()[:200]}".strip()

    @property
    def _message(self) -> str:
        """What is said besides the status: `message` is MLflow's, `detail` that of /v1/traces."""
        document = self.document
        found = None
        if isinstance(document, dict):
            found = document.get("message") or document.get("detail")
        return str(found or self.text)

    def checked(self, action: str) -> Answer:
        """This answer, if it is good.

        Raises:
            PermanentWriteError: If what was sent is refused.
            TransientError: If the server failed, or denies access.
        """
        if self.ok:
            return self
        error = PermanentWriteError if self.refused else TransientError
        raise error(f"MLflow did not {action}: {self.reason}")


class MlflowApi:
    """One MLflow server, reached by any tracking URI (http, or the ARN of a SageMaker one).

    The tracking URI becomes the process's own: SageMaker's plugin signs requests for that one.
    """

    def __init__(self, tracking_uri: str) -> None:
        for name, value in _CLIENT_DEFAULTS.items():
            os.environ.setdefault(name, value)
        # Both log every retry and, for http URIs beside SageMaker's plugin, every single request.
        for noisy in ("mlflow", "urllib3"):
            logging.getLogger(noisy).setLevel(logging.ERROR)
        mlflow.set_tracking_uri(tracking_uri)
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
        retries: int = _RETRIES,
        timeout: float = TIMEOUT_SECONDS,
    ) -> Answer:
        """Make a call; whatever comes of it is the answer.

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
