"""Spans fail while the rest of MLflow works: traces are whole all the same, from the artifacts."""

from __future__ import annotations

import time

import pytest
import requests

from inference_monitor.domain import Record
from inference_monitor.errors import TransientError
from inference_monitor.traces import span_transport, store
from inference_monitor.traces.span_transport import StoreChoice
from inference_monitor.traces.store import MlflowTraceStore
from tests import inferences
from tests.integration.conftest import Endpoint
from tests.integration.faults import SILENT, Fault, FrontDoor, Reply, mlflow_error

START, SPANS, SEARCH = "/api/3.0/mlflow/traces", "/v1/traces", "/api/3.0/mlflow/traces/search"
UPLOADED = "spans_uploaded"

POOL = (
    "QueuePool limit of size 5 overflow 10 reached, connection timed out, timeout 30.00 "
    "(Background on this error at: https://sqlalche.me/e/20/3o7r)"
)
REPLIES: dict[str, int | Reply] = {
    "401": 401,
    "401 of MLflow": mlflow_error(401, "UNAUTHENTICATED"),
    "403": 403,
    "403 of MLflow": mlflow_error(403, "PERMISSION_DENIED"),
    "404": 404,
    "404 of MLflow": mlflow_error(404, "ENDPOINT_NOT_FOUND"),
    "405": 405,
    "429": 429,
    "500": 500,
    "500 of MLflow": mlflow_error(500, "INTERNAL_ERROR"),
    "501": 501,
    "502": 502,
    "503": 503,
    "504": 504,
    "accepted and lost": 200,
}


@pytest.fixture
def ten(endpoint: Endpoint) -> list[Record]:
    """Ten inferences with an assessment each."""
    return _some(endpoint, range(10))


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for nothing between requests."""
    monkeypatch.setattr(span_transport, "_PAUSE_SECONDS", 0)
    monkeypatch.setattr(store, "_ARRIVAL_SECONDS", 0)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for seconds less than the front door is silent."""
    monkeypatch.setattr(span_transport, "_SECONDS", 2.5)
    monkeypatch.setattr(span_transport, "_SECONDS_AFTER_NO_ANSWER", 2)
    monkeypatch.setattr(span_transport, "_TRIAL_SECONDS", 2)


def _some(endpoint: Endpoint, numbers: range) -> list[Record]:
    events = [endpoint.event(n) for n in numbers]
    return [inferences.scored(inferences.chat(e), inferences.feedback(e)) for e in events]


def _on_spans(reply: int | Reply) -> Fault:
    return lambda _, path, __: reply if path == SPANS else None


def _are_whole(endpoint: Endpoint, count: int) -> None:
    """What MLflow's own client shows: every trace once, with spans, texts, tokens and scores."""
    traces = endpoint.search()
    assert len({t.info.trace_id for t in traces}) == len(traces) == count
    for trace in traces:
        (root,) = trace.data.spans
        assert root.inputs["messages"][1]["content"] == "Why is the sky blue?"
        assert root.outputs["choices"][0]["message"]["content"].startswith("Air scatters")
        assert (trace.info.token_usage or {})["total_tokens"] == 129
        assert [a.name for a in trace.info.assessments] == ["safety"]


def _uploaded(endpoint: Endpoint) -> int:
    return sum(UPLOADED in t.info.trace_metadata for t in endpoint.search())


@pytest.mark.usefixtures("impatient")
def test_no_answer_to_spans_and_the_rest_works(
    endpoint: Endpoint, door: FrontDoor, ten: list[Record]
) -> None:
    """Nor does a server that is silent about spans, and it is not waited for a hundred times."""
    door.fault = _on_spans(SILENT)
    assert endpoint.store.write(ten) == {}
    assert door.counts["POST /v1/traces"] <= 4
    _are_whole(endpoint, 10)
    assert _uploaded(endpoint) == 10
    door.counts.clear()
    assert endpoint.store.write(_some(endpoint, range(10, 12))) == {}
    assert door.counts["POST /v1/traces"] == 0


@pytest.mark.parametrize("reply", REPLIES.values(), ids=REPLIES.keys())
def test_spans_fail_and_the_rest_works(
    endpoint: Endpoint, door: FrontDoor, ten: list[Record], reply: int | Reply
) -> None:
    """Traces go to the artifacts and are whole; it costs few requests, and nobody asks again."""
    door.fault = _on_spans(reply)
    assert endpoint.store.write(ten) == {}
    assert door.counts["POST /v1/traces"] <= 5
    _are_whole(endpoint, 10)
    assert _uploaded(endpoint) == 10
    assert all(s.complete for s in endpoint.store.lookup(_ids(endpoint, ten)).values())

    door.counts.clear()
    assert endpoint.store.write(ten) == {}
    assert door.total == 1  # the search that finds them
    assert endpoint.store.write(_some(endpoint, range(10, 12))) == {}
    assert door.counts["POST /v1/traces"] == 0
    _are_whole(endpoint, 12)


