"""Some of the faults of `make reliability`, on every change."""

from __future__ import annotations

import pytest

from benchmarks.reliability.bench import Bench
from benchmarks.reliability.faults import named
from tests.e2e.deployed import Stack


@pytest.mark.parametrize(
    "fault", ["worker-judging", "mlflow-killed", "mlflow-answers-lost", "same-event"]
)
def test_nothing_is_lost_and_nothing_is_there_twice(dev: Stack, fault: str) -> None:
    """After a fault MLflow holds each record once, with its tokens, spans and scores."""
    row = Bench(dev.chain, dev.deployment).run(*named([fault]))
    assert row.found.problems == []
    counts = (row.found.traces, row.found.lost, row.found.duplicated)
    assert counts == (row.found.records, 0, 0)
    assert row.found.records >= 25
