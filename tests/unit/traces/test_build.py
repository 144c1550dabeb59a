"""The trace of an inference: what MLflow and its users find in it."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mlflow.entities import Span

from inference_monitor.identity import span_id
from inference_monitor.inference import (
    Choice,
    Failure,
    Inference,
    Kind,
    Request,
    Response,
    Source,
    ToolCall,
    Usage,
)
from inference_monitor.traces.build import BuiltTrace, build_trace
from inference_monitor.traces.spans import MAX_CHILDREN
from tests import inferences
from tests.unit.builders import read

JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec=None)),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


def _build(inference: Inference, source: Source = inferences.SOURCE) -> BuiltTrace:
    return build_trace(inference, source, "7")


def _root(inference: Inference) -> Span:
    return _build(inference).spans[0]


def test_a_chat_is_one_chat_model_span_in_the_openai_shape() -> None:
    """Messages, parameters, answer and counts are where MLflow's chat view looks for them."""
    built = _build(inferences.chat())
    (root,) = built.spans
    assert (root.span_type, root.parent_id, root.name) == ("CHAT_MODEL", None, "llm-endpoint")
    assert root.inputs["temperature"] == 0.2
    assert [m["role"] for m in root.inputs["messages"]] == ["system", "user"]
    (choice,) = root.outputs["choices"]
    assert choice["message"] == {
        "role": "assistant",
        "content": "Air scatters blue light more than red light.",
    }
    assert choice["finish_reason"] == root.get_attribute("finish_reason") == "stop"
    assert root.get_attribute("mlflow.message.format") == "openai"
    assert root.get_attribute("mlflow.chat.tokenUsage") == {
        "input_tokens": 120,
        "output_tokens": 9,
        "total_tokens": 129,
    }
    assert root.get_attribute("mlflow.llm.model") == "llama-3-8b"
    assert root.get_attribute("mlflow.llm.provider") == "sagemaker"


def test_the_time_is_the_captured_one_and_no_latency_is_invented() -> None:
    """A trace starts at the inference time; how long it took is unknown."""
    moment = datetime(2026, 1, 7, 22, 18, 3, 869_123, tzinfo=UTC)
    built = _build(inferences.chat(inference_time=moment))
    assert built.info.request_time == 1767824283869
    assert built.info.execution_duration is None
    assert built.spans[0].start_time_ns == built.spans[0].end_time_ns == 1767824283869123000


def test_the_same_inference_gives_the_same_trace() -> None:
    """Two deliveries build the same ids, spans and record; another endpoint, another trace."""
    first, second = _build(inferences.batch()), _build(inferences.batch())
    assert first.info == second.info
    assert [s.to_dict() for s in first.spans] == [s.to_dict() for s in second.spans]
    elsewhere = _build(inferences.batch(), replace(inferences.SOURCE, endpoint="other"))
    assert elsewhere.trace_id != first.trace_id


def test_what_can_be_searched() -> None:
    """Every promised tag is there, and only those that the record has something to say about."""
    inference = inferences.chat(inference_id="req 7")
    assert _build(inference).info.tags == {
        "mlflow.traceName": "llm-endpoint",
        "endpoint": "llm-endpoint",
        "variant": "AllTraffic",
        "event_id": "e-1",
        "inference_id": "req 7",
        "status_code": "200",
        "status_class": "2xx",
        "payload_family": "openai_chat",
        "kind": "llm",
        "source_uri": inferences.SOURCE.uri,
    }


@pytest.mark.parametrize(
    ("code", "status_class"), [(400, "4xx"), (424, "4xx"), (503, "5xx"), (None, "unknown")]
)
def test_a_failure_is_an_error_with_its_status(code: int | None, status_class: str) -> None:
    """A failed inference is in ERROR, says why, and keeps the body the endpoint sent."""
    built = _build(inferences.failed(status_code=code))
    (root,) = built.spans
    assert built.info.state == "ERROR"
    assert (root.status.status_code, root.status.description) == ("ERROR", "CUDA out of memory")
    (event,) = root.events
    assert event.name == "exception"
    assert event.attributes == {
        "exception.type": "ModelError",
        "exception.message": "CUDA out of memory",
    }
    assert root.outputs["message"] == "invoke handler failure"
    assert built.info.tags["status_class"] == status_class
    assert built.info.tags.get("status_code") == (str(code) if code else None)
    assert built.info.response_preview == "CUDA out of memory"


