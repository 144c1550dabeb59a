"""One function prepares the process for an MLflow server; the deployment's own settings win."""

from __future__ import annotations

import os

import mlflow
import pytest

from inference_monitor.config.mlflow_client import MLFLOW_CLIENT_ENVIRONMENT
from inference_monitor.traces.server import Answer, MlflowApi, ServerVersion, connect

URI = "http://mlflow.example"


@pytest.fixture(autouse=True)
def _restored(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave environment and tracking URI of the process as they were."""
    for name in MLFLOW_CLIENT_ENVIRONMENT:
        monkeypatch.setenv(name, "before")
        monkeypatch.delenv(name)
    monkeypatch.setattr(mlflow, "set_tracking_uri", lambda uri: monkeypatch.setenv("URI", uri))
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")


def test_the_client_is_configured_as_in_the_function() -> None:
    """Outside of a deployment MLflow's client has the time-out and retries of the function."""
    assert connect(URI).tracking_uri == URI
    assert os.environ["URI"] == URI
    assert MLFLOW_CLIENT_ENVIRONMENT.items() <= os.environ.items()


def test_the_environment_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is set already stays."""
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "5")
    connect(URI)
    assert os.environ["MLFLOW_HTTP_REQUEST_TIMEOUT"] == "5"


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (Answer(200, "3.14.9"), False),
        (Answer(200, "3.15.0"), True),
        (Answer(200, "4.0"), True),
        (Answer(200, "<html>"), False),
        (Answer(404, "3.17"), False),
    ],
)
def test_the_version_decides_the_order(
    monkeypatch: pytest.MonkeyPatch, answer: Answer, expected: bool
) -> None:
    """Records come first only where the version is known to be 3.15 or later; asked once."""
    requests: list[str] = []

    def request(_: MlflowApi, method: str, path: str, **__: object) -> Answer:
        requests.append(f"{method} {path}")
        return answer

    monkeypatch.setattr(MlflowApi, "request", request)
    version = ServerVersion(MlflowApi(URI))
    assert version.accepts_spans_after_record() is expected
    assert version.accepts_spans_after_record() is expected
    assert requests == ["GET /version"]