@pytest.mark.parametrize("reply", [503, mlflow_error(403, "PERMISSION_DENIED"), SILENT, 403])
def test_a_server_that_is_down_is_transient(
    endpoint: Endpoint, door: FrontDoor, ten: list[Record], reply: int | Reply
) -> None:
    """When everything of the server fails, nothing goes to the artifacts, then or later."""
    endpoint.store.write(_some(endpoint, range(20, 21)))
    door.fault = lambda *_: reply
    with pytest.raises(TransientError):
        endpoint.store.write(ten)
    door.fault = None
    assert endpoint.store.write(ten) == {}
    _are_whole(endpoint, 11)
    assert _uploaded(endpoint) == 0


@pytest.mark.parametrize("fails_after", range(1, 18, 2))
def test_a_server_that_goes_down_on_the_way(
    endpoint: Endpoint, door: FrontDoor, ten: list[Record], fails_after: int
) -> None:
    """From whichever request on all of them fail: no trace is shown from the artifacts."""
    endpoint.store.write(_some(endpoint, range(20, 21)))
    door.counts.clear()
    door.fault = lambda *_: 503 if door.total > fails_after else None
    more = _some(endpoint, range(21, 40))
    with pytest.raises(TransientError):
        _ = [endpoint.store.write(batch) for batch in (ten, more)]
    door.fault = None
    assert endpoint.store.write(ten) == {}
    traces = [t for t in endpoint.search() if t.info.trace_id in _ids(endpoint, ten)]
    assert len(traces) == 10
    assert {len(t.data.spans) for t in traces} == {1}
    assert _uploaded(endpoint) == 0


def test_a_database_that_cannot_write(
    endpoint: Endpoint, door: FrontDoor, ten: list[Record]
) -> None:
    """While searches work and no write does, traces wait; nothing goes to the artifacts."""
    endpoint.store.write(_some(endpoint, range(20, 21)))
    door.fault = lambda method, path, _: None if method == "GET" or path == SEARCH else 503
    with pytest.raises(TransientError, match="503"):
        endpoint.store.write(ten)
    door.fault = None
    assert endpoint.store.write(ten) == {}
    _are_whole(endpoint, 11)
    assert _uploaded(endpoint) == 0


@pytest.mark.parametrize("status", [400, 500, 503])
def test_a_pool_that_is_used_up(
    endpoint: Endpoint, door: FrontDoor, ten: list[Record], status: int
) -> None:
    """Spans that meet no free connection wait for one, also if searches and records have luck."""
    door.fault = _on_spans(mlflow_error(status, "BAD_REQUEST", POOL))
    with pytest.raises(TransientError, match=f"10 traces not written yet: .*{status} QueuePool"):
        endpoint.store.write(ten)
    door.fault = None
    assert endpoint.store.write(ten) == {}
    _are_whole(endpoint, 10)
    assert _uploaded(endpoint) == 0


def test_spans_that_failed_for_a_moment(
    endpoint: Endpoint, door: FrontDoor, ten: list[Record]
) -> None:
    """Spans that are taken when they are tried once more are sent, one trace after the other."""
    door.fault = lambda _, path, __: (
        503 if path == SPANS and door.counts["POST /v1/traces"] <= 3 else None
    )
    assert endpoint.store.write(ten) == {}
    _are_whole(endpoint, 10)
    assert _uploaded(endpoint) == 0


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("which", [0, 9])
@pytest.mark.parametrize("reply", [500, SILENT, mlflow_error(500, "INTERNAL_ERROR")])
def test_one_trace_whose_spans_always_fail(
    endpoint: Endpoint,
    door: FrontDoor,
    ten: list[Record],
    reply: int | Reply,
    which: int,
) -> None:
    """It alone goes to the artifacts, and the server is trusted with the spans of others."""
    needle = bytes.fromhex(_ids(endpoint, ten)[which].removeprefix("tr-"))
    door.fault = lambda _, path, body: reply if path == SPANS and needle in body else None
    assert endpoint.store.write(ten) == {}
    _are_whole(endpoint, 10)
    (alone,) = [t for t in endpoint.search() if UPLOADED in t.info.trace_metadata]
    assert alone.info.trace_id == _ids(endpoint, ten)[which]
    assert endpoint.store._spans.served


