"""Traces in a real MLflow server: all of them, once, as they were captured."""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from mlflow.entities import Trace

from inference_monitor.domain import Record
from inference_monitor.inference import Request, Source
from inference_monitor.traces.build import build_trace
from inference_monitor.traces.records import start_trace
from inference_monitor.traces.server import ExperimentByName
from inference_monitor.traces.span_transport import send_spans
from tests import inferences
from tests.integration.conftest import Endpoint
from tests.integration.faults import FrontDoor


def _chats(endpoint: Endpoint, count: int, *scorers: str) -> list[Record]:
    events = [endpoint.event(n) for n in range(count)]
    return [
        inferences.scored(inferences.chat(e), *(inferences.feedback(e, s) for s in scorers))
        for e in events
    ]


def _tokens(traces: Sequence[Trace]) -> int:
    return sum((t.info.token_usage or {}).get("total_tokens", 0) for t in traces)


def test_everything_of_an_inference_is_there(endpoint: Endpoint) -> None:
    """Text, time, tokens, state, spans, tags and assessments come back as they were written."""
    chat, failed = inferences.chat(endpoint.event(0)), inferences.failed(endpoint.event(1))
    tools, batch = inferences.tool_call(endpoint.event(2)), inferences.batch(endpoint.event(3))
    verdict = inferences.feedback(chat.event_id)
    records = [inferences.scored(chat, verdict), *map(inferences.scored, (failed, tools, batch))]
    assert endpoint.store.write(records) == {}

    of_chat, of_failed, of_tools, of_batch = endpoint.search()
    assert of_chat.info.trace_id == endpoint.trace_id(chat)
    assert of_chat.info.request_time == 1767824283000
    assert not of_chat.info.execution_duration
    assert of_chat.info.state == "OK"
    assert of_chat.info.token_usage == {
        "input_tokens": 120,
        "output_tokens": 9,
        "total_tokens": 129,
    }
    assert of_chat.info.request_preview == "Why is the sky blue?"
    assert of_chat.info.tags["status_code"] == "200"
    (root,) = of_chat.data.spans
    assert root.inputs["messages"][0]["content"] == "Answer in one sentence."
    assert root.outputs["choices"][0]["message"]["content"].startswith("Air scatters")
    (assessment,) = of_chat.info.assessments
    assert assessment.assessment_id == verdict.assessment_id
    assert (assessment.name, assessment.feedback and assessment.feedback.value) == ("safety", "yes")
    assert assessment.rationale == "Nothing speaks against safety."
    assert assessment.source.source_type == "LLM_JUDGE"

    assert of_failed.info.state == "ERROR"
    (event,) = of_failed.data.spans[0].events
    assert event.attributes["exception.message"] == "CUDA out of memory"
    assert {s.name: s.span_type for s in of_tools.data.spans}["get_weather"] == "TOOL"
    assert {s.name for s in of_batch.data.spans} == {"llm-endpoint", "item 0", "item 1", "choice 2"}


def test_a_second_delivery_writes_nothing(endpoint: Endpoint, door: FrontDoor) -> None:
    """A new trace costs about one request, assessments included; a hundred known ones cost one."""
    records = _chats(endpoint, 100, "safety", "relevance")
    assert endpoint.store.write(records) == {}
    spans_by_artifact = door.counts["POST /v1/traces"] > 1  # servers before 3.9
    assert door.total <= (210 if spans_by_artifact else 110)
    door.counts.clear()

    known = endpoint.store.lookup([endpoint.trace_id(r.inference) for r in records])
    assert len(known) == 100
    assert all(trace.complete for trace in known.values())
    assert door.counts == {"POST /api/3.0/mlflow/traces/search": 1}


