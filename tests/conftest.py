"""What several suites share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.mlflow_server import mlflow_server


@pytest.fixture(scope="session")
def mlflow_uri(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URI of a real MLflow server that runs until the session ends."""
    with mlflow_server(tmp_path_factory.mktemp("mlflow")) as uri:
        yield uri
