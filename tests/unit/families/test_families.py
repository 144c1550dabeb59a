"""Families at their edges: what the samples of everyday traffic do not show."""

from __future__ import annotations

from typing import Any

import pytest

from inference_monitor.inference import Kind
from tests.unit.builders import read

CHAT = {"messages": [{"role": "user", "content": "hi"}]}
PROMPT = {"inputs": "hi"}


@pytest.mark.parametrize(
    ("response", "failed"),
    [
        ({"error": "boom"}, True),
        ({"error": ["a", "b"], "warnings": []}, True),
        ({"error": {"message": "boom"}}, True),
        ({"object": "error", "message": "boom", "code": "1300"}, True),
        ({"code": 424, "message": "invoke handler failure"}, True),
        ({"code": "503", "type": "ServiceUnavailableException", "message": "down"}, True),
        ({"generated_text": "", "details": {"finish_reason": "error"}}, True),
        ({"text": "", "meta_info": {"finish_reason": {"type": "abort"}}}, True),
        ([{"error": "boom", "error_type": "generation"}], True),
        ([{"error": "boom"}, {"error": "and again"}], True),
        # Answers that only look like failures.
        ({"generated_text": "fine", "code": 500}, False),
        ({"generated_text": "fine", "error": None}, False),
        ({"generated_text": "error: no, this is the text"}, False),
        ({"choices": [{"message": {"content": "ok"}}], "error": ""}, False),
        ({"code": 7, "label": "ICD"}, False),
        ({"code": 451.3}, False),
    ],
)
def test_failures_are_told_from_answers(response: Any, failed: bool) -> None:
    """By what the body says, never by a `code` or a null content type alone."""
    assert (read(PROMPT, response).failure is not None) is failed


@pytest.mark.parametrize(
    ("response", "status"),
    [
        ({"error": "x", "error_type": "overloaded"}, 429),
        ({"error": "x", "error_type": "generation"}, 424),
        ({"error": {"message": "x", "http_status_code": 422}}, 422),
        ({"error": {"message": "x", "type": "NotFoundError", "code": "404"}}, 404),
        ({"object": "error", "message": "x", "code": "1300"}, None),
        ({"error": "x"}, None),
    ],
)
def test_the_status_is_what_the_body_tells(response: Any, status: int | None) -> None:
    """From a code, a nested code or the type of error; unknown where nothing tells."""
    assert read(PROMPT, response).status_code == status


def test_an_empty_body_is_a_failure_of_the_endpoint() -> None:
    """A container that died or timed out leaves nothing."""
    inference = read(CHAT, "")
    assert inference.failure
    assert inference.failure.message.startswith("the response body is empty")
    assert inference.status_code is None


@pytest.mark.parametrize(
    ("request_body", "response", "kind"),
    [
        (PROMPT, {"generated_text": "x"}, Kind.LLM),
        (PROMPT, [[0.1, 0.2]], Kind.EMBEDDING),
        (PROMPT, [[[0.1, 0.2], [0.3, 0.4]]], Kind.EMBEDDING),
        ({"text_inputs": ["a"]}, {"embedding": [[0.1]]}, Kind.EMBEDDING),
        ({"inputs": ["a", "b"]}, [[{"label": "A", "score": 0.1}], [{"label": "B", "score": 0.2}]], Kind.CLASSIFIER),
        (PROMPT, {"sequence": "hi", "labels": ["a"], "scores": [0.5]}, Kind.CLASSIFIER),
        (PROMPT, [{"entity": "PER", "score": 0.9, "word": "Ann"}], Kind.CLASSIFIER),
        ({"query": {"text": "q"}, "passages": [{"text": "p"}]}, {"rankings": [{"index": 0, "logit": 1.5}]}, Kind.RERANK),
        ({"inputs": [[1, 2], [3, 4]]}, [0.5, 0.7], Kind.CLASSIFIER),
        ({"texts": ["a"], "input_type": "query"}, {"error": "boom"}, Kind.EMBEDDING),
        ({"input": "hi"}, {"data": [{"embedding": [0.1]}]}, Kind.EMBEDDING),
        ({"input": "hi"}, {"object": "response", "output": []}, Kind.LLM),
        ({"input": "hi"}, {"output": "said"}, Kind.LLM),
        ({"input": "hi", "instructions": "Be kind."}, {"error": "boom"}, Kind.LLM),
        ({"question": "Who?", "context": "Ann."}, {"answer": "Ann", "score": 0.9}, Kind.OTHER),
        ({"question": "Who?"}, {"answer": "Ann"}, Kind.LLM),
        (CHAT, {"strange": True}, Kind.LLM),
        (PROMPT, {"strange": True}, Kind.OTHER),
        ({"strange": True}, {"stranger": True}, Kind.OTHER),
        ({"strange": True}, {"generated_text": "x"}, Kind.LLM),
    ],
)  # fmt: skip
def test_the_kind_of_model_is_seen_from_both_sides(
    request_body: Any, response: Any, kind: Kind
) -> None:
    """`{"inputs": text}` is a prompt only if the answer is no vector and no label."""
    inference = read(request_body, response)
    assert inference.kind is kind
    assert inference.request
    assert inference.request.messages is None or kind is Kind.LLM


