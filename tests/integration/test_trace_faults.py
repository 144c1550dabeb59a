"""When MLflow, or the way to it, does not work: nothing is lost, and nobody pays for another."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
import requests

from inference_monitor.domain import Record
from inference_monitor.errors import TransientError
from inference_monitor.traces.store import MlflowTraceStore
from tests import inferences
from tests.integration.conftest import Endpoint
from tests.integration.faults import FrontDoor
from tests.mlflow_server import free_port

START, SPANS, UPLOADS = "/api/3.0/mlflow/traces", "/v1/traces", "/mlflow-artifacts/"


@pytest.fixture
def ten(endpoint: Endpoint) -> list[Record]:
    """Ten inferences with an assessment each."""
    events = [endpoint.event(n) for n in range(10)]
    return [inferences.scored(inferences.chat(e), inferences.feedback(e)) for e in events]


def _is_whole(endpoint: Endpoint, count: int) -> None:
    traces = endpoint.search()
    assert len(traces) == count
    assert {len(t.data.spans) for t in traces} == {1}
    assert {len(t.info.assessments) for t in traces} == {1}
    assert sum((t.info.token_usage or {})["total_tokens"] for t in traces) == count * 129


def test_mlflow_is_down(ten: list[Record]) -> None:
    """Nobody listening is transient, for every call, and says where."""
    store = MlflowTraceStore(f"http://127.0.0.1:{free_port()}", "any")
    with pytest.raises(TransientError, match="no answer from http://127"):
        store.lookup(["tr-1"])
    with pytest.raises(TransientError, match="no answer"):
        store.write(ten)


def test_an_impossible_record_costs_no_other(endpoint: Endpoint, ten: list[Record]) -> None:
    """A record of which no trace can be made is refused with the reason, the others are written."""
    year_one = inferences.chat(endpoint.event(99), inference_time=datetime(1, 1, 1, tzinfo=UTC))
    refused = endpoint.store.write([inferences.scored(year_one), *ten])
    assert list(refused) == [endpoint.trace_id(year_one)]
    assert "before 1970" in refused[endpoint.trace_id(year_one)]
    _is_whole(endpoint, 10)


@pytest.mark.parametrize("status", [400, 422])
def test_a_refused_record_costs_no_other(
    endpoint: Endpoint, door: FrontDoor, ten: list[Record], status: int
) -> None:
    """A record that MLflow refuses for good is reported, once, and the others are written."""
    bad = endpoint.trace_id(ten[3].inference)
    door.fault = lambda method, path, body: (
        status if (method, path) == ("POST", START) and bad.encode() in body else None
    )
    refused = endpoint.store.write(ten)
    assert list(refused) == [bad]
    assert str(status) in refused[bad]
    assert sum(s.complete for s in endpoint.store.lookup(_ids(endpoint, ten)).values()) == 9


def test_refused_spans_are_uploaded(endpoint: Endpoint, door: FrontDoor, ten: list[Record]) -> None:
    """A trace whose spans the database refuses is whole, with its spans in the artifacts."""
    bad = bytes.fromhex(endpoint.trace_id(ten[3].inference).removeprefix("tr-"))
    door.fault = lambda _, path, body: 422 if path == SPANS and bad in body else None
    assert endpoint.store.write(ten) == {}
    _is_whole(endpoint, 10)
    assert sum(s.complete for s in endpoint.store.lookup(_ids(endpoint, ten)).values()) == 10
    assert endpoint.store.write(ten) == {}
    _is_whole(endpoint, 10)


def test_spans_that_go_nowhere_are_refused(
    endpoint: Endpoint, door: FrontDoor, ten: list[Record]
) -> None:
    """Where a record's spans are refused and cannot be uploaded either, it is reported."""
    bad = endpoint.trace_id(ten[3].inference)
    needle = bytes.fromhex(bad.removeprefix("tr-"))

    def fault(_: str, path: str, body: bytes) -> int | None:
        if path == SPANS and needle in body:
            return 422
        return 403 if UPLOADS in path else None

    door.fault = fault
    # Servers before 3.9 take spans by upload only: nothing can be written, and all of it is kept.
    try:
        refused = endpoint.store.write(ten)
    except TransientError as error:
        assert not _takes_many_traces(door)
        assert "10 traces not written yet" in str(error)  # noqa: PT017
    else:
        assert list(refused) == [bad]
        assert sum(s.complete for s in endpoint.store.lookup(_ids(endpoint, ten)).values()) == 9


def test_a_failing_server_is_transient(
    endpoint: Endpoint, door: FrontDoor, ten: list[Record]
) -> None:
    """A server that fails is not asked a hundred times; the next delivery writes everything."""
    endpoint.store.write([])  # the experiment is there
    door.counts.clear()
    door.fault = lambda _, asked, __: 500 if asked == START else None
    with pytest.raises(TransientError, match=r"10 traces not written yet: .*500"):
        endpoint.store.write(ten)
    assert door.counts["POST /v1/traces"] <= 3
    door.fault = None
    assert endpoint.store.write(ten) == {}
    _is_whole(endpoint, 10)


def test_one_failing_record_costs_no_other(
    endpoint: Endpoint, door: FrontDoor, ten: list[Record]
) -> None:
    """A record on which the server fails every time is retried; the others are written before."""
    bad = endpoint.trace_id(ten[3].inference)
    needle = bytes.fromhex(bad.removeprefix("tr-"))

    def fault(method: str, path: str, body: bytes) -> int | None:
        mine = needle in body or ((method, path) == ("POST", START) and bad.encode() in body)
        return 500 if mine else None

    door.fault = fault
    with pytest.raises(TransientError, match="1 traces not written yet"):
        endpoint.store.write(ten)
    assert sum(s.complete for s in endpoint.store.lookup(_ids(endpoint, ten)).values()) == 9


def test_denied_access_loses_nothing(
    endpoint: Endpoint, door: FrontDoor, ten: list[Record]
) -> None:
    """A missing permission is somebody's to mend: no record is given up for it."""
    door.fault = lambda *_: 403
    with pytest.raises(TransientError, match="403"):
        endpoint.store.write(ten)


def test_a_deleted_experiment_is_said(endpoint: Endpoint, ten: list[Record]) -> None:
    """Writing into a deleted experiment says what to do, also when it was deleted meanwhile."""
    endpoint.store.write(ten[:1])
    experiment = endpoint.client.get_experiment_by_name(endpoint.experiment_name)
    assert experiment
    endpoint.client.delete_experiment(experiment.experiment_id)
    for store in (endpoint.store, endpoint.new_store()):
        with pytest.raises(TransientError, match="mlflow experiments restore --experiment-id"):
            store.write(ten)
    endpoint.client.restore_experiment(experiment.experiment_id)
    assert endpoint.store.write(ten) == {}
    _is_whole(endpoint, 10)


def _takes_many_traces(door: FrontDoor) -> bool:
    """Whether the server is one that takes spans, many traces at once: MLflow from 3.9 on."""
    major, minor = requests.get(f"{door.upstream}/version", timeout=10).text.split(".")[:2]
    return (int(major), int(minor)) >= (3, 9)


def _ids(endpoint: Endpoint, records: list[Record]) -> list[str]:
    return [endpoint.trace_id(r.inference) for r in records]
