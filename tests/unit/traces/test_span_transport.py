"""Spans that fail are told from a server that is down, with few requests and in bounded time."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from inference_monitor.errors import PermanentWriteError, TransientError
from inference_monitor.traces import span_transport
from inference_monitor.traces.build import BuiltTrace, build_trace
from inference_monitor.traces.server import Answer
from inference_monitor.traces.span_transport import NOT_SERVED, SpanTransport, StoreChoice
from tests import inferences

SPANS = "/v1/traces"
OK = Answer(200, "{}")
NO_ANSWER = Answer(0, "no answer")
MINUTE = 60


class Server:
    """MLflow's API, of which `spans` and `others` answer; `seconds` is what was waited at most."""

    def __init__(self) -> None:
        self.spans: Callable[[], Answer] = lambda: OK
        self.others: Callable[[], Answer] = lambda: OK
        self.counts: Counter[str] = Counter()
        self.seconds = 0.0
        self.now = 0.0
        self.tracking_uri = "http://mlflow"

    def request(self, _: str, path: str, *, timeout: float = 30, **__: Any) -> Answer:
        """Answer as set up; without an answer the time-out passes."""
        self.counts[path] += 1
        answer = self.spans() if path == SPANS else self.others()
        self.seconds += timeout * (answer.status == 0)
        return answer

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.seconds += seconds


@pytest.fixture
def server() -> Server:
    """A server that takes everything."""
    return Server()