def test_vectors_are_not_kept() -> None:
    """A trace says how many and how long they are."""
    inference = read({"texts": ["a", "b"]}, {"embeddings": {"float": [[0.1] * 8, [0.2] * 8]}})
    assert inference.response
    assert inference.response.body == {"embeddings": 2, "dimensions": 8}


def test_an_unknown_body_is_kept_as_it_is() -> None:
    """Nothing is dropped because no family knows it."""
    inference = read({"strange": [1]}, {"stranger": "x"})
    assert inference.request
    assert inference.response
    assert (inference.family, inference.request.body, inference.response.body) == (
        "unknown", {"strange": [1]}, {"stranger": "x"},
    )  # fmt: skip


def test_json_that_was_cut_off_is_no_answer() -> None:
    """Half a JSON document is kept, not shown as if the model had said it."""
    inference = read(PROMPT, '{"generated_text": "Once up')
    assert (inference.output_text, inference.family) == (None, "unknown")


@pytest.mark.parametrize("key", ["response", "answer", "completion", "output", "outputs", "text"])
def test_containers_name_their_answer_as_they_like(key: str) -> None:
    """A text under a common name is the answer to a prompt."""
    assert read(PROMPT, {key: "said"}).output_text == "said"
    assert read(PROMPT, {key: ["said"]}).output_text == "said"


def test_an_answer_in_two_styles_is_read_once() -> None:
    """Choices without a text leave it to `generated_text`; counts and finish reason are theirs."""
    body = {"generated_text": "said", "choices": [{"index": 0, "finish_reason": "stop"}]}
    response = read(
        PROMPT, {**body, "usage": {"prompt_tokens": 1, "completion_tokens": 2}}
    ).response
    assert response
    assert [(c.text, c.finish_reason) for c in response.choices] == [("said", "stop")]
    assert response.usage.output_tokens == 2


def test_several_answers_to_one_prompt_are_choices() -> None:
    """`num_return_sequences` gives a flat list: all belong to item 0."""
    response = read(PROMPT, [{"generated_text": "a"}, {"generated_text": "b"}]).response
    assert response
    assert [(c.text, c.item) for c in response.choices] == [("a", 0), ("b", 0)]


def test_a_batch_pairs_items_with_answers() -> None:
    """One answer per input, nested or not; choices say whose they are."""
    flat = [{"generated_text": "a"}, {"generated_text": "b"}]
    for answers in (flat, [[answer] for answer in flat]):
        inference = read({"inputs": ["x", "y"]}, answers)
        assert inference.request
        assert inference.response
        assert [[m["content"] for m in item] for item in inference.request.items] == [["x"], ["y"]]
        assert [(c.text, c.item) for c in inference.response.choices] == [("a", 0), ("b", 1)]


def test_best_of_keeps_the_other_sequences() -> None:
    """The best one is the answer, the others are further choices."""
    details = {"best_of_sequences": [{"generated_text": "worse", "finish_reason": "length"}]}
    response = read(PROMPT, {"generated_text": "best", "details": details}).response
    assert response
    assert [c.text for c in response.choices] == ["best", "worse"]


