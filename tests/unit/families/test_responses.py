"""Responses are read by shape: pieces are joined, wrappers opened, counts and bodies kept."""

from __future__ import annotations

import json
from typing import Any

import pytest

from inference_monitor.families.responses import read_body, read_pieces, unwrapped, usage_only
from inference_monitor.inference import Choice, Request, Response, Usage

ASK = {"role": "user", "content": "Why?"}
PROMPT = Request("inputs_text", {"inputs": "Why?"}, [ASK], items=[[ASK]])
CHAT = Request("openai_chat", {"messages": [ASK]}, [ASK], items=[[ASK]])
TWO = Request("inputs_text", {"inputs": ["Why?"] * 2}, [ASK, ASK], items=[[ASK], [ASK]])


def _pieces(*parts: dict[str, Any]) -> Choice:
    read = read_pieces(list(parts), PROMPT)
    assert read
    (choice,) = read.choices
    return choice


@pytest.mark.parametrize(
    ("counts", "usage"),
    [
        ({"prompt_tokens": 0, "completion_tokens": 2}, Usage(0, 2)),
        ({"prompt_tokens": 1}, Usage(1, None)),
        ({"completion_tokens": 1}, Usage(None, 1)),
    ],
    ids=str,
)
def test_counts_alone_are_an_answer(counts: dict[str, int], usage: Usage) -> None:
    """Endpoints keep the text out of captures; either count is enough, and the body is kept."""
    body = {"usage": counts}
    assert usage_only(body, None) == Response("usage_only", body, usage=usage)
    assert usage_only({"usage": {}}, None) is None


def test_pieces_are_joined_in_their_order() -> None:
    """Text, thoughts and tool calls follow each other; the last reason and counts hold."""
    call = {"function": {"name": "f", "arguments": "{}"}}
    parts: list[dict[str, Any]] = [
        {"role": "assistant", "content": "A", "thinking": "x", "usage": {"prompt_tokens": 1}},
        {"role": "assistant", "content": "B", "thinking": "y", "finish_reason": "length",
         "tool_calls": [call], "usage": {"prompt_tokens": 2, "completion_tokens": 3}},
        {"usage": {"completion_tokens": 4}},
    ]  # fmt: skip
    read = read_pieces(parts, CHAT)
    assert read
    assert (read.family, read.body, read.streamed) == ("message", parts, True)
    assert read.usage == Usage(2, 4)
    (choice,) = read.choices
    assert (choice.text, choice.reasoning, choice.finish_reason) == ("AB", "xy", "length")
    assert [c.name for c in choice.tool_calls] == ["f"]


def test_pieces_without_thoughts_have_none() -> None:
    """Not an empty thought, which would be shown as one."""
    choice = _pieces({"generated_text": "A"}, {"generated_text": "B"})
    assert (choice.text, choice.reasoning, choice.tool_calls) == ("AB", None, ())


@pytest.mark.parametrize(
    ("texts", "text"),
    [
        (["The", "The sail", "The sail is"], "The sail is"),
        (["T", "Th", "The"], "The"),
        (["Four", "Four sails"], "Four sails"),
        (["The", "There"], "TheThere"),
        (["a", "a", "a"], "aaa"),
        (["The sail", "Other"], "The sailOther"),
    ],
)
def test_pieces_may_repeat_the_text_so_far(texts: list[str], text: str) -> None:
    """Three that grow do, and two from four characters on; the same text again is a new piece."""
    assert _pieces(*({"generated_text": t} for t in texts)).text == text


@pytest.mark.parametrize(
    ("parts", "request_"),
    [
        ([{"generated_text": "A"}] * 2, None),
        ([{"generated_text": "A"}] * 2, TWO),
        ([{"choices": [{"message": {"role": "assistant", "content": "A"}}]}] * 2, CHAT),
        ([{"type": "message", "role": "assistant",
           "content": [{"type": "text", "text": "A"}]}] * 2, CHAT),
        ([{"usage": {"prompt_tokens": 1}}] * 2, CHAT),
        ([{"embedding": [0.5]}] * 2, PROMPT),
    ],
    ids=["no request", "a batch", "chats", "messages of Anthropic", "counts", "vectors"],
)  # fmt: skip
def test_whole_answers_are_no_pieces(parts: list[dict[str, Any]], request_: Any) -> None:
    """Only what answers a single request and is no answer by itself can be a piece of one."""
    assert read_pieces(parts, request_) is None