@pytest.fixture(autouse=True)
def uploads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The locations that something was uploaded to."""
    locations: list[str] = []
    monkeypatch.setattr(
        span_transport, "upload_spans", lambda _, location, __: locations.append(location)
    )
    return locations


def store(server: Server, choice: StoreChoice = "auto") -> SpanTransport:
    """A transport to that server."""
    return SpanTransport(server, choice, clock=lambda: server.now, sleep=server.sleep)  # type: ignore[arg-type]


def built(count: int) -> list[BuiltTrace]:
    """Traces of as many chats."""
    chats = [inferences.chat(f"e-{n}") for n in range(count)]
    return [build_trace(chat, inferences.SOURCE, "1") for chat in chats]


def in_turn(*answers: Answer) -> Callable[[], Answer]:
    """Answers one after the other; the last one stays."""
    left = list(answers)
    return lambda: left.pop(0) if len(left) > 1 else left[0]


def is_for_artifacts(
    spans: SpanTransport, traces: Sequence[BuiltTrace], sent: dict[str, Answer]
) -> bool:
    """Whether all of them can be uploaded."""
    for trace in traces:
        spans.upload(trace, "s3://artifacts", sent[trace.trace_id])
    return True


DENIED = '{"error_code": "PERMISSION_DENIED"}'
UNCLEAR = [
    NO_ANSWER,
    *(Answer(status, "x") for status in (429, 500, 502, 503, 504)),
    *(Answer(status, DENIED) for status in (401, 403, 404)),
]


@pytest.mark.parametrize("answer", UNCLEAR)
def test_spans_fail_while_others_work(server: Server, answer: Answer) -> None:
    """After three requests for spans and two trials they are given up, within a minute."""
    server.spans = lambda: answer
    spans, traces = store(server), built(100)
    assert is_for_artifacts(spans, traces, spans.send(traces, "1"))
    assert server.counts[SPANS] <= 5
    assert server.counts.total() <= 7
    assert server.seconds <= 55
    assert not spans.served


@pytest.mark.parametrize("answer", UNCLEAR)
def test_everything_fails(server: Server, answer: Answer, uploads: list[str]) -> None:
    """A server that is down is not judged by its spans: nothing is uploaded, all is transient."""
    server.spans = server.others = lambda: answer
    spans, traces = store(server), built(100)
    sent = spans.send(traces, "1")
    assert spans.served
    for trace in traces:
        with pytest.raises(TransientError):
            spans.upload(trace, "s3://artifacts", sent[trace.trace_id])
    assert uploads == []


@pytest.mark.parametrize("status", [400, 422, 503])
def test_a_database_that_is_used_up(server: Server, status: int) -> None:
    """An answer that names the database shows that spans are served, whatever others have."""
    text = json.dumps({"detail": "QueuePool limit of size 5 overflow 10 reached"})
    server.spans = lambda: Answer(status, text)
    spans, traces = store(server), built(10)
    for _ in range(3):
        sent = spans.send(traces, "1")
        with pytest.raises(TransientError):
            spans.upload(traces[0], "s3://artifacts", sent[traces[0].trace_id])
    assert spans.served


@pytest.mark.parametrize("failing", [3, 4])
def test_one_trial_that_is_taken(server: Server, failing: int) -> None:
    """Spans of either of two traces, taken when tried again, show that the server takes spans."""
    server.spans = in_turn(*[Answer(503, "x")] * failing, OK)
    spans, traces = store(server), built(10)
    assert spans.send(traces, "1") == {}
    assert spans.served


def test_a_server_that_takes_few(server: Server) -> None:
    """One that is overloaded is not asked for each of a hundred; the rest is tried later."""
    server.spans = in_turn(*[NO_ANSWER] * 2, OK, NO_ANSWER)
    spans, traces = store(server), built(100)
    sent = spans.send(traces, "1")
    assert server.counts[SPANS] <= 2 + 1 + 3 + 6
    assert server.seconds <= 110
    with pytest.raises(TransientError):
        spans.upload(traces[50], "s3://artifacts", sent[traces[50].trace_id])


def test_single_traces_give_the_server_up_together(server: Server) -> None:
    """One trace alone may itself be the reason; the second of another one is not."""
    server.spans = lambda: Answer(500, "x")
    spans, traces = store(server), built(2)
    for _ in range(2):
        assert is_for_artifacts(spans, traces[:1], spans.send(traces[:1], "1"))
        assert spans.served
    assert is_for_artifacts(spans, traces[1:], spans.send(traces[1:], "1"))
    assert not spans.served


def test_spans_are_tried_again_with_one_request(server: Server) -> None:
    """A quarter of an hour later one trace is tried; while it fails, that is all it costs."""
    server.spans = lambda: NO_ANSWER
    spans, traces = store(server), built(10)
    spans.send(traces, "1")
    server.counts.clear()
    assert spans.send(traces, "1") == dict.fromkeys((t.trace_id for t in traces), NOT_SERVED)
    assert server.counts.total() == 0
    for _ in range(3):
        server.now += 16 * MINUTE
        server.seconds = 0
        assert spans.served
        assert is_for_artifacts(spans, traces, spans.send(traces, "1"))
        assert not spans.served
        assert server.seconds <= 5
    assert server.counts == {SPANS: 3}

    server.now += 16 * MINUTE
    server.spans = lambda: OK
    assert spans.send(traces, "1") == {}
    server.spans = in_turn(Answer(503, "x"), OK)
    server.now += 1
    assert spans.send(traces, "1") == {}


def test_a_busy_database_does_not_prolong_the_finding(server: Server) -> None:
    """When spans are tried again, an answer that names the database shows that they are served."""
    server.spans = lambda: Answer(404, "x")
    spans, traces = store(server), built(10)
    spans.send(traces, "1")
    server.now += 16 * MINUTE
    busy = Answer(400, json.dumps({"message": "QueuePool limit of size 5 overflow 10 reached"}))
    server.spans = in_turn(busy, OK)
    assert spans.send(traces, "1") == {}
    assert spans.served


def test_what_fails_after_the_upload_takes_the_finding_back(server: Server) -> None:
    """A record that cannot be written either shows that it was the server."""
    server.spans = lambda: Answer(503, "x")
    spans, traces = store(server), built(10)
    spans.send(traces, "1")
    spans.trust()
    assert spans.served
    server.spans = lambda: OK
    assert spans.send(traces, "1") == {}


def test_many_large_requests_without_an_answer(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After two requests without an answer the rest is not tried."""
    monkeypatch.setattr("inference_monitor.traces.span_transport._MAX_REQUEST_BYTES", 1)
    server.spans = lambda: NO_ANSWER
    spans, traces = store(server), built(20)
    assert is_for_artifacts(spans, traces, spans.send(traces, "1"))
    assert server.counts[SPANS] == 4
    assert server.seconds <= 75


def test_artifacts_only(server: Server) -> None:
    """With `artifacts` no spans are sent."""
    spans, traces = store(server, "artifacts"), built(2)
    assert is_for_artifacts(spans, traces, spans.send(traces, "1"))
    assert server.counts.total() == 0


@pytest.mark.parametrize(
    ("answer", "count", "error"),
    [
        (Answer(503, "x"), 2, TransientError),
        (Answer(404, "x"), 2, TransientError),
        (NO_ANSWER, 2, TransientError),
        (Answer(422, "x"), 1, PermanentWriteError),
        (Answer(422, "x"), 2, TransientError),  # the server takes none: no record is at fault
    ],
)
def test_spans_only(
    server: Server, answer: Answer, count: int, error: type[Exception], uploads: list[str]
) -> None:
    """With `spans` nothing is uploaded, whatever is answered, and spans are sent every time."""
    server.spans = lambda: answer
    spans, traces = store(server, "spans"), built(count)
    for _ in range(2):
        sent = spans.send(traces, "1")
        with pytest.raises(error, match="take the spans"):
            spans.upload(traces[0], "s3://artifacts", sent[traces[0].trace_id])
    assert spans.served
    assert server.counts.keys() == {SPANS}
    assert uploads == []
