"""The documented filters: each is run as it stands, and must find exactly what it says."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from mlflow import MlflowClient
from mlflow.entities import TraceInfo

from inference_monitor.capture.lines import iter_lines
from inference_monitor.capture.reader import read_line
from inference_monitor.capture.source import source_of
from inference_monitor.domain import Record, ScoringState, Verdicts
from inference_monitor.inference import Inference
from inference_monitor.traces.build import build_trace
from inference_monitor.traces.store import MlflowTraceStore

ROOT = Path(__file__).parents[2]
CLAUSE = re.compile(r"^(?:(tags|metadata)\.)?`?([\w.]+)`? (=|!=) '([^']*)'$")
EXPERIMENT = "documented-filters"


def _filters() -> list[str]:
    """Every code span of the table of filters that is one."""
    page = (ROOT / "docs" / "how-to" / "find-traces.md").read_text()
    section = page.split("## Filters")[1].split("\n## ")[0]
    rows = [row.split("|")[2] for row in section.splitlines() if row.startswith("| ")][1:]
    spans = [a or b for row in rows for a, b in re.findall(r"``(.+?)``|`([^`]+)`", row)]
    return [span for span in spans if "=" in span]


def _records() -> Iterator[Record]:
    for path in sorted((ROOT / "samples").rglob("*.jsonl")):
        source = source_of("captures", path.relative_to(ROOT / "samples").as_posix(), "unknown")
        for line in iter_lines([path.read_bytes()]):
            if isinstance(record := read_line(line).record, Inference):
                yield Record.of(record, source, "delivery-1")


def _says(info: TraceInfo, filter_string: str) -> bool:
    """Whether a trace is what a filter asks for, told from the trace that was built."""
    for clause in filter_string.split(" AND "):
        found = CLAUSE.match(clause)
        assert found, f"cannot read {clause!r}"
        where, name, operator, value = found.groups()
        held = {
            "tags": info.tags,
            "metadata": info.trace_metadata,
            None: {"status": info.state.value},
        }
        if (held[where].get(name) == value) is (operator == "!="):
            return False
    return True


@pytest.fixture(scope="module")
def infos(mlflow_uri: str) -> list[TraceInfo]:
    """Every sample inference, written to MLflow; the records as they were built."""
    store = MlflowTraceStore(mlflow_uri, EXPERIMENT)
    experiment = store.experiment_id()
    records = [record.in_experiment(experiment) for record in _records()]
    # As if scores of some of them were missing, one for each reason.
    unscored = [
        Verdicts(refused=True),
        Verdicts(exhausted=True),
        Verdicts(pending=["safety"]),
        Verdicts(declined=True),
    ]
    for record, verdicts in zip(records, unscored, strict=False):
        record.verdicts = verdicts
    states = {record.scoring for record in records} - {None}
    assert states == set(ScoringState) - {ScoringState.COMPLETE}
    assert store.write(records) == {}
    infos = [build_trace(r.inference, r.source, experiment).info for r in records]
    for record, info in zip(records, infos, strict=True):
        info.tags |= {"scoring": record.scoring} if record.scoring else {}
    return infos


def test_the_page_has_filters() -> None:
    """The table is found, and holds those for failed traces and for an endpoint."""
    assert {"status = 'ERROR'", "tags.endpoint = 'shop-assistant'"} <= set(_filters())


@pytest.mark.parametrize("filter_string", _filters())
def test_a_filter_finds_exactly_what_it_says(
    filter_string: str, infos: list[TraceInfo], mlflow_uri: str
) -> None:
    """At least one trace of the samples, all that it describes, and no other."""
    client = MlflowClient(mlflow_uri)
    experiment = client.get_experiment_by_name(EXPERIMENT)
    assert experiment
    found = client.search_traces(
        locations=[experiment.experiment_id], filter_string=filter_string, max_results=500
    )
    expected = {info.trace_id for info in infos if _says(info, filter_string)}
    assert expected
    assert {trace.info.trace_id for trace in found} == expected
