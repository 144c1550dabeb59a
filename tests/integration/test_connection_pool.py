"""A real MLflow server whose pool of database connections runs out under several writers."""

from __future__ import annotations

import random
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import uuid4

import pytest
from mlflow import MlflowClient

from inference_monitor.domain import Record
from inference_monitor.errors import TransientError
from inference_monitor.traces.store import MlflowTraceStore
from local.settings import ENVIRONMENTS
from tests import inferences
from tests.integration.conftest import MANAGED, NEWEST
from tests.integration.faults import FrontDoor, front_door
from tests.mlflow_server import mlflow_server

_WRITERS, _RECORDS, _ATTEMPTS = 3, 20, 60

# One connection and one more, for a request that writes a trace needs two at once: that is also why
# MLflow's own pool of 15 runs out under three writers of 8 threads. MLflow has variables for the
# size, but none for the time-out of 30 s, so the server's interpreter starts with other defaults.
_POOL_OF_ONE = """
from sqlalchemy.pool import QueuePool

wanted = {"pool_size": 1, "max_overflow": 1, "timeout": 0.3, "use_lifo": False}
QueuePool.__init__.__defaults__ = tuple(wanted.values())
"""

_CREATE_TABLES = """
import sys
from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

SqlAlchemyStore(*sys.argv[1:])
"""


@pytest.fixture(scope="module", params=[NEWEST, MANAGED])
def pool_of_one(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[FrontDoor]:
    """A way to a server of each version, on sqlite, whose pool has one connection."""
    program = Path(sys.executable).with_name("mlflow")
    if request.param == MANAGED:
        program = ENVIRONMENTS / f"venv-mlflow-{MANAGED}/bin/mlflow"
        if not program.exists():
            pytest.skip(f"no MLflow {MANAGED}: make .local/venv-mlflow-{MANAGED}/.installed")
    folder: Path = tmp_path_factory.mktemp("pool")
    # Creating the tables takes more than one connection.
    database = f"sqlite:///{folder / 'mlflow.db'}"
    python = program.with_name("python")
    subprocess.run([python, "-c", _CREATE_TABLES, database, folder], check=True, timeout=180)
    (folder / "sitecustomize.py").write_text(_POOL_OF_ONE)
    environment = {"PYTHONPATH": str(folder)}
    with mlflow_server(folder, str(program), environment) as uri, front_door(uri) as door:
        yield door


def test_three_writers_and_one_connection(pool_of_one: FrontDoor) -> None:
    """Nothing is quarantined; retried as Step Functions does, every trace is there once, whole."""
    run = uuid4().hex[:8]
    stores = [MlflowTraceStore(pool_of_one.uri, f"pool-{run}") for _ in range(_WRITERS)]
    together = threading.Barrier(_WRITERS)

    def write(number: int) -> int:
        """Write until all is written; gives how many attempts failed for now."""
        events = [f"{run}-{number}-{n}" for n in range(_RECORDS)]
        records = [inferences.scored(inferences.chat(e), inferences.feedback(e)) for e in events]
        together.wait(30)
        for attempt in range(_ATTEMPTS):
            try:
                refused = _write(stores[number], records)
            except TransientError:
                time.sleep(random.uniform(0, 2))  # noqa: S311  # as Step Functions waits
                continue
            assert refused == {}
            return attempt
        raise AssertionError(f"not written in {_ATTEMPTS} attempts")

    with ThreadPoolExecutor(_WRITERS) as pool:
        failed = list(pool.map(write, range(_WRITERS)))
    used_up = [
        text
        for text in pool_of_one.errors
        if "QueuePool limit of size 1 overflow 1 reached" in text
    ]
    assert used_up, "the pool did not run out"
    assert sum(failed) > 0

    client = MlflowClient(pool_of_one.upstream)
    experiment = client.get_experiment_by_name(f"pool-{run}")
    assert experiment
    traces = client.search_traces(locations=[experiment.experiment_id], max_results=500)
    assert sorted(t.info.tags["event_id"] for t in traces) == sorted(
        f"{run}-{number}-{n}" for number in range(_WRITERS) for n in range(_RECORDS)
    )
    assert {len(t.data.spans) for t in traces} == {1}
    assert {len(t.info.assessments) for t in traces} == {1}
    assert sum((t.info.token_usage or {})["total_tokens"] for t in traces) == len(traces) * 129


def _write(store: MlflowTraceStore, records: list[Record]) -> dict[str, str]:
    """Write what is not complete, as the service does."""
    experiment = store.experiment_id()
    ids = {_trace_id(r, experiment): r for r in records}
    known = store.lookup(list(ids))
    new = [r for i, r in ids.items() if not (i in known and known[i].complete)]
    return store.write(new)


def _trace_id(record: Record, experiment: str) -> str:
    return record.in_experiment(experiment).trace_id
