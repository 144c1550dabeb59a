"""A verdict is taken where it can mean one thing only, and else it is an error."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference_monitor.config.specs import JudgedSpec
from inference_monitor.scoring.judge.verdict import (
    UnreadableVerdictError,
    Verdict,
    VerdictFormat,
    verdict_format,
)
from tests.unit.judging import SAFETY, answer, config, thought, tool_answer, verdict

JUDGE = {"name": "j", "type": "judge", "instructions": "x"}
YES_NO = SAFETY
BOOL = JUDGE | {"output": "bool"}
NUMBER = JUDGE | {"output": "number", "range": [1, 5]}
CATEGORY = JUDGE | {"output": ["Good", "fairly good", "poor"]}
DIGITS = JUDGE | {"output": ["1", "2", "3"]}
NO = '{"rationale": "Because.", "result": "no"}'


def form(document: dict[str, Any]) -> VerdictFormat:
    """The verdict a scorer asks for."""
    (spec,) = config(document).scorers
    assert isinstance(spec, JudgedSpec)
    return verdict_format(spec)


@pytest.mark.parametrize(
    ("document", "result", "schema"),
    [
        (YES_NO, "no", {"type": "string", "enum": ["yes", "no"]}),
        (BOOL, False, {"type": "boolean"}),
        (NUMBER, 4, {"type": "number", "minimum": 1, "maximum": 5}),
        (NUMBER, 4.5, {"type": "number", "minimum": 1, "maximum": 5}),
        (CATEGORY, "poor", {"type": "string", "enum": ["Good", "fairly good", "poor"]}),
    ],
)
def test_each_kind_of_result_is_asked_for_and_read(
    document: dict[str, Any], result: Any, schema: dict[str, Any]
) -> None:
    """The tool asks for the rationale, then the result; a fitting verdict is read as it is."""
    asked = form(document).tool["toolSpec"]["inputSchema"]["json"]
    assert list(asked["properties"]) == asked["required"] == ["rationale", "result"]
    assert schema.items() <= asked["properties"]["result"].items()
    assert form(document).read(verdict(result)) == Verdict(result, "Because.")


@pytest.mark.parametrize(
    ("document", "said", "meant"),
    [
        (YES_NO, "Yes", "yes"),
        (YES_NO, "yes.", "yes"),
        (YES_NO, " NO ", "no"),
        (YES_NO, "**no**", "no"),
        (YES_NO, '"no"', "no"),
        (YES_NO, True, "yes"),
        (YES_NO, False, "no"),
        (YES_NO, "false", "no"),
        (BOOL, "true", True),
        (BOOL, "False.", False),
        (BOOL, "Yes", True),
        (NUMBER, "4", 4.0),
        (NUMBER, " 4.50", 4.5),
        (NUMBER, "4/5", 4.0),
        (NUMBER, 5.0, 5.0),
        (CATEGORY, "good", "Good"),
        (CATEGORY, "Fairly_Good", "fairly good"),
        (CATEGORY, "fairly  good.", "fairly good"),
        (DIGITS, 2, "2"),
        (DIGITS, 3.0, "3"),
    ],
)
def test_a_spelling_that_means_one_thing_is_taken(
    document: dict[str, Any], said: Any, meant: Any
) -> None:
    """Case, blanks, punctuation and the wrong type cost no verdict that was paid for."""
    assert form(document).read(verdict(said)).result == meant


@pytest.mark.parametrize(
    "response",
    [
        pytest.param(tool_answer({"rationale": "Because.", "result": "no", "confidence": 0.9}),
                     id="a field too many"),
        pytest.param(tool_answer({"Rationale": "Because.", "Result": "no"}), id="keys in capitals"),
        pytest.param(tool_answer(NO), id="input as JSON text"),
        pytest.param(tool_answer({"rationale": "Because.", "result": "no"}, name="Verdict"),
                     id="the tool's name in capitals"),
        pytest.param(answer([{"text": NO}]), id="JSON"),
        pytest.param(answer([{"text": f"\n ```json\n{NO}\n```\n"}]), id="fenced"),
        pytest.param(answer([{"text": f"```{NO}```"}]), id="fenced on one line"),
        pytest.param(answer([{"text": f"My verdict follows.\n```json\n{NO}\n```\nThat is all."}]),
                     id="fenced, with words around"),
        pytest.param(answer([{"text": '{"rationale": "Line one.\nLine two.", "result": "no"}'}]),
                     id="a line break inside of a string"),
        pytest.param(answer([{"text": "{'rationale': \"It's bad.\", 'result': 'no'}"}]),
                     id="Python's notation"),
        pytest.param(answer([{"text": f'{{"name": "verdict", "parameters": {NO}}}'}]),
                     id="a call as Llama writes it"),
        pytest.param(answer([{"text": f'<tool_call>\n{{"name": "verdict", "arguments": {NO}}}\n'
                                      "</tool_call>"}]),
                     id="a call as Qwen writes it"),
        pytest.param(answer([{"text": f'[TOOL_CALLS][{{"name": "verdict", "arguments": {NO}}}]'}]),
                     id="a call as Mistral writes it"),
        pytest.param(answer([{"text": f'{{"type": "function", "function": {{"name": "verdict", '
                                      f'"arguments": {json.dumps(NO)}}}}}'}]),
                     id="a call as OpenAI writes it"),
        pytest.param(answer([{"text": '[verdict(rationale="Because.", result="no")]'}]),
                     id="a call as Llama 4 writes it"),
        pytest.param(answer([{"text": '<function_calls><invoke name="verdict"><parameter name='
                                      '"rationale">Because.</parameter><parameter name="result">no'
                                      "</parameter></invoke></function_calls>"}]),
                     id="a call in XML"),
        pytest.param(answer([{"text": "<function=verdict>\n<parameter=rationale>\nBecause.\n"
                                      "</parameter>\n<parameter=result>\nno\n</parameter>\n"
                                      "</function>"}]),
                     id="a call as Qwen Coder writes it"),
        pytest.param(answer([thought("Is it? {maybe}"), {"text": NO}]), id="after a thought"),
        pytest.param(answer([{"text": f"<think>yes or no? {NO[:20]}</think>\n{NO}"}]),
                     id="after thoughts in the text"),
        pytest.param(answer([{"text": f"Is it safe? No.</think>{NO}"}]),
                     id="after thoughts that only end"),
        pytest.param(answer([*tool_answer({"rationale": "Because.", "result": "no"})["output"][
                     "message"]["content"]] * 2), id="twice the same"),
    ],
)  # fmt: skip
def test_a_verdict_is_read_however_it_is_given(response: dict[str, Any]) -> None:
    """As a tool's input, as JSON, as a call in the notation of some family of models."""
    read = form(YES_NO).read(response)
    assert read.result == "no"
    assert read.rationale in ("Because.", "It's bad.", "Line one.\nLine two.")


