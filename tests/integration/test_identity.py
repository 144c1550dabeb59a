"""Two experiments on one MLflow server that monitor one endpoint: each keeps its own traces."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier
from uuid import uuid4

import pytest
from mlflow import MlflowClient
from mlflow.entities import Trace

from benchmarks.reliability.postgres import postgres
from inference_monitor.capture.reader import Entry, read_document
from inference_monitor.capture.source import source_of
from inference_monitor.domain import Delivery, Record, StoredTrace
from inference_monitor.errors import TransientError
from inference_monitor.identity import trace_id
from inference_monitor.ledger import Summary
from inference_monitor.scoring.scorers import Scorers
from inference_monitor.service import Monitor
from inference_monitor.traces.store import MlflowTraceStore
from local.processes import StartError
from local.settings import ENVIRONMENTS
from tests import inferences
from tests.mlflow_server import mlflow_server
from tests.unit.builders import capture
from tests.unit.fakes import FakeClaims, FakeResults
from tests.unit.judging import SAFETY, FakeBedrock, scorers, verdict

_OLDEST = "3.4.0"
_RECORDS = 30
_KEY = "llm/llm-endpoint/{}/2026/01/07/22/18-03-869-0000.jsonl"


@pytest.fixture(scope="module")
def oldest_uri(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URI of a server of the oldest version that is supported."""
    program = ENVIRONMENTS / f"venv-mlflow-{_OLDEST}/bin/mlflow"
    if not program.exists():
        pytest.skip(f"no MLflow {_OLDEST}: make .local/venv-mlflow-{_OLDEST}/.installed")
    with mlflow_server(tmp_path_factory.mktemp("oldest"), str(program)) as uri:
        yield uri