@pytest.mark.parametrize(
    "message",
    [
        {"tool_calls": [{"id": "1", "function": {"name": "find", "arguments": '{"a": 1}'}}]},
        {"tool_calls": [{"id": "1", "function": {"name": "find", "arguments": {"a": 1}}}]},
        {"tool_calls": {"id": "1", "function": {"name": "find", "arguments": {"a": 1}}}},
        {"function_call": {"name": "find", "arguments": '{"a": 1}'}},
    ],
)
def test_tool_calls_are_read_in_all_their_shapes(message: Any) -> None:
    """Arguments as text or object, calls as list or object, and the older function call."""
    response = read(CHAT, {"choices": [{"message": {"content": None, **message}}]}).response
    assert response
    (call,) = response.choices[0].tool_calls
    assert (call.name, call.arguments) == ("find", '{"a": 1}')


@pytest.mark.parametrize("body", [CHAT["messages"], [CHAT["messages"]]])
def test_bare_messages_are_a_chat(body: Any) -> None:
    """Some containers take the list of messages, or of dialogs, without a name."""
    request = read(body, {"generated_text": "x"}).request
    assert request
    assert (request.messages, request.body) == (CHAT["messages"], body)


@pytest.mark.parametrize(
    "body",
    [
        {"type": "message", "content": [{"type": "tool_use", "id": "1", "name": "find", "input": {"a": 1}}]},
        {"object": "response", "output": [
            {"type": "function_call", "call_id": "1", "name": "find", "arguments": '{"a": 1}'}]},
        {"done": True, "message": {"content": "", "tool_calls": [
            {"id": "1", "function": {"name": "find", "arguments": {"a": 1}}}]}},
    ],
)  # fmt: skip
def test_tool_calls_of_other_apis_are_read(body: Any) -> None:
    """Blocks of a message, items of a response, calls of Ollama: all are tool calls."""
    response = read(CHAT, body).response
    assert response
    (call,) = response.choices[0].tool_calls
    assert (call.name, call.arguments, call.id) == ("find", '{"a": 1}', "1")


def test_a_conversation_of_items_is_one_of_messages() -> None:
    """What the Responses API keeps as items reads like any other chat."""
    items = [
        {"role": "user", "content": [{"type": "input_text", "text": "Find it."}, {"type": "input_image"}]},
        {"type": "reasoning", "summary": []},
        {"type": "function_call", "call_id": "1", "name": "find", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "1", "output": "found"},
    ]  # fmt: skip
    request = read({"input": items}, None).request
    assert request
    function = {"name": "find", "arguments": "{}"}
    assert request.messages == [
        {"role": "user", "content": [{"type": "text", "text": "Find it."}, {"type": "input_image"}]},
        {"role": "assistant", "content": None,
         "tool_calls": [{"id": "1", "type": "function", "function": function}]},
        {"role": "tool", "tool_call_id": "1", "content": "found"},
    ]  # fmt: skip


def test_the_prompt_in_front_of_the_answer_is_flagged() -> None:
    """`return_full_text` repeats the prompt; the text stays verbatim, the response says so."""
    echoed = read(PROMPT, [{"generated_text": "hi there"}]).response
    plain = read(PROMPT, [{"generated_text": "hello"}]).response
    assert echoed
    assert plain
    assert (echoed.echoes_prompt, plain.echoes_prompt) == (True, False)


def test_parameters_and_adapters_are_kept() -> None:
    """What the caller asked for beside the prompt."""
    tgi = read({"inputs": "hi", "parameters": {"top_p": 0.9}, "adapters": "lora-1"}, None).request
    chat = read(
        {**CHAT, "temperature": 0, "seed": 1, "chat_template_kwargs": {"thinking": True}}
    ).request
    assert tgi
    assert chat
    assert (tgi.parameters, tgi.model) == ({"top_p": 0.9, "adapters": "lora-1"}, "lora-1")
    assert chat.parameters == {
        "temperature": 0,
        "seed": 1,
        "chat_template_kwargs": {"thinking": True},
    }


def test_a_batch_of_tokens_adds_up() -> None:
    """Counts of several answers are those of the record."""
    answers = [
        {"generated_text": t, "details": {"generated_tokens": n}} for t, n in (("a", 3), ("b", 4))
    ]
    response = read({"inputs": ["x", "y"]}, answers).response
    assert response
    assert (response.usage.input_tokens, response.usage.output_tokens) == (None, 7)