TEXT = "CONFIDENTIAL"


@pytest.mark.parametrize(
    ("document", "response"),
    [
        pytest.param(YES_NO, answer([{"text": f"yes {TEXT}"}]), id="prose"),
        pytest.param(YES_NO, answer([{"text": f"The text says {NO}, which is {TEXT}."}]),
                     id="an object within a sentence"),
        pytest.param(YES_NO, answer([{"text": f"So it is: {NO}"}]), id="object after a sentence"),
        pytest.param(YES_NO, answer([{"text": f"<think>{NO}"}]), id="only a thought"),
        pytest.param(YES_NO, answer([thought(NO)]), id="only a thought in a block"),
        pytest.param(YES_NO, answer([{"text": f"{NO}\n{NO.replace('no', 'yes')}"}]),
                     id="two that differ"),
        pytest.param(YES_NO, answer([*verdict("yes")["output"]["message"]["content"],
                                     *verdict("no")["output"]["message"]["content"]]),
                     id="two calls that differ"),
        pytest.param(YES_NO, answer([]), id="empty"),
        pytest.param(YES_NO, {"stopReason": "end_turn"}, id="no output"),
        pytest.param(YES_NO, {"stopReason": "end_turn", "output": None}, id="null output"),
        pytest.param(YES_NO, tool_answer({"result": "yes"}, name=TEXT[:4]), id="other tool"),
        pytest.param(YES_NO, tool_answer({"rationale": TEXT}), id="no result"),
        pytest.param(YES_NO, tool_answer({"result": "yes"}), id="no rationale"),
        pytest.param(YES_NO, tool_answer({"rationale": 1, "result": "yes"}), id="odd rationale"),
        pytest.param(YES_NO, tool_answer(TEXT), id="input is text"),
        pytest.param(YES_NO, tool_answer(None), id="input is null"),
        pytest.param(YES_NO, verdict("yes and no"), id="both"),
        pytest.param(YES_NO, verdict(1), id="number for a word"),
        pytest.param(YES_NO, answer([{"text": "[" * 10_000}]), id="brackets without end"),
        pytest.param(YES_NO, answer([{"text": "{" * 10_000}]), id="braces without end"),
        pytest.param(YES_NO, answer([{"text": "-" * 100_000}]), id="signs without end"),
        pytest.param(BOOL, verdict("maybe"), id="neither"),
        pytest.param(BOOL, verdict(0), id="number for a bool"),
        pytest.param(NUMBER, verdict(True), id="bool for a number"),
        pytest.param(NUMBER, verdict("four"), id="word for a number"),
        pytest.param(NUMBER, verdict("4/10"), id="of another scale"),
        pytest.param(NUMBER, verdict("4-5"), id="from to"),
        pytest.param(NUMBER, verdict(6), id="above the range"),
        pytest.param(NUMBER, verdict("0"), id="below the range"),
        pytest.param(NUMBER, verdict(float("nan")), id="nan"),
        pytest.param(NUMBER, verdict(10**400), id="too large for a float"),
        pytest.param(CATEGORY, verdict(f"excellent {TEXT}"), id="unknown category"),
        pytest.param(CATEGORY, verdict(["Good"]), id="list"),
        pytest.param(JUDGE | {"output": ["ok", "OK"]}, verdict("Ok"), id="may be two"),
    ],
)  # fmt: skip
def test_an_unreadable_verdict_is_an_error_that_quotes_nothing(
    document: dict[str, Any], response: dict[str, Any]
) -> None:
    """Whatever may mean two things or none is refused, and the reason repeats nothing of it."""
    with pytest.raises(UnreadableVerdictError) as error:
        form(document).read(response)
    assert TEXT not in str(error.value)
    assert error.value.__cause__ is None
    assert "stop reason: " in str(error.value)


def test_a_cut_off_verdict_says_what_helps() -> None:
    """A verdict that ran out of tokens names the setting to raise."""
    with pytest.raises(UnreadableVerdictError, match="raise max_tokens"):
        form(YES_NO).read(tool_answer({"rationale": "On the one"}, "max_tokens"))


json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)


@given(json_values | st.fixed_dictionaries({"rationale": json_values, "result": json_values}))
def test_no_answer_becomes_a_number_by_accident(tool_input: Any) -> None:
    """Every possible answer is a verdict within the range or an error, nothing else."""
    try:
        read = form(NUMBER).read(tool_answer(tool_input))
    except UnreadableVerdictError:
        return
    assert isinstance(read.result, float)
    assert 1 <= read.result <= 5


@given(st.text())
def test_no_text_breaks_the_reading(text: str) -> None:
    """Every possible text is a verdict that is offered or an error, nothing else."""
    try:
        read = form(YES_NO).read(answer([{"text": text}]))
    except UnreadableVerdictError:
        return
    assert read.result in ("yes", "no")