@pytest.fixture(scope="module")
def postgres_uri(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URI of the newest server on Postgres."""
    try:
        with postgres() as database, pytest.MonkeyPatch.context() as patched:
            patched.setenv("MLFLOW_TEST_DATABASE", database)
            with mlflow_server(tmp_path_factory.mktemp("postgres")) as uri:
                yield uri
    except StartError as error:
        pytest.skip(str(error))


@pytest.fixture(params=["mlflow_uri", "managed_uri", "oldest_uri", "postgres_uri"])
def uri(request: pytest.FixtureRequest) -> str:
    """Each version of the server, and each database."""
    return str(request.getfixturevalue(request.param))


class Team:
    """A deployment with its experiment, claims and results; a new `monitor` is a cold function."""

    def __init__(self, uri: str, name: str) -> None:
        self.uri = uri
        self.experiment = f"{name}-{uuid4().hex[:8]}"
        self.client = MlflowClient(uri)
        self.claims, self.results = FakeClaims(), FakeResults()
        self.monitor = self.cold_monitor()

    def cold_monitor(self) -> Monitor:
        """What a function that has just started knows: nothing."""
        store = MlflowTraceStore(self.uri, self.experiment)
        return Monitor(store, self.claims, _judge(), self.results)

    def take(self, events: Sequence[str], variant: str = "AllTraffic") -> Summary:
        """Process a capture file of these events."""
        source = source_of("captures", _KEY.format(variant), "llm-endpoint")
        return self.monitor.process(source, _entries(events), Delivery(uuid4().hex))

    def id(self) -> str:
        """The id of the experiment that has the name now."""
        found = self.client.get_experiment_by_name(self.experiment)
        assert found
        return str(found.experiment_id)

    def traces(self, experiment_id: str | None = None) -> list[Trace]:
        """The traces of the experiment, or of one that had the name before."""
        return list(
            self.client.search_traces(locations=[experiment_id or self.id()], max_results=500)
        )


def _entries(events: Sequence[str]) -> Iterator[Entry]:
    for event in events:
        yield read_document(capture({"inputs": "Why?"}, {"generated_text": "So."}, eventId=event))


def _judge() -> Scorers:
    """One that gives the same verdict about everything, under the ids that ours has."""
    return scorers(FakeBedrock(verdict("yes")), SAFETY)


def _events(count: int = _RECORDS) -> list[str]:
    return [str(uuid4()) for _ in range(count)]


def _seen(traces: Sequence[Trace]) -> list[tuple[str, int, int]]:
    """Event, number of spans and of assessments of each trace, in order of event."""
    return sorted(
        (t.info.tags["event_id"], len(t.data.spans), len(t.info.assessments)) for t in traces
    )


def _whole(events: Sequence[str]) -> list[tuple[str, int, int]]:
    return sorted((event, 1, 1) for event in events)


def test_two_experiments_keep_what_both_are_given_at_once(uri: str) -> None:
    """Of a file that two deployments get at the same moment, each has every trace once, whole."""
    teams, events, together = [Team(uri, "prod"), Team(uri, "dev")], _events(), Barrier(2)

    def take(team: Team) -> Summary:
        together.wait(30)
        return team.take(events)

    for delivery in range(2):
        with ThreadPoolExecutor(2) as pool:
            summaries = list(pool.map(take, teams))
        told = [(s.traced, s.duplicate, s.quarantined, s.judge_calls) for s in summaries]
        first = delivery == 0
        assert told == [(30, 0, 0, 30) if first else (0, 30, 0, 0)] * 2
    for team in teams:
        assert _seen(team.traces()) == _whole(events)
        assert team.results.quarantined == []
    prod, dev = ({t.info.trace_id for t in team.traces()} for team in teams)
    assert not prod & dev


def test_a_renamed_experiment_keeps_its_traces(uri: str) -> None:
    """Its id stays: deployed with the new name, a file delivered again is a duplicate."""
    team, events = Team(uri, "before"), _events(5)
    team.take(events)
    before, name = team.id(), f"after-{uuid4().hex[:8]}"
    team.client.rename_experiment(before, name)
    team.experiment = name
    team.monitor = team.cold_monitor()
    assert team.take(events).duplicate == 5
    assert team.id() == before
    assert _seen(team.traces()) == _whole(events)


def test_a_rename_is_noticed_while_the_function_is_warm(uri: str) -> None:
    """What comes next goes where a cold function would put it; the renamed experiment keeps its."""
    team, old, new = Team(uri, "warm"), _events(5), _events(5)
    team.take(old)
    before = team.id()
    team.client.rename_experiment(before, f"aside-{uuid4().hex[:8]}")
    assert team.take(new).traced == 5
    assert team.id() != before
    assert _seen(team.traces()) == _whole(new)
    assert _seen(team.traces(before)) == _whole(old)


def test_an_experiment_deleted_and_made_again_gets_traces_of_its_own(uri: str) -> None:
    """While it is deleted the warm function fails and quarantines nothing; then all is traced."""
    team, events = Team(uri, "again"), _events(5)
    team.take(events)
    before = team.id()
    team.client.delete_experiment(before)
    with pytest.raises(TransientError, match="is deleted in MLflow: restore it"):
        team.take(events)
    # MLflow holds a deleted experiment's name until it is removed for good, or renamed.
    team.client.restore_experiment(before)
    team.client.rename_experiment(before, f"aside-{uuid4().hex[:8]}")
    team.client.delete_experiment(before)
    assert team.take(events).traced == 5
    assert team.results.quarantined == []
    assert team.id() != before
    assert _seen(team.traces()) == _whole(events)
    assert team.take(events).duplicate == 5


class _Replaced(MlflowTraceStore):
    """A store whose experiment is deleted and made again when a delivery has looked it up."""

    def lookup(self, trace_ids: Sequence[str]) -> dict[str, StoredTrace]:
        found = super().lookup(trace_ids)
        if not hasattr(self, "replaced"):
            self.replaced = True
            client, now = MlflowClient(self.uri), self._experiment.get()
            client.rename_experiment(now.id, f"aside-{uuid4().hex[:8]}")
            client.delete_experiment(now.id)
            client.create_experiment(self.name)
        return found

    def __init__(self, uri: str, name: str) -> None:
        super().__init__(uri, name)
        self.uri, self.name = uri, name


def test_an_experiment_replaced_in_mid_delivery_costs_an_attempt_and_no_record(uri: str) -> None:
    """The server refuses records for the deleted one: for now, not for good."""
    team, events = Team(uri, "middle"), _events(5)
    store = _Replaced(uri, team.experiment)
    team.monitor = Monitor(store, team.claims, _judge(), team.results)
    with pytest.raises(TransientError, match="has its name by now"):
        team.take(events)
    assert team.results.quarantined == []
    assert team.take(events).traced == 5
    assert _seen(team.traces()) == _whole(events)


def test_a_record_of_another_experiment_is_not_written(uri: str) -> None:
    """Not even where its spans would be taken: the store says so before it sends anything."""
    store = MlflowTraceStore(uri, f"mine-{uuid4().hex[:8]}")
    mine = store.experiment_id()
    source = replace(inferences.SOURCE, experiment_id=f"{mine}1")
    chat = inferences.chat(str(uuid4()))
    with pytest.raises(TransientError, match=f"experiment {mine} has its name by now"):
        store.write([Record.of(chat, source, "delivery-1")])
    assert MlflowClient(uri).search_traces(locations=[mine]) == []


def test_a_shadow_variant_has_traces_of_its_own(uri: str) -> None:
    """The same event in two variants is two traces; in one variant it is a duplicate."""
    team, events = Team(uri, "shadow"), _events(5)
    assert team.take(events).traced == 5
    shadow = team.take([*events, events[0]], "shadow")
    assert (shadow.traced, shadow.duplicate) == (5, 1)
    assert team.take(events, "shadow").duplicate == 5
    found = sorted((t.info.tags["event_id"], t.info.tags["variant"]) for t in team.traces())
    assert found == sorted((e, v) for e in events for v in ("AllTraffic", "shadow"))
    source = replace(
        source_of("captures", _KEY.format("shadow"), "llm-endpoint"), experiment_id=team.id()
    )
    (one,) = (
        t
        for t in team.traces()
        if (t.info.tags["event_id"], t.info.tags["variant"]) == (events[0], "shadow")
    )
    assert one.info.trace_id == trace_id(source, events[0])