def test_text_before_a_failure_is_kept() -> None:
    """A stream that broke off shows what it had said, beside the error."""
    response = Response(
        "stream",
        {"error": "aborted"},
        (Choice("The sky"),),
        failure=Failure("aborted", status_code=503),
    )
    outputs = _root(inferences.chat(response=response)).outputs
    assert outputs["choices"][0]["message"]["content"] == "The sky"
    assert outputs["error"] == {"error": "aborted"}


def test_a_request_without_its_answer_is_neither_good_nor_bad() -> None:
    """Where only requests are captured, nothing is said about what became of them."""
    built = _build(inferences.chat(response=None))
    assert built.info.state == "STATE_UNSPECIFIED"
    assert built.spans[0].outputs is None
    assert built.info.tags["status_class"] == "unknown"
    assert "status_code" not in built.info.tags


def test_tool_calls_are_spans() -> None:
    """A requested tool call is a TOOL span by the tool's name, with the arguments as inputs."""
    root, tool = _build(inferences.tool_call()).spans
    assert (tool.span_type, tool.name, tool.parent_id) == ("TOOL", "get_weather", root.span_id)
    assert tool.inputs == {"city": "Brooklyn"}
    assert root.outputs["choices"][0]["message"]["tool_calls"][0]["id"] == "call_7"
    assert root.get_attribute("mlflow.chat.tools") == [inferences.WEATHER_TOOL]
    assert _build(inferences.tool_call()).info.response_preview == "[tool calls: get_weather]"


def test_arguments_that_are_no_json_are_kept_as_text() -> None:
    """What a model wrote as arguments is shown, also when it is not JSON."""
    broken = Choice(None, tool_calls=(ToolCall("f", '{"a": '),))
    assert _build(inferences.answered("e-1", broken)).spans[1].inputs == '{"a": '


def test_items_and_further_choices_are_spans() -> None:
    """Each prompt of a batch has a span with its answers, each further answer one below it."""
    root, *children = _build(inferences.batch()).spans
    by_name = {s.name: s for s in children}
    assert list(by_name) == ["item 0", "item 1", "choice 2"]
    assert by_name["item 1"].inputs["messages"] == [{"role": "user", "content": "Prompt 1"}]
    assert [c["message"]["content"] for c in by_name["item 1"].outputs["choices"]] == [
        "Answer 1",
        "Answer 1 again",
    ]
    assert by_name["choice 2"].parent_id == by_name["item 1"].span_id
    assert [c["index"] for c in root.outputs["choices"]] == [0, 1, 2]
    info = _build(inferences.batch()).info
    assert (info.request_preview, info.response_preview) == ("Prompt 0", "Answer 0")
    # Counted once: MLflow adds up what spans report.
    assert all(s.get_attribute("mlflow.chat.tokenUsage") is None for s in children)
    assert len({s.span_id for s in (root, *children)}) == 4


def test_a_huge_batch_is_one_trace_of_bounded_size() -> None:
    """Thousands of prompts in one request stay in the root span, with a limited number of spans."""
    items = [[{"role": "user", "content": str(n)}] for n in range(3000)]
    messages = [m for item in items for m in item]
    spans = _build(inferences.answered("e-1", items=items, messages=messages)).spans
    assert len(spans) == 1 + MAX_CHILDREN
    assert len(spans[0].inputs["messages"]) == 3000


@pytest.mark.parametrize(
    ("kind", "span_type"),
    [
        ("embedding", "EMBEDDING"),
        ("rerank", "RERANKER"),
        ("classifier", "UNKNOWN"),
        ("other", "UNKNOWN"),
    ],
)
def test_other_models_are_plain_traces(kind: str, span_type: str) -> None:
    """What is no conversation keeps its bodies, and is not presented as a chat."""
    root = _root(replace(inferences.embedding(), kind=Kind(kind)))
    assert root.span_type == span_type
    assert root.inputs == {"input": ["one", "two"]}
    assert root.outputs == {"embeddings": 2, "dimensions": 1024}
    assert root.get_attribute("mlflow.message.format") is None
    assert root.get_attribute("mlflow.chat.tokenUsage") == {"input_tokens": 6, "total_tokens": 6}


def test_a_payload_of_no_family_is_kept_raw() -> None:
    """Nothing is dropped: bodies that no family can read are inputs and outputs as they are."""
    inference = inferences.chat(
        request=Request("unknown", "a,b,c"), response=Response("unknown", {"weird": [1]})
    )
    root = _root(inference)
    assert (root.inputs, root.outputs) == ("a,b,c", {"weird": [1]})


