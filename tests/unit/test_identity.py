"""The ids of traces: what makes two of them one, and what keeps them apart."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from inference_monitor.capture.reader import read_document
from inference_monitor.capture.source import source_of
from inference_monitor.chunk import chunks
from inference_monitor.identity import assessment_id, span_id, trace_id
from inference_monitor.inference import Source
from tests.unit.builders import capture

SOURCE = Source("captures", "llm/ep/blue/2026/03/02/09/a.jsonl", "ep", "blue", experiment_id="7")


TRACE = "tr-b7ffd854db9f07624d7f0a3dfdb28d80"


@pytest.mark.parametrize(
    ("change", "event", "expected"),
    [
        ({}, "e-1", TRACE),
        ({"variant": None}, "e-1", "tr-2479ced45277fd6e3f697d4ae15969bd"),
        ({"experiment_id": None}, "e-1", "tr-f40b02f552d5d57f8ceffc67ab43305f"),
        ({}, "e-\ud800", "tr-151b9b1e26699eba63a3212643d4528a"),
    ],
    ids=["all parts", "no variant", "no experiment", "a lone surrogate"],
)
def test_the_id_of_a_trace_stays_what_it_is(
    change: dict[str, Any], event: str, expected: str
) -> None:
    """A release that derived another one would write and judge every delivered file again."""
    assert trace_id(replace(SOURCE, **change), event) == expected


def test_the_ids_below_a_trace_stay_what_they_are() -> None:
    """With others, an assessment would be added once more, and a span too, by a retry."""
    assert span_id(TRACE, "root") == "cbb53300b5704a40"
    assert span_id(TRACE, "item-1") == "eeb811eeb5863b85"
    assert assessment_id(TRACE, "safety", "1") == "a-25139f6fe9b7f1d1a32f7f977e6bad6b"


@pytest.mark.parametrize(
    "change",
    [{"experiment_id": "8"}, {"endpoint": "ep2"}, {"variant": "green"}, {"variant": None}],
    ids=str,
)
def test_what_is_part_of_the_id_keeps_traces_apart(change: dict[str, Any]) -> None:
    """Another experiment, endpoint or variant has a trace, spans and assessments of its own."""
    one, other = trace_id(SOURCE, "e-1"), trace_id(replace(SOURCE, **change), "e-1")
    assert one != other
    assert span_id(one, "root") != span_id(other, "root")
    assert assessment_id(one, "safety", "1") != assessment_id(other, "safety", "1")


@pytest.mark.parametrize(
    "change", [{"bucket": "copies"}, {"key": "llm/ep/blue/2026/03/02/09/b.jsonl"}], ids=str
)
def test_where_the_file_lies_is_not_part_of_the_id(change: dict[str, Any]) -> None:
    """SageMaker may write an event into two files; a person may copy them: it is one trace."""
    assert trace_id(replace(SOURCE, **change), "e-1") == trace_id(SOURCE, "e-1")


def test_names_that_run_into_each_other_are_kept_apart() -> None:
    """Endpoint `a` with variant `bc` is not endpoint `ab` with variant `c`."""
    names = [("a", "bc"), ("ab", "c"), ("abc", None)]
    ids = {trace_id(Source("b", "k", e, v, experiment_id="7"), "x") for e, v in names}
    assert len(ids) == len(names)


def test_the_variant_is_what_the_key_says() -> None:
    """The same event is another trace in another variant's file, and in one outside the layout."""
    line = [read_document(capture({"inputs": "hi"}, {"generated_text": "x"}, eventId="e-1"))] * 2
    keys = [f"llm/ep/{v}/2026/03/02/09/a.jsonl" for v in ("blue", "shadow")] + ["by-hand.jsonl"]
    found: list[str] = []
    for key in keys:
        source = replace(source_of("captures", key, "ep"), experiment_id="7")
        (chunk,) = chunks(line, source)
        (record,) = chunk.records
        found.append(record.trace_id)
    assert found == [
        trace_id(replace(SOURCE, variant=variant), "e-1") for variant in ("blue", "shadow", None)
    ]
    assert len(set(found)) == 3