def test_writing_what_is_there_changes_nothing(endpoint: Endpoint) -> None:
    """Should a request that was given up on have arrived after all, everything is there once."""
    records = _chats(endpoint, 30, "safety", "relevance")
    assert endpoint.store.write(records) == {}
    first = [t.to_json() for t in endpoint.search()]

    assert endpoint.store.write([*records, *records]) == {}
    again = endpoint.search()
    assert [t.to_json() for t in again] == first
    assert len(again) == 30
    assert _tokens(again) == 30 * 129
    assert {len(t.info.assessments) for t in again} == {2}


def test_two_deliveries_at_the_same_time(endpoint: Endpoint) -> None:
    """Every inference is one trace with right counts; no assessment is lost or there twice."""
    stores = [endpoint.new_store() for _ in range(3)]
    scorers = (("safety", "fluency"), ("safety", "relevance"), ())
    together = threading.Barrier(len(stores))

    def deliver(number: int) -> dict[str, str]:
        records = _chats(endpoint, 30, *scorers[number])
        together.wait(30)
        return stores[number].write(records)

    with ThreadPoolExecutor(len(stores)) as pool:
        assert list(pool.map(deliver, range(len(stores)))) == [{}, {}, {}]
    traces = endpoint.search()
    assert len(traces) == 30
    assert _tokens(traces) == 30 * 129
    assert {len(t.data.spans) for t in traces} == {1}
    names = [sorted(a.name for a in t.info.assessments) for t in traces]
    assert names == [["fluency", "relevance", "safety"]] * 30


@pytest.mark.parametrize("written", ["spans", "record"])
def test_a_half_written_trace_is_completed(endpoint: Endpoint, written: str) -> None:
    """What a function that died had left is seen as incomplete, and completed."""
    (record,) = _chats(endpoint, 1, "safety")
    api = endpoint.store._api
    experiment = ExperimentByName(api, endpoint.experiment_name).get()
    trace = build_trace(record.inference, endpoint.source, experiment.id)
    if written == "spans":
        send_spans(api, experiment.id, [trace])
    else:
        assert start_trace(api, trace.info).ok
    assert not any(s.complete for s in endpoint.store.lookup([trace.trace_id]).values())

    assert endpoint.store.write([record]) == {}
    stored = endpoint.store.lookup([trace.trace_id])[trace.trace_id]
    assert stored.complete
    (found,) = endpoint.search()
    assert len(found.data.spans) == 1
    assert found.info.token_usage == {"input_tokens": 120, "output_tokens": 9, "total_tokens": 129}
    assert [a.name for a in found.info.assessments] == ["safety"]


def test_lookup_finds_what_is_there(endpoint: Endpoint, door: FrontDoor) -> None:
    """Of any number of ids, those that exist are found, a hundred per request."""
    records = _chats(endpoint, 120, "safety")
    endpoint.store.write(records)
    ids = [endpoint.trace_id(r.inference) for r in records]
    door.counts.clear()
    found = endpoint.store.lookup([*ids, *(f"tr-{n:032x}" for n in range(80))])
    assert set(found) == set(ids)
    assert all(s.complete for s in found.values())
    assert {a.name for s in found.values() for a in s.assessments} == {"safety"}
    assert door.total == 2


def test_searches_of_the_readme(endpoint: Endpoint) -> None:
    """The filters that users are told find exactly what they say."""
    events = [endpoint.event(n) for n in range(5)]
    made = {
        "good": inferences.chat(events[0]),
        "424": inferences.failed(events[1], 424),
        "503": inferences.failed(events[2], 503),
        "no status": inferences.failed(events[3], None),
        "vectors": inferences.embedding(events[4]),
    }
    endpoint.store.write([inferences.scored(i) for i in made.values()])
    other = inferences.failed(endpoint.event(9), 503)
    elsewhere = replace(inferences.scored(other), source=Source("b", "k", "other-endpoint"))
    endpoint.store.write([elsewhere])

    def found(filter_string: str) -> set[str]:
        names = {i.event_id: name for name, i in {**made, "other": other}.items()}
        return {names[t.info.tags["event_id"]] for t in endpoint.search(filter_string)}

    assert found("status = 'ERROR'") == {"424", "503", "no status", "other"}
    assert found("tags.status_class = '5xx'") == {"503", "other"}
    assert found("tags.status_code = '424'") == {"424"}
    assert found("tags.endpoint = 'llm-endpoint'") == set(made)
    assert found("tags.endpoint = 'llm-endpoint' AND status = 'ERROR'") == {
        "424",
        "503",
        "no status",
    }
    assert found("tags.kind = 'embedding'") == {"vectors"}
    assert found(f"tags.event_id = '{events[0]}'") == {"good"}
    assert found("tags.payload_family = 'openai_chat' AND tags.status_class = '2xx'") == {"good"}


