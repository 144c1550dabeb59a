"""Messages and choices of OpenAI's API and its relatives: text, thoughts, tool calls, counts."""

from __future__ import annotations

from typing import Any

import pytest

from inference_monitor.families.openai import (
    bare_message,
    finish_reason_of,
    message_choice,
    openai_chat,
    openai_completions,
    reasoning_of,
    thought_of,
)
from inference_monitor.inference import Choice, Request, Response, ToolCall, Usage


def _said(text: str, **more: Any) -> dict[str, Any]:
    return {"message": {"role": "assistant", "content": text}, **more}


def test_a_chat_is_read_whole() -> None:
    """Family, body, choices, counts and model are what the trace shows."""
    body = {
        "model": "m-1",
        "choices": [_said("Hi.", finish_reason="stop", index=0)],
        "usage": {"prompt_tokens": 3, "completion_tokens": 2},
    }
    choices = (Choice("Hi.", "stop"),)
    assert openai_chat(body, None) == Response(
        "openai_chat", body, choices, Usage(3, 2), model="m-1"
    )


def test_choices_are_in_the_order_of_their_index() -> None:
    """One without an index is the first; the choice of a completion needs no message."""
    body = {"choices": [_said("b", index=1), _said("c", index=2), _said("a")]}
    read = openai_chat(body, None)
    assert read
    assert [choice.text for choice in read.choices] == ["a", "b", "c"]
    mixed = openai_chat({"choices": [_said("a"), {"text": "b"}]}, None)
    assert mixed
    assert [choice.text for choice in mixed.choices] == ["a", None]


@pytest.mark.parametrize(
    "body",
    [{}, [], "Hi", {"choices": []}, {"choices": "Hi"}, {"choices": [{"text": "Hi"}]}],
    ids=str,
)
def test_what_has_no_message_is_no_chat(body: Any) -> None:
    """Another family may know it."""
    assert openai_chat(body, None) is None


def test_counts_may_stand_in_a_choice() -> None:
    """The first choice that has any counts, where the answer itself has none."""
    inside = [_said("a"), _said("b", usage={"prompt_tokens": 1}), _said("c", usage={"x": 1})]
    read = openai_chat({"choices": inside}, None)
    outer = openai_chat({"choices": inside, "usage": {"prompt_tokens": 9}}, None)
    assert read
    assert outer
    assert (read.usage, outer.usage) == (Usage(1, None), Usage(9, None))


@pytest.mark.parametrize("key", ["text", "message", "messages", "content"])
def test_a_completion_is_read_whole(key: str) -> None:
    """Under the names that servers have for its text; finish reason and thoughts beside it."""
    body = {
        "model": "m-1",
        "choices": [{key: "Hi.", "finish_reason": "length", "reasoning_content": "Hm."}],
        "usage": {"prompt_tokens": 3},
    }
    choices = (Choice("Hi.", "length", "Hm."),)
    assert openai_completions(body, None) == Response(
        "openai_completions", body, choices, Usage(3), model="m-1"
    )


def test_choices_of_several_prompts_are_told_by_their_number() -> None:
    """N choices for each prompt, in the order of the prompts; too few belong to one each."""
    body = {"choices": [{"text": str(n), "index": n} for n in range(4)]}
    two = openai_completions(body, Request("prompt", items=[[], []]))
    five = openai_completions(body, Request("prompt", items=[[]] * 5))
    one = openai_completions(body, Request("prompt", items=[[]]))
    assert two
    assert five
    assert one
    assert [c.item for c in two.choices] == [0, 0, 1, 1]
    assert all(type(c.item) is int for c in two.choices)
    assert [c.item for c in five.choices] == [0, 1, 2, 3]
    assert [c.item for c in one.choices] == [0, 0, 0, 0]


def test_a_text_beside_the_choices_is_that_of_a_choice_without_one() -> None:
    """Mocks answer in two styles at once; an empty text of the choice itself stays."""
    body = {"choices": [{}, {"text": ""}], "generated_text": "Hi."}
    read = openai_completions(body, None)
    assert read
    assert [c.text for c in read.choices] == ["Hi.", ""]
    assert openai_completions({"generated_text": "Hi."}, None) is None


@pytest.mark.parametrize(
    "body",
    [
        {"role": "assistant", "content": "Hi."},
        {"role": "model", "content": "Hi."},
        [{"role": "user", "content": "Hello"}, {"role": "assistant", "content": "Hi."}],
        {"delta": {"role": "assistant", "content": "Hi."}},
    ],
    ids=str,
)
def test_a_bare_message_is_an_answer(body: Any) -> None:
    """Alone, at the end of its conversation, or as a piece of MLflow's chat agents."""
    assert bare_message(body, None) == Response("message", body, (Choice("Hi."),))


def test_a_bare_message_tells_of_itself() -> None:
    """Finish reason, counts and tool calls may stand in the message."""
    body = {
        "role": "assistant",
        "tool_calls": [{"function": {"name": "f", "arguments": "{}"}}],
        "finish_reason": "tool_calls",
        "usage": {"completion_tokens": 4},
    }
    choice = Choice(None, "tool_calls", tool_calls=(ToolCall("f", "{}"),))
    assert bare_message(body, None) == Response("message", body, (choice,), Usage(None, 4))