def test_what_the_caller_told_is_metadata() -> None:
    """Session, user and own trace id of the caller can be searched; the raw text is kept too."""
    told = '{"session_id": "s-1", "user_id": 42, "trace_id": "abc", "team": "red"}'
    built = _build(inferences.chat(custom_attributes=(told,)))
    assert built.info.trace_metadata["mlflow.trace.session"] == "s-1"
    assert built.info.trace_metadata["mlflow.trace.user"] == "42"
    assert built.info.trace_metadata["caller_trace_id"] == "abc"
    assert built.spans[0].get_attribute("custom_attributes") == [told]


def test_a_status_that_is_only_implied_says_so() -> None:
    """The tag holds it like any other; the span says that no number stood in the body."""
    base = inferences.chat()
    assert base.response
    failure = Failure("Not Found", status_code=404, status_is_implied=True)
    built = _build(replace(base, response=replace(base.response, failure=failure)))
    assert built.info.tags["status_code"] == "404"
    assert built.spans[0].get_attribute("status_is_implied") is True
    assert _build(base).spans[0].get_attribute("status_is_implied") is None


def test_session_and_user_of_the_body_are_metadata() -> None:
    """Unless the header names them, too: it is what SageMaker's callers are told to use."""
    base = inferences.chat(inference_component="adapter-3")
    assert base.request
    asked = replace(base, request=replace(base.request, session_id="s-2", user_id="u-2"))
    info = _build(asked).info
    assert info.trace_metadata["mlflow.trace.session"] == "s-2"
    assert info.trace_metadata["mlflow.trace.user"] == "u-2"
    assert info.tags["inference_component"] == "adapter-3"
    both = replace(asked, custom_attributes=("session_id=s-1",))
    assert _build(both).info.trace_metadata["mlflow.trace.session"] == "s-1"


def test_previews_show_the_last_question_and_the_answer() -> None:
    """Lists of traces show the conversation's last turn, parts that are no text by their type."""
    info = _build(inferences.vision()).info
    assert info.request_preview == "What animal is on the candy? [image_url]"
    assert info.response_preview == "A turtle."


def test_a_prompt_echo_is_flagged() -> None:
    """Answers that repeat their prompt can be found: their scores mean less."""
    base = inferences.chat()
    assert base.response
    echo = replace(base, response=replace(base.response, echoes_prompt=True))
    assert _build(echo).info.tags["prompt_echo"] == "true"


@pytest.mark.parametrize(
    ("choices", "output_tokens", "empty"),
    [
        ((Choice(None, "length", "hmm"),), 50, True),
        ((Choice("", "stop"),), 50, True),
        ((Choice(" \n", "stop"),), 1, True),
        ((Choice(None, "MAX_TOKENS"),), None, True),
        ((Choice(None, "stop", "hmm"),), None, True),
        ((Choice("", "eos_token", output_tokens=4),), None, True),
        ((Choice("a", "stop"), Choice(None, "length", "hmm")), 50, True),
        ((Choice("", "stop"),), 0, False),
        ((Choice(None, "stop"),), None, False),
        ((Choice("a", "length", "hmm"),), 50, False),
        ((Choice("a", "stop"), Choice("", "stop")), 50, False),
        ((Choice(None, "tool_calls", "hmm", (ToolCall("x", "{}"),)),), 50, False),
        ((), 50, False),
    ],
)
def test_an_empty_answer_that_took_tokens_is_flagged(
    choices: tuple[Choice, ...], output_tokens: int | None, empty: bool
) -> None:
    """Nobody takes it for a healthy one: it can be searched for, and the preview says it."""
    response = Response("openai_chat", choices=choices, usage=Usage(5, output_tokens))
    info = _build(inferences.chat(response=response)).info
    assert (info.tags.get("empty_answer") == "true") == empty
    first_is_empty = empty and choices[0].is_empty
    assert ("empty answer" in (info.response_preview or "")) == first_is_empty
    if first_is_empty:
        expected = f"[empty answer, finish reason: {choices[0].finish_reason}]"
        assert info.response_preview == expected


