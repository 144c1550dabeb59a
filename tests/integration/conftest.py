"""An experiment, a store and a counted way to an MLflow server for every test.

Every test that takes `endpoint` or `door` is run on each version of the server named here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from uuid import uuid4

import pytest
from mlflow import MlflowClient
from mlflow.entities import Trace

from inference_monitor.identity import trace_id
from inference_monitor.inference import Inference, Source
from inference_monitor.traces.store import MlflowTraceStore
from local.settings import ENVIRONMENTS
from tests import inferences
from tests.integration.faults import FrontDoor, front_door
from tests.mlflow_server import mlflow_server

NEWEST = "newest"
# What SageMaker's managed MLflow was seen to run.
MANAGED = "3.10.1"


@pytest.fixture(scope="session")
def managed_uri(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URI of a server of the version that SageMaker runs, until the session ends."""
    program = ENVIRONMENTS / f"venv-mlflow-{MANAGED}/bin/mlflow"
    if not program.exists():
        # `make test` builds it first.
        pytest.skip(f"no MLflow {MANAGED}: make .local/venv-mlflow-{MANAGED}/.installed")
    with mlflow_server(tmp_path_factory.mktemp("managed"), str(program)) as uri:
        yield uri


@pytest.fixture(params=[NEWEST, MANAGED])
def server_uri(request: pytest.FixtureRequest) -> str:
    """The URI of each version of the server; both run all the time, in whichever order tests do."""
    name = "mlflow_uri" if request.param == NEWEST else "managed_uri"
    return str(request.getfixturevalue(name))


@pytest.fixture
def door(server_uri: str) -> Iterator[FrontDoor]:
    """A way to the server on which requests are counted and faults can be had."""
    with front_door(server_uri) as opened:
        yield opened


class Endpoint:
    """One endpoint's inferences in an experiment of their own, and what MLflow shows of them."""

    def __init__(self, door: FrontDoor, server_uri: str) -> None:
        self.run = uuid4().hex[:8]
        self.experiment_name = f"test-{self.run}"
        self.uri = door.uri
        self._server_uri = server_uri
        self.client = MlflowClient(server_uri)
        self.store = self.new_store()

    def new_store(self) -> MlflowTraceStore:
        """A store as another process would have it."""
        return MlflowTraceStore(self.uri, self.experiment_name)

    def event(self, number: int) -> str:
        """An event id that no other test uses."""
        return f"{self.run}-{number}"

    def trace_id(self, inference: Inference) -> str:
        """The id of an inference's trace."""
        return trace_id(self.source, inference.event_id)

    @property
    def source(self) -> Source:
        """The source of all inferences of this endpoint, with its experiment."""
        own = MlflowTraceStore(self._server_uri, self.experiment_name)
        return replace(inferences.SOURCE, experiment_id=own.experiment_id())

    def search(self, filter_string: str | None = None) -> list[Trace]:
        """All traces of the experiment that a filter finds, with their spans, in order of event."""
        experiment = self.client.get_experiment_by_name(self.experiment_name)
        assert experiment
        found = self.client.search_traces(
            locations=[experiment.experiment_id], filter_string=filter_string, max_results=500
        )
        return sorted(found, key=lambda t: t.info.tags.get("event_id", ""))


@pytest.fixture
def endpoint(door: FrontDoor, server_uri: str) -> Endpoint:
    """An experiment for one test."""
    return Endpoint(door, server_uri)