@pytest.mark.parametrize(
    "body",
    [{"role": "user", "content": "Hi"}, {"role": "assistant"}, {"content": "Hi"}, [], "Hi"],
    ids=str,
)
def test_other_messages_are_no_answer(body: Any) -> None:
    """A question is none, nor is a role with nothing said."""
    assert bare_message(body, None) is None


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("stop", "stop"),
        ({"type": "length", "length": 9}, "length"),
        ({"reason": "endoftext"}, "endoftext"),
        ({"type": "stop", "reason": "other"}, "stop"),
        ({}, None),
        (None, None),
        (1, None),
    ],
    ids=str,
)
def test_a_finish_reason_may_be_an_object(value: Any, reason: str | None) -> None:
    """SGLang gives a type, AI21 a reason."""
    assert finish_reason_of(value) == reason


@pytest.mark.parametrize(
    ("message", "text", "thoughts"),
    [
        ({"content": "Hi."}, "Hi.", None),
        ({"content": ""}, "", None),
        ({"content": None}, None, None),
        ({"content": []}, None, None),
        ({"content": None, "refusal": "No."}, "No.", None),
        ({"content": "Hi.", "refusal": "No."}, "Hi.", None),
        ({"content": None, "audio": {"transcript": "Hi."}}, "Hi.", None),
        ({"content": None, "refusal": "No.", "audio": {"transcript": "Hi."}}, "No.", None),
        ({"content": ["a", {"type": "text", "text": "b"}, {"type": "image"}, 5]}, "ab", None),
        ({"content": [{"type": "thinking", "thinking": "x"}, {"type": "thinking", "thinking": "y"},
                      {"type": "text", "text": "z"}]}, "z", "xy"),
        ({"content": [{"type": "thinking", "thinking": ""}]}, None, None),
        ({"content": [{"type": "thinking", "thinking": "x"}], "reasoning": "y"}, None, "y"),
    ],
    ids=str,
)  # fmt: skip
def test_a_message_has_text_and_thoughts(
    message: dict[str, Any], text: str | None, thoughts: str | None
) -> None:
    """In one text or in parts; a refusal and spoken words are text where there is no other."""
    assert message_choice(message, "stop") == Choice(text, "stop", thoughts)


@pytest.mark.parametrize(
    ("part", "thought"),
    [
        ({"reasoningContent": {"reasoningText": {"text": "Hm."}}}, "Hm."),
        ({"reasoningContent": {"redactedContent": "x"}}, ""),
        ({"thinking": "Hm."}, "Hm."),
        ({"thinking": [{"type": "text", "text": "H"}, {"thinking": "m"}, "."]}, "Hm."),
        ({"thinking": None}, ""),
        ({"type": "reasoning", "reasoning": "Hm.", "text": "other"}, "Hm."),
        ({"type": "reasoning", "text": "Hm."}, "Hm."),
        ({"type": "reasoning.text", "text": "Hm."}, "Hm."),
        ({"type": "reasoning", "content": [{"text": "Hm."}], "summary": "other"}, "Hm."),
        ({"type": "reasoning", "summary": [{"type": "summary_text", "text": "Hm."}]}, "Hm."),
        ({"type": "thinking", "text": "Hm."}, "Hm."),
        ({"type": "redacted_thinking", "data": "x"}, ""),
        ({"type": "text", "text": "Hi."}, None),
        ({"text": "Hi."}, None),
        ("Hi.", None),
    ],
    ids=str,
)
def test_thoughts_are_wrapped_in_many_ways(part: Any, thought: str | None) -> None:
    """None is no thought, an empty text one that may not be seen."""
    assert thought_of(part) == thought


@pytest.mark.parametrize(
    "name",
    [
        "reasoning_content", "reasoning", "thinking", "reasoning_details", "reasoning_text",
        "tool_plan", "thinking_blocks", "thoughts", "thought",
    ],
)  # fmt: skip
def test_thoughts_have_fields_of_many_names(name: str) -> None:
    """As a text or as parts, in the message or in what LiteLLM adds to it."""
    assert reasoning_of({name: "Hm."}) == "Hm."
    assert reasoning_of({name: [{"text": "H"}, {"text": "m."}]}) == "Hm."
    assert reasoning_of({"provider_specific_fields": {name: "Hm."}}) == "Hm."
    assert reasoning_of({name: ""}) is None


def test_the_first_field_of_thoughts_that_says_something_counts() -> None:
    """Servers fill several of them with the same, and some with nothing."""
    both = {"reasoning_content": "", "reasoning": "Hm.", "thinking": "other"}
    assert reasoning_of(both) == "Hm."
    assert reasoning_of({**both, "provider_specific_fields": {"reasoning": "else"}}) == "Hm."
    assert reasoning_of({}) is None


def test_tool_calls_are_read_whole() -> None:
    """Nested or flat, several or a single one, with `arguments` or `parameters`."""
    nested = {"id": "c-1", "function": {"name": "f", "arguments": '{"a": 1}'}}
    flat = {"id": "c-2", "name": "g", "parameters": {"b": 2}}
    both = message_choice({"tool_calls": [nested, flat]}, None)
    calls = (ToolCall("f", '{"a": 1}', "c-1"), ToolCall("g", '{"b": 2}', "c-2"))
    assert both.tool_calls == calls
    assert message_choice({"tool_calls": nested}, None).tool_calls == calls[:1]


def test_the_function_call_of_older_apis_is_a_tool_call() -> None:
    """It has no id, and comes after those that have one."""
    message = {"tool_calls": [{"name": "f"}], "function_call": {"name": "g", "arguments": "{}"}}
    calls = (ToolCall("f", "{}"), ToolCall("g", "{}"))
    assert message_choice(message, None).tool_calls == calls
    assert message_choice({"function_call": "g"}, None).tool_calls == ()