@pytest.mark.parametrize(
    ("body", "inner"),
    [
        ('{"a": 1}', [{"a": 1}]),
        (' ["a"]', [["a"]]),
        ("1", []),
        ("Hi", []),
        ([{"a": 1}], [{"a": 1}]),
        ([], []),
        ([{"a": 1}, {"b": 2}], []),
        ({"output": {"a": 1}}, [{"a": 1}]),
        ({"output": '{"a": 1}'}, ['{"a": 1}']),
        ({"output": "1"}, []),
        ({"output": "Hi", "data": 5}, []),
        ({"output": [{"a": 1}]}, [[{"a": 1}], {"a": 1}]),
        ({"output": [{"a": 1}, {"b": 2}]}, [[{"a": 1}, {"b": 2}]]),
        ({"output": ["Hi"]}, []),
        ({"output": ['{"a": 1}']}, ['{"a": 1}']),
        ({"component": {"a": 1}}, [{"a": 1}]),
        ({"component": {"a": 1}, "other": {"b": 2}}, []),
        ({"component": "Hi"}, [{}]),
        ({"error": {"message": "x"}}, []),
        (5, []),
    ],
    ids=str,
)
def test_wrappers_are_opened(body: Any, inner: list[Any]) -> None:
    """JSON in a text, a list of one, names that say nothing, and a lone component's name."""
    assert unwrapped(body) == inner


def test_an_answer_in_a_wrapper_keeps_the_body_and_its_counts() -> None:
    """Counts around the answer are its own where it has none itself."""
    body = {"output": {"generated_text": "Hi."}, "usage": {"prompt_tokens": 3}}
    read = read_body(body, PROMPT)
    assert read == Response("generated_text", body, (Choice("Hi."),), Usage(3))
    own = {**body, "output": {"generated_text": "Hi.", "usage": {"prompt_tokens": 5}}}
    inner = read_body(own, PROMPT)
    assert inner
    assert inner.usage == Usage(5)


@pytest.mark.parametrize(
    ("request_", "text"),
    [(CHAT, '{"label": "joy", "score": 0.9}'), (PROMPT, None)],
    ids=["a chat", "a prompt for any model"],
)
def test_json_that_a_model_was_to_write_is_its_text(request_: Request, text: str | None) -> None:
    """Under a name it is the answer to a chat; to other prompts it may be the label it looks like."""
    body = {"response": '{"label": "joy", "score": 0.9}'}
    read = read_body(body, request_)
    assert read
    assert (read.choices[0].text if read.choices else None) == text
    assert read.body == body


def test_json_with_an_answer_of_any_name_is_the_text_of_a_chat() -> None:
    """Only the shape of a known server shows that the JSON itself is the answer."""
    body = {"response": '{"answer": "It is."}'}
    read = read_body(body, CHAT)
    assert read
    assert read.choices == (Choice('{"answer": "It is."}'),)


def test_json_in_a_body_is_an_answer_in_itself() -> None:
    """A gateway's `body` is no text of the model's, nor is an answer of a known server."""
    chat = json.dumps({"choices": [{"message": {"role": "assistant", "content": "Hi."}}]})
    for body in ({"body": chat}, {"response": chat}, {"output": chat}):
        read = read_body(body, CHAT)
        assert read == Response("openai_chat", body, (Choice("Hi."),))
    labels = {"body": '[{"label": "joy", "score": 0.9}]'}
    read = read_body(labels, CHAT)
    assert read
    assert read.family == "labels"


def test_several_answers_are_one_response() -> None:
    """One for each prompt of a batch, or all to a lone one; usages add up."""
    parts = [
        {"generated_text": "A", "usage": {"prompt_tokens": 1, "completion_tokens": 2}},
        {"choices": [{"text": "B"}], "usage": {"prompt_tokens": 3}},
    ]
    batch, lone = read_body(parts, TWO), read_body(parts, PROMPT)
    assert batch == Response(
        "generated_text", parts, (Choice("A"), Choice("B", item=1)), Usage(4, 2)
    )
    assert lone == Response("generated_text", parts, (Choice("A"), Choice("B")), Usage(4, 2))


def test_a_list_of_anything_is_no_list_of_answers() -> None:
    """One entry that is no object, or of another kind of model, and it is kept as it is."""
    assert read_body([{"response": "A b"}, 5], None) is None
    mixed = [{"generated_text": "A"}, {"embedding": [0.5]}]
    read = read_body(mixed, TWO)
    assert read is None or read.family != "generated_text"


def test_wrappers_are_opened_to_a_limit() -> None:
    """Lists in wrappers in lists are read, but nobody can make the reader dig forever."""

    def nested(levels: int, answer: dict[str, Any]) -> dict[str, Any]:
        for _ in range(levels):
            answer = {"output": [answer, answer]}
        return answer

    answer = {"choices": [{"text": "A"}]}
    read = read_body(nested(2, {"output": answer}), PROMPT)
    assert read
    assert [choice.text for choice in read.choices] == ["A"] * 4
    assert read_body(nested(3, answer), PROMPT) is None
