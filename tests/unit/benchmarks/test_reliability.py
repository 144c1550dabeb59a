"""The figures of `make reliability` count what is lost and what is there twice."""

from __future__ import annotations

import json
from typing import Any

from mlflow.entities import (
    AssessmentError,
    AssessmentSource,
    Feedback,
    Trace,
    TraceData,
    TraceInfo,
    TraceLocation,
    TraceState,
)
from mlflow.tracing.constant import TraceMetadataKey

from benchmarks.large_file.stub import StubMlflow
from benchmarks.reliability.captures import FAMILIES, Expected, mixed
from benchmarks.reliability.traces import JUDGED, Found, compare
from inference_monitor.capture.lines import Line
from inference_monitor.capture.reader import read_line
from inference_monitor.inference import Inference

EXPECTED = {"e-1": Expected((20, 5)), "e-2": Expected((None, None), judged=False)}
JUDGE = AssessmentSource("LLM_JUDGE", "judge")


def scores(*names: str) -> list[Feedback]:
    """An assessment of each name."""
    return [Feedback(name, "yes", source=JUDGE, metadata={"scorer_version": "1"}) for name in names]


def trace(event: str, tokens: tuple[int, int] | None, assessments: list[Feedback]) -> Trace:
    """A trace as a search gives it, without its spans."""
    usage = tokens and {"input_tokens": tokens[0], "output_tokens": tokens[1]}
    metadata = {TraceMetadataKey.TOKEN_USAGE: json.dumps(usage)} if usage else {}
    info = TraceInfo(
        trace_id=f"tr-{event}",
        trace_location=TraceLocation.from_experiment_id("1"),
        request_time=1,
        state=TraceState.OK,
        tags={"event_id": event},
        trace_metadata=metadata,
        assessments=list[Any](assessments),
    )
    return Trace(info, TraceData([]))


def found(*traces: Trace) -> Found:
    """What is found in traces where two are expected."""
    result = Found()
    compare(result, list(traces), EXPECTED, with_spans=False)
    return result


GOOD = (trace("e-1", (20, 5), scores(*JUDGED)), trace("e-2", None, []))


def test_all_is_well() -> None:
    """Two traces with their tokens and scores, where two inferences were put, are no problem."""
    assert found(*GOOD) == Found()


def test_a_trace_is_missing() -> None:
    """An inference without a trace is lost."""
    result = found(GOOD[0])
    assert (result.lost, result.duplicated) == (1, 0)
    assert result.problems == ["1 inferences without a trace: e-2"]


def test_a_trace_is_there_twice() -> None:
    """A second trace of an inference is a duplicate, and so is one nobody asked for."""
    result = found(*GOOD, GOOD[1], trace("e-3", None, []))
    assert (result.lost, result.duplicated) == (0, 2)


def test_scores() -> None:
    """A score that is missing, or only an error, is lost; one of a name that is there is double."""
    failed = Feedback(JUDGED[0], error=AssessmentError("UNREADABLE_VERDICT", "prose"), source=JUDGE)
    given = [failed, *scores(*JUDGED[2:], JUDGED[2])]
    result = found(trace("e-1", (20, 5), given), GOOD[1])
    assert (result.lost, result.duplicated) == (2, 1)


def test_what_a_judge_declines() -> None:
    """Of a record that it will not judge, each scorer has left an error that says so."""

    def declined(*names: str) -> list[Feedback]:
        error = AssessmentError("JUDGE_DECLINED", "unsafe")
        return [Feedback(name, error=error, source=JUDGE) for name in names]

    expected = {"e-1": Expected((20, 5), judged=False, declined=True)}
    for given, lost in ((declined(*JUDGED), 0), (declined(*JUDGED[1:]), 1), ([], len(JUDGED))):
        result = Found()
        compare(result, [trace("e-1", (20, 5), given)], expected, with_spans=False)
        assert (result.lost, result.duplicated) == (lost, 0)
    value = found(trace("e-1", (20, 5), scores(*JUDGED)), trace("e-2", None, scores(JUDGED[0])))
    assert "judged although there was nothing to judge" in value.problems[0]


def test_tokens() -> None:
    """Tokens that were counted twice are a problem."""
    result = found(trace("e-1", (40, 10), scores(*JUDGED)), GOOD[1])
    assert result.problems == ["1 traces with tokens (40, 10), not (20, 5): tr-e-1"]


def test_captures_say_what_they_hold() -> None:
    """What is expected of each family is what is in its captures."""
    captures = mixed("e", range(2 * len(FAMILIES)))
    assert len(captures.lines) == len(captures.inferences) == 2 * len(FAMILIES)
    for number, (line, expected) in enumerate(
        zip(captures.lines, captures.inferences.values(), strict=True), start=1
    ):
        record = read_line(Line(number, 0, line, len(line))).record
        assert isinstance(record, Inference)
        assert record.response
        usage = record.response.usage
        assert (usage.input_tokens, usage.output_tokens) == expected.tokens
        assert bool(record.output_text and not record.failure) == expected.judged


def test_the_stub_knows_what_is_written_again() -> None:
    """Each trace counts once, and whoever asks for it finds it whole."""
    stub, name = StubMlflow(), f"tr-{7:032x}"
    info = {"trace_id": name, "client_request_id": "e-7", "tags": {"endpoint": "e"}}
    written = stub.start_trace(info)
    assert (stub.records, stub.again) == (1, 0)
    assert written["tags"] == {"endpoint": "e", "mlflow.trace.spansLocation": "TRACKING_STORE"}
    (found,) = stub.search(f"request_id IN ('{name}', 'tr-{8:032x}')")
    assert (found["trace_id"], found["client_request_id"]) == (name, "e-7")
    assert found["tags"] == {"mlflow.trace.spansLocation": "TRACKING_STORE"}
    stub.start_trace(info)
    assert (stub.records, stub.again) == (1, 1)
