"""An experiment, a store and a counted way to the MLflow server for every test."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import pytest
from mlflow import MlflowClient
from mlflow.entities import Trace

from inference_monitor.inference import Inference
from inference_monitor.traces.identity import trace_id
from inference_monitor.traces.writer import MlflowTraceStore
from tests import inferences
from tests.integration.faults import FrontDoor, front_door


@pytest.fixture
def door(mlflow_uri: str) -> Iterator[FrontDoor]:
    """A way to that server on which requests are counted and faults can be had."""
    with front_door(mlflow_uri) as opened:
        yield opened


class Endpoint:
    """One endpoint's inferences in an experiment of their own, and what MLflow shows of them."""

    def __init__(self, door: FrontDoor, mlflow_uri: str) -> None:
        self.run = uuid4().hex[:8]
        self.experiment_name = f"test-{self.run}"
        self.uri = door.uri
        self.client = MlflowClient(mlflow_uri)
        self.store = self.new_store()

    def new_store(self) -> MlflowTraceStore:
        """A store as another process would have it."""
        return MlflowTraceStore(self.uri, self.experiment_name)

    def event(self, number: int) -> str:
        """An event id that no other test uses."""
        return f"{self.run}-{number}"

    def trace_id(self, inference: Inference) -> str:
        """The id of an inference's trace."""
        return trace_id(inferences.SOURCE.endpoint, inference.event_id)

    def search(self, filter_string: str | None = None) -> list[Trace]:
        """All traces of the experiment that a filter finds, with their spans, in order of event."""
        experiment = self.client.get_experiment_by_name(self.experiment_name)
        assert experiment
        found = self.client.search_traces(
            locations=[experiment.experiment_id], filter_string=filter_string, max_results=500
        )
        return sorted(found, key=lambda t: t.info.tags.get("event_id", ""))


@pytest.fixture
def endpoint(door: FrontDoor, mlflow_uri: str) -> Endpoint:
    """An experiment for one test."""
    return Endpoint(door, mlflow_uri)
