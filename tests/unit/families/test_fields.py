"""Looks into JSON of unknown origin: the right type is taken as it is, any other reads as absent."""

from __future__ import annotations

from typing import Any

import pytest

from inference_monitor.families import fields
from inference_monitor.inference import ToolCall, Usage

WRONG: list[Any] = [None, True, 1, 1.5, "a", ["a"], {"a": 1}]


def test_each_type_is_taken_and_no_other() -> None:
    """A text, an object and a list of objects read as themselves, everything else as nothing."""
    assert [fields.text_of(v) for v in WRONG] == [None, None, None, None, "a", None, None]
    assert [fields.object_of(v) for v in WRONG] == [{}, {}, {}, {}, {}, {}, {"a": 1}]
    assert [fields.objects_of(v) for v in [*WRONG, [{"a": 1}, "b", {}]]] == [
        *[[]] * 7,
        [{"a": 1}, {}],
    ]


@pytest.mark.parametrize(
    ("value", "count"),
    [(0, 0), (1, 1), (-1, None), (True, None), (False, None), (1.0, None), ("1", None)],
)
def test_a_count_is_a_whole_number_from_zero(value: Any, count: int | None) -> None:
    """JSON's true is no count of one, and a negative number is no count at all."""
    assert fields.count_of(value) == count
    assert type(fields.count_of(value)) is type(count)


def test_objects_are_chosen_by_their_type() -> None:
    """Parts of another type, without one, or that are no objects are left out."""
    parts = [{"type": "text", "n": 1}, {"type": "image"}, {"n": 2}, "text", {"type": "text"}]
    assert fields.of_type(parts, "text") == [{"type": "text", "n": 1}, {"type": "text"}]
    assert fields.of_type("text", "text") == []


@pytest.mark.parametrize(
    ("value", "texts", "numbers"),
    [
        (["a", ""], True, False),
        ([1, 2.5], False, True),
        ([], False, False),
        (["a", 1], False, False),
        ([1, True], False, False),
        ("ab", False, False),
        ({"a": 1}, False, False),
    ],
)
def test_lists_of_texts_and_of_numbers(value: Any, texts: bool, numbers: bool) -> None:
    """Every entry counts, and an empty list is neither."""
    assert fields.is_texts(value) is texts
    assert fields.is_numbers(value) is numbers


def test_messages_are_in_the_chat_shape_of_openai() -> None:
    """What readers make of other shapes is what MLflow's UI and the judge's prompt expect."""
    assert fields.user("Hi") == {"role": "user", "content": "Hi"}
    assert fields.system("Be brief.") == [{"role": "system", "content": "Be brief."}]
    assert fields.system("") == fields.system(None) == []
    assert fields.requested_tool("c-1", "look_up", '{"a": 1}') == {
        "id": "c-1",
        "type": "function",
        "function": {"name": "look_up", "arguments": '{"a": 1}'},
    }


@pytest.mark.parametrize("name", ["prompt_tokens", "input_tokens", "inputTokens", "promptTokens"])
def test_input_tokens_have_several_names(name: str) -> None:
    """Each name is read by itself; a count of nothing is a count."""
    assert fields.usage_of({name: 0}) == Usage(0, None)
    assert fields.usage_of({name: "5"}) == Usage(None, None)


@pytest.mark.parametrize(
    "name",
    ["completion_tokens", "output_tokens", "response_tokens", "outputTokens", "completionTokens"],
)
def test_output_tokens_have_several_names(name: str) -> None:
    """Each name is read by itself, and so is what is no object."""
    assert fields.usage_of({name: 7}) == Usage(None, 7)
    assert fields.usage_of([name]) == Usage(None, None)


def test_the_names_of_openai_come_first() -> None:
    """Servers that count under two names mean OpenAI's by OpenAI's."""
    both = {"input_tokens": 1, "prompt_tokens": 2, "output_tokens": 3, "completion_tokens": 4}
    assert fields.usage_of(both) == Usage(2, 4)


