"""Sending and following: errors by kind, lags, and what never becomes a trace."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from inference_monitor_cli.load.following import Follower, Outcome, run_load
from inference_monitor_cli.load.report import as_document, as_lines, percentiles
from inference_monitor_cli.load.schedule import Schedule
from inference_monitor_cli.load.sending import Sender, Sent
from tests.unit.cli.load.simulated import FakeTime


class Endpoint:
    """Answers, or raises what `fails` has for a request's number."""

    def __init__(self, fails: dict[int, Exception] | None = None) -> None:
        self.fails = fails or {}
        self.taken: dict[str, bytes] = {}
        self.closed = False

    def send(self, inference_id: str, body: bytes) -> None:
        """Take one request."""
        if error := self.fails.get(int(inference_id.rpartition("-")[2])):
            raise error
        self.taken[inference_id] = body

    def close(self) -> None:
        """Remember it."""
        self.closed = True


def refused(code: str) -> ClientError:
    """An error of InvokeEndpoint."""
    return ClientError({"Error": {"Code": code, "Message": "x"}}, "InvokeEndpoint")


def sender(endpoint: Endpoint, time: FakeTime) -> Sender:
    """A sender of two bodies in turn."""
    return Sender(
        target=endpoint, bodies=[b"a", b"b"], run="run", concurrency=2, clock=time.clock
    )  # fmt: skip


def test_requests_are_sent_when_they_are_due() -> None:
    """In turn through the bodies, each under an id of its own, and the target is closed."""
    time, endpoint = FakeTime(), Endpoint()
    sent = sender(endpoint, time).send(Schedule(rate=4, count=5), lambda _: None)
    assert endpoint.taken == {
        "run-0": b"a", "run-1": b"b", "run-2": b"a", "run-3": b"b", "run-4": b"a"
    }  # fmt: skip
    assert {one.inference_id for one in sent} == set(endpoint.taken)
    assert time.seconds == pytest.approx(1.0)
    assert endpoint.closed


def test_errors_are_counted_by_kind() -> None:
    """AWS's codes, also one that is not in the model, and botocore's own errors."""
    endpoint = Endpoint({
        0: refused("ModelError"), 1: refused("ThrottlingException"), 2: refused("ModelError"),
        3: ReadTimeoutError(endpoint_url="https://x"),
    })  # fmt: skip
    sent = sender(endpoint, FakeTime()).send(Schedule(rate=4, count=6), lambda _: None)
    document = as_document(Outcome(sent, {"run-4": 9.0, "run-5": 9.0}))
    assert document["errors"] == {
        "ModelError": 2, "ThrottlingException": 1, "ReadTimeoutError": 1
    }  # fmt: skip
    assert (document["sent"], document["answered"], document["missing"]) == (6, 2, [])


def test_an_error_that_is_a_mistake_is_not_swallowed() -> None:
    """Only what AWS answers is counted."""
    endpoint = Endpoint({1: KeyError("x")})
    with pytest.raises(KeyError):
        sender(endpoint, FakeTime()).send(Schedule(rate=4, count=6), lambda _: None)


def test_a_run_follows_until_each_is_a_trace() -> None:
    """Requests and traces are shown as they come; nothing is missing in the end."""
    time, endpoint, shown = FakeTime(), Endpoint(), []
    outcome = run_load(
        sender(endpoint, time),
        Follower(lambda: set(endpoint.taken), time.clock),
        Schedule(rate=4, count=6),
        wait_seconds=60,
        show=lambda sent, seen: shown.append((sent, seen)),
    )
    assert shown[-1] == (6, 6)
    assert outcome.missing == []
    assert len(outcome.lags) == 6


def test_waiting_ends_after_the_last_new_trace() -> None:
    """A trace that never comes is named; each new one gives the others more time."""
    time = FakeTime()

    def search() -> set[str]:
        return {f"run-{n}" for n in range(3) if time.seconds >= 40 * n}

    follower = Follower(search, time.clock)
    follower.wait_for({"run-0", "run-1", "run-2", "run-lost"}, 50, lambda _: None)
    assert follower.seen == {"run-0": 0, "run-1": 40, "run-2": 80}
    assert time.seconds == 130


def test_a_failed_search_stops_the_sending() -> None:
    """The error comes out, and the rest is not sent."""
    time, endpoint = FakeTime(), Endpoint()

    def search() -> set[str]:
        raise refused("AccessDenied")

    one = sender(endpoint, time)
    with pytest.raises(ClientError):
        run_load(
            one, Follower(search, time.clock), Schedule(rate=1, count=5),
            wait_seconds=1, show=lambda *_: None,
        )  # fmt: skip
    assert one.stopped.is_set()


def test_the_lag_is_from_the_answer_to_the_trace() -> None:
    """Not from the request; a trace that was seen before the answer arrived has none."""
    sent = [
        Sent(inference_id="a", started=0, ended=2, late=0),
        Sent(inference_id="b", started=1, ended=4, late=0),
        Sent(inference_id="c", started=2, ended=3, late=0, error="ModelError"),
    ]
    outcome = Outcome(sent, {"a": 7.0, "b": 3.0, "c": 99.0})
    assert outcome.lags == [(2, 5.0), (4, 0.0)]
    assert outcome.rate == 1.0


def test_percentiles_are_by_nearest_rank() -> None:
    """Of a hundred values the 95th is the 95th; of nothing there is none."""
    assert percentiles([float(n) for n in range(100, 0, -1)]) == {"p50": 50, "p95": 95, "p99": 99}
    assert percentiles([3.0]) == {"p50": 3, "p95": 3, "p99": 3}
    assert percentiles([]) is None


def test_missing_inferences_are_named_up_to_ten() -> None:
    """In 80 columns, with how many more there are."""
    sent = [Sent(inference_id=f"load-{n}", started=n, ended=n, late=0) for n in range(12)]
    lines = as_lines(as_document(Outcome(sent, {})))
    assert "missing   12 of 12 inferences have no trace" in lines
    assert lines[-1].strip() == "and 2 more"
    assert max(map(len, lines)) <= 80
    assert "lag       not measured" in lines
