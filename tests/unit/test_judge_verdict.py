"""A verdict is read strictly or not at all."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference_monitor.scoring.specs import JudgedSpec
from inference_monitor.scoring.verdict import (
    UnreadableVerdictError,
    Verdict,
    VerdictFormat,
    verdict_format,
)
from tests.unit.judging import SAFETY, answer, config, tool_answer, verdict

JUDGE = {"name": "j", "type": "judge", "instructions": "x"}
YES_NO = SAFETY
BOOL = JUDGE | {"output": "bool"}
NUMBER = JUDGE | {"output": "number", "range": [1, 5]}
CATEGORY = JUDGE | {"output": ["good", "fair", "poor"]}


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
        (CATEGORY, "fair", {"type": "string", "enum": ["good", "fair", "poor"]}),
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


TEXT = "CONFIDENTIAL"


@pytest.mark.parametrize(
    ("document", "response"),
    [
        pytest.param(YES_NO, answer([{"text": f"yes {TEXT}"}]), id="no tool call"),
        pytest.param(YES_NO, answer([]), id="empty"),
        pytest.param(YES_NO, {"stopReason": "guardrail_intervened"}, id="no output"),
        pytest.param(YES_NO, tool_answer({"result": "yes"}, name=TEXT[:4]), id="other tool"),
        pytest.param(YES_NO, tool_answer({"rationale": TEXT}), id="no result"),
        pytest.param(YES_NO, tool_answer({"result": "yes"}), id="no rationale"),
        pytest.param(YES_NO, tool_answer({"rationale": 1, "result": "yes"}), id="odd rationale"),
        pytest.param(YES_NO, tool_answer(TEXT), id="input is text"),
        pytest.param(YES_NO, tool_answer(None), id="input is null"),
        pytest.param(YES_NO, verdict("Yes"), id="other case"),
        pytest.param(YES_NO, verdict(True), id="bool for a word"),
        pytest.param(BOOL, verdict("false"), id="word for a bool"),
        pytest.param(BOOL, verdict(0), id="number for a bool"),
        pytest.param(NUMBER, verdict("4"), id="text for a number"),
        pytest.param(NUMBER, verdict(True), id="bool for a number"),
        pytest.param(NUMBER, verdict(6), id="above the range"),
        pytest.param(NUMBER, verdict(float("nan")), id="nan"),
        pytest.param(CATEGORY, verdict(f"excellent {TEXT}"), id="unknown category"),
        pytest.param(CATEGORY, verdict(["good"]), id="list"),
    ],
)
def test_an_unreadable_verdict_is_an_error_that_quotes_nothing(
    document: dict[str, Any], response: dict[str, Any]
) -> None:
    """Whatever does not fit is refused, and the reason repeats nothing the judge wrote."""
    with pytest.raises(UnreadableVerdictError) as error:
        form(document).read(response)
    assert TEXT not in str(error.value)
    assert error.value.__cause__ is None
    assert "stop reason: " in str(error.value)


def test_two_verdicts_are_none() -> None:
    """A judge that answers twice has not decided."""
    two = verdict("yes")
    two["output"]["message"]["content"] *= 2
    with pytest.raises(UnreadableVerdictError, match="2 times instead of once"):
        form(YES_NO).read(two)


def test_a_cut_off_verdict_says_what_helps() -> None:
    """A verdict that ran out of tokens names the setting to raise."""
    with pytest.raises(UnreadableVerdictError, match="raise max_tokens"):
        form(YES_NO).read(tool_answer({"rationale": "On the one"}, "max_tokens"))


json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=5),
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