def test_usages_add_up_where_they_are_known() -> None:
    """An answer that does not tell leaves the sum of the others; none that tells leaves nothing."""
    assert fields.total_usage([Usage(1, 10), Usage(None, 20), Usage(3, None)]) == Usage(4, 30)
    assert fields.total_usage([Usage(0, None)]) == Usage(0, None)
    assert fields.total_usage([Usage(None, 0)]) == Usage(None, 0)
    assert fields.total_usage([]) == Usage(None, None)


def test_counts_under_several_names_add_up() -> None:
    """Anthropic's and Bedrock's input tokens are counted apart by what of them was cached."""
    counts = {"read": 3, "written": 0, "other": 9, "wrong": "4"}
    assert fields.total_of(counts, ("read", "written", "wrong", "missing")) == 3
    assert fields.total_of(counts, ("written",)) == 0
    assert fields.total_of(counts, ("wrong", "missing")) is None


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ('{"a": 1}', '{"a": 1}'),
        ("not JSON", "not JSON"),
        ({"a": "ä"}, '{"a": "ä"}'),
        ([1], "[1]"),
        (None, "{}"),
        ({}, "{}"),
    ],
)
def test_arguments_of_a_tool_call_are_json_text(arguments: Any, text: str) -> None:
    """A text stays as the model wrote it, an object becomes its JSON, with its own characters."""
    assert fields.tool_call("look_up", arguments, "c-1") == ToolCall("look_up", text, "c-1")


def test_a_tool_call_has_a_name_and_may_have_an_id() -> None:
    """A span needs a name; an id that is no text is none."""
    assert fields.tool_call(None, "{}") == ToolCall("unnamed", "{}", None)
    assert fields.tool_call("", "{}", 5) == ToolCall("unnamed", "{}", None)


@pytest.mark.parametrize(
    ("text", "tabular"),
    [
        ("1", True),
        ("1, 2.5 ,-3e4", True),
        ('"1","2"', True),
        ("1,2\n3,4", True),
        ("1,,2", True),
        ("1,two", False),
        ("1\ntwo", False),
        ("1;2", False),
        ("", False),
        (" , ", False),
        ("nan,inf", True),
    ],
)
def test_rows_of_numbers_are_tabular_text(text: str, tabular: bool) -> None:
    """Every cell is a number, quoted or not; cells may be missing, but not all of them."""
    assert fields.is_tabular_text(text) is tabular


def test_only_the_beginning_of_a_long_text_is_looked_at() -> None:
    """It is cut between two cells, so that half a number is not taken for a word."""
    long = "1e-5," * 16_384
    assert fields.is_tabular_text(long + "word")
    assert not fields.is_tabular_text("word," + long)
    assert fields.is_tabular_text("1," * 32_767 + "1e-5,2")  # the limit is within 1e-5
    assert not fields.is_tabular_text("1," * 32_767 + "ab")  # exactly as long as is looked at
    assert fields.is_tabular_text("1," * 32_767 + "12" + ",word")


@pytest.mark.parametrize(
    ("value", "tabular"),
    [
        ([1, 2], True),
        ([[1, 2], [3]], True),
        ([], False),
        ([[]], False),
        ([[1], []], False),
        ([[1], ["a"]], False),
        (["a"], False),
        ("12", False),
    ],
)
def test_rows_of_numbers_are_tabular_lists(value: Any, tabular: bool) -> None:
    """One row or several; each has numbers and nothing else."""
    assert fields.is_tabular_list(value) is tabular


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        (1, True),
        (0.5, True),
        ("1e5", True),
        (" 7 ", True),
        ("a", False),
        (True, False),
        ([1], False),
    ],
)
def test_a_cell_is_a_number_or_the_text_of_one(value: Any, cell: bool) -> None:
    """Tables in JSON often hold their numbers as text."""
    assert fields.is_cell(value) is cell