def test_an_answer_without_choices_is_empty_unless_its_text_is_kept_out_of_captures() -> None:
    """An empty list of choices that took tokens is no answer; counts alone may hide one."""
    asked = {"messages": [{"role": "user", "content": "2+2?"}]}
    counts = {"usage": {"prompt_tokens": 5, "completion_tokens": 50}}
    assert _build(read(asked, {"choices": [], **counts})).info.tags["empty_answer"] == "true"
    assert "empty_answer" not in _build(read(asked, counts)).info.tags


def test_only_answers_of_llms_can_be_empty() -> None:
    """Failures, missing answers and other models say nothing for other reasons."""
    empty = Response("openai_chat", choices=(Choice("", "length"),), usage=Usage(5, 50))
    failed = replace(empty, failure=Failure("out of memory"))
    for inference in (
        inferences.chat(response=failed),
        inferences.chat(response=None),
        inferences.chat(response=empty, kind=Kind.CLASSIFIER),
    ):
        assert "empty_answer" not in _build(inference).info.tags


def test_a_preview_shows_text_and_tools() -> None:
    """A sentence beside a tool call does not hide the call."""
    choice = Choice("Sure.", "tool_calls", tool_calls=(ToolCall("rm_rf", "{}"),))
    info = _build(inferences.answered("e", choice)).info
    assert info.response_preview == "Sure.\n[tool calls: rm_rf]"


def test_thoughts_are_in_the_trace_but_not_in_its_preview() -> None:
    """The trace keeps them as reasoning beside the answer."""
    message = {"role": "assistant", "content": "<think>Two and two.</think>Four."}
    body = {"choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}
    built = _build(read({"messages": [{"role": "user", "content": "2+2?"}]}, body))
    assert built.info.response_preview == "Four."
    (choice,) = built.spans[0].outputs["choices"]
    assert choice["message"]["content"] == "Four."
    assert choice["message"]["reasoning_content"] == "Two and two."


def test_long_values_are_cut_with_a_mark() -> None:
    """Whatever is longer than a column of MLflow's database is visibly shortened to fit."""
    long = "x" * 9000
    base = inferences.chat(
        long, inference_id=long, custom_attributes=('{"session_id": "%s"}' % ("y" * 300),)
    )
    assert base.request
    info = _build(
        replace(base, request=replace(base.request, messages=[{"role": "user", "content": long}]))
    ).info
    assert len(info.client_request_id or "") == 50
    assert len(info.tags["inference_id"]) == 4096
    assert len(info.trace_metadata["mlflow.trace.session"]) == 250
    assert len(info.request_preview or "") == 1000
    assert info.tags["inference_id"].endswith("…[cut]")


def test_a_time_that_cannot_be_stored_is_said() -> None:
    """A time before 1970 is refused with a reason instead of failing inside of MLflow."""
    with pytest.raises(ValueError, match="before 1970"):
        _build(inferences.chat(inference_time=datetime(1, 1, 1, tzinfo=UTC)))


@given(body=JSON_VALUES, text=st.text(st.characters(codec=None)))
def test_every_payload_becomes_storable(body: Any, text: str) -> None:
    """Whatever an endpoint sends, names and texts are valid UTF-8 without NUL, and JSON is JSON."""
    inference = inferences.chat(
        text or "e",
        request=Request("unknown", body),
        response=Response("x", choices=(Choice(text, text, text, (ToolCall(text, text),)),)),
        inference_id=text,
        custom_attributes=(text,),
    )
    built = _build(inference)
    for span in built.spans:
        span.to_otel_proto()
        for value in (span._span.attributes or {}).values():
            json.loads(str(value), parse_constant=pytest.fail)
    told = json.dumps(
        [[s.to_dict() for s in built.spans], built.info.to_dict()], ensure_ascii=False
    )
    assert "\\u0000" not in told.replace("\\\\", "")
    told.encode("utf-8")


def test_partial_counts() -> None:
    """A server that counts only its output adds that to the total, and no input is invented."""
    base = inferences.chat()
    assert base.response
    partial = replace(base, response=replace(base.response, usage=Usage(None, 10)))
    assert _root(partial).get_attribute("mlflow.chat.tokenUsage") == {
        "output_tokens": 10,
        "total_tokens": 10,
    }


def test_span_ids_follow_from_the_place() -> None:
    """Spans have 16 hex digits that differ by place and by trace."""
    assert span_id("tr-1", "root") != span_id("tr-1", "item-0") != span_id("tr-2", "item-0")
    assert len(bytes.fromhex(span_id("tr-1", "root"))) == 8