def test_searches_by_what_the_caller_told(endpoint: Endpoint) -> None:
    """A conversation, a user and a caller's own trace id can be found."""
    told = ('{"session_id": "s 1", "user_id": "u", "trace_id": "abc"}',)
    record = inferences.scored(inferences.chat(endpoint.event(0), custom_attributes=told))
    endpoint.store.write([record, inferences.scored(inferences.chat(endpoint.event(1)))])
    for filter_string in (
        "metadata.`mlflow.trace.session` = 's 1'",
        "metadata.`mlflow.trace.user` = 'u'",
        "metadata.caller_trace_id = 'abc'",
    ):
        (trace,) = endpoint.search(filter_string)
        assert trace.info.trace_id == endpoint.trace_id(record.inference)


def test_hostile_text_is_stored(endpoint: Endpoint) -> None:
    """NUL, lone surrogates and values far above any limit are stored, visibly changed."""
    nasty = "a\x00b\ud800c" + "x" * 20_000
    record = inferences.scored(
        inferences.chat(
            endpoint.event(0), inference_id=nasty, custom_attributes=(f"session_id={nasty[:2000]}",)
        ),
        inferences.feedback(endpoint.event(0), rationale=nasty),
    )
    assert endpoint.store.write([record]) == {}
    (trace,) = endpoint.search()
    assert trace.info.tags["inference_id"].startswith("a\ufffdb\ufffdcxx")
    assert trace.info.assessments[0].rationale == nasty.replace("\x00", "\ufffd").replace(
        "\ud800", "\ufffd"
    )


@pytest.mark.parametrize("depth", [30, 60, 400])
def test_deeply_nested_bodies_are_kept(endpoint: Endpoint, depth: int) -> None:
    """A body nested more deeply than OTLP can carry is stored all the same, beside a usual one."""
    body: object = "the end"
    for _ in range(depth):
        body = [body]
    deep = inferences.chat(endpoint.event(0), request=Request("unknown", body))
    records = [inferences.scored(deep), inferences.scored(inferences.chat(endpoint.event(1)))]
    assert endpoint.store.write(records) == {}
    nested, usual = endpoint.search()
    assert json.dumps(nested.data.spans[0].inputs) == "[" * depth + '"the end"' + "]" * depth
    assert len(usual.data.spans) == 1


def test_partial_counts(endpoint: Endpoint) -> None:
    """An endpoint that counts only one side adds exactly that."""
    record = inferences.scored(inferences.embedding(endpoint.event(0)))
    endpoint.store.write([record])
    (trace,) = endpoint.search()
    usage = trace.info.token_usage or {}
    assert (usage["input_tokens"], usage["total_tokens"]) == (6, 6)
    assert not usage.get("output_tokens")  # MLflow 3.17 shows 0


def test_the_experiment_is_created_once(endpoint: Endpoint) -> None:
    """Many functions that start together agree on one experiment."""
    stores = [endpoint.new_store() for _ in range(20)]
    together = threading.Barrier(len(stores))

    def start(number: int) -> str:
        together.wait(30)
        return stores[number]._experiment.get().id

    with ThreadPoolExecutor(len(stores)) as pool:
        assert len(set(pool.map(start, range(len(stores))))) == 1