def test_spans_are_tried_again_after_a_while(
    endpoint: Endpoint, door: FrontDoor, ten: list[Record]
) -> None:
    """A server that was upgraded, or had a bad time, gets spans again; one that fails on does not.

    Trying costs one request.
    """
    clock = _Clock()
    endpoint.store._spans._clock = clock
    door.fault = _on_spans(503)
    assert endpoint.store.write(ten) == {}
    clock.now += 3600
    door.counts.clear()
    assert endpoint.store.write(_some(endpoint, range(10, 20))) == {}
    assert door.counts["POST /v1/traces"] == 1
    assert _uploaded(endpoint) == 20

    door.fault = None
    assert endpoint.store.write(_some(endpoint, range(20, 30))) == {}
    assert _uploaded(endpoint) == 30
    clock.now += 3600
    assert endpoint.store.write(_some(endpoint, range(30, 40))) == {}
    assert _uploaded(endpoint) == 30
    _are_whole(endpoint, 40)


def test_spans_that_begin_to_get_lost(
    endpoint: Endpoint, door: FrontDoor, ten: list[Record]
) -> None:
    """A front door that has passed spans on before is found out when it stops to."""
    assert endpoint.store.write(ten) == {}
    door.fault = _on_spans(200)
    assert endpoint.store.write(_some(endpoint, range(10, 20))) == {}
    _are_whole(endpoint, 20)
    assert _uploaded(endpoint) == 10


def test_no_artifact_store_either(
    endpoint: Endpoint,
    door: FrontDoor,
    ten: list[Record],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Where spans fail and the artifact store, too, both are told, and spans are tried again."""
    _no_uploads(monkeypatch)
    door.fault = _on_spans(503)
    with pytest.raises(TransientError, match=r"cannot be stored at .*; /v1/traces: .* 503"):
        endpoint.store.write(ten)
    door.fault = None
    assert endpoint.store.write(ten) == {}
    _are_whole(endpoint, 10)
    assert _uploaded(endpoint) == 0


def test_artifacts_by_choice(endpoint: Endpoint, door: FrontDoor, ten: list[Record]) -> None:
    """With `artifacts` no span is ever sent, and the traces are whole."""
    store = _choosing(endpoint, "artifacts")
    assert store.write(ten) == {}
    assert door.counts["POST /v1/traces"] == 0
    _are_whole(endpoint, 10)
    assert _uploaded(endpoint) == 10


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (503, "take the spans: 503"),
        (404, "take the spans: 404"),
        (422, "take the spans: 501 422 .*MLFLOW_TRACE_STORE=artifacts"),
        (200, "accepts spans and does not store"),
    ],
)
def test_spans_by_choice(
    endpoint: Endpoint,
    door: FrontDoor,
    ten: list[Record],
    monkeypatch: pytest.MonkeyPatch,
    reply: int,
    reason: str,
) -> None:
    """With `spans` nothing is uploaded, and what fails is tried again."""
    uploads = _no_uploads(monkeypatch)
    store = _choosing(endpoint, "spans")
    door.fault = _on_spans(reply)
    with pytest.raises(TransientError, match=f"10 traces not written yet: .*{reason}"):
        store.write(ten)
    door.fault = None
    assert store.write(ten) == {}
    _are_whole(endpoint, 10)
    assert _uploaded(endpoint) == 0
    assert not uploads


def test_a_refused_record_by_choice_of_spans(
    endpoint: Endpoint, door: FrontDoor, ten: list[Record]
) -> None:
    """With `spans` one record whose spans are refused is reported, and the others are written."""
    bad = _ids(endpoint, ten)[3]
    needle = bytes.fromhex(bad.removeprefix("tr-"))
    door.fault = lambda _, path, body: 422 if path == SPANS and needle in body else None
    refused = _choosing(endpoint, "spans").write(ten)
    assert list(refused) == [bad]
    assert "take the spans: 422" in refused[bad]


class _Clock:
    """Seconds that a test lets pass."""

    def __init__(self) -> None:
        self.now = time.monotonic()

    def __call__(self) -> float:
        return self.now


def _choosing(endpoint: Endpoint, choice: StoreChoice) -> MlflowTraceStore:
    return MlflowTraceStore(endpoint.uri, endpoint.experiment_name, choice)


def _no_uploads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Let the artifact store refuse everything; gives where something was to be put."""
    asked: list[str] = []

    def refuse(location: str, **_: object) -> None:
        asked.append(location)
        raise requests.ConnectionError

    monkeypatch.setattr(span_transport, "get_artifact_repository", refuse)
    return asked


def _ids(endpoint: Endpoint, records: list[Record]) -> list[str]:
    return [endpoint.trace_id(r.inference) for r in records]
