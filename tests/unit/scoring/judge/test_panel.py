"""A panel gives the same assessments as a call for each criterion, in one call."""

from __future__ import annotations

import json
import re
from collections import Counter
from itertools import pairwise
from typing import Any

import pytest

from inference_monitor.config.scorers import load_scorers
from inference_monitor.config.specs import JudgedSpec
from inference_monitor.inference import ToolCall
from inference_monitor.scoring.build import SCORERS_FILE
from inference_monitor.scoring.error_codes import UNREADABLE_VERDICT
from inference_monitor.scoring.judge.panel import in_balanced_order, statement
from inference_monitor.scoring.judge.prompts import Criterion, criteria
from inference_monitor.text import estimate_tokens
from tests.unit.attacks import ATTACKS, Attack
from tests.unit.judging import (
    MODEL,
    FakeBedrock,
    batch,
    config,
    inference,
    schema_of,
    scorers,
    tool_answer,
)
from tests.unit.scoring.judge.test_injection import TOOLS, prompt, record, tags

SAFETY = {"name": "safety", "type": "safety"}
TONE = {"name": "tone", "type": "guidelines", "guidelines": ["Be kind.", "Be brief."]}
RELEVANCE = {"name": "relevance", "type": "relevance_to_query"}
STARS = {
    "name": "stars",
    "type": "judge",
    "instructions": "How good an answer to {{ inputs }} is {{ outputs }}?",
    "output": "number",
    "range": [1, 5],
}
ALL = (SAFETY, TONE, RELEVANCE, STARS)
GOOD: dict[str, Any] = {
    "safety": {"rationale": "Harmless.", "result": "yes"},
    "tone": {"rationale": "Rude.", "result": "no"},
    "relevance": {"rationale": "It is about it.", "result": "yes"},
    "stars": {"rationale": "Fine.", "result": 4},
}


def judged(reply: Any, *specs: dict[str, Any], about: Any = None) -> tuple[Any, FakeBedrock]:
    """What a panel gives for one inference, and the requests it made."""
    bedrock = FakeBedrock(reply)
    (verdicts,) = scorers(bedrock, *specs, judging="panel").score(batch(about or inference()))
    return verdicts, bedrock


def fields(request: dict[str, Any]) -> dict[str, Any]:
    """The fields of the tool of a request, in order."""
    schema = schema_of(request)
    assert schema["required"] == list(schema["properties"])
    return dict(schema["properties"])


def panel(count: int) -> list[Criterion]:
    """So many criteria."""
    specs = [{"name": f"c{n}", "type": "safety"} for n in range(count)]
    return criteria(config(*specs), MODEL)


def test_one_call_gives_every_assessment() -> None:
    """All criteria are judged in one call; each has its value, rationale and own identity."""
    verdicts, bedrock = judged(tool_answer(GOOD), *ALL)
    assert [(f.name, f.value, f.rationale) for f in verdicts.assessments] == [
        ("safety", "yes", "Harmless."),
        ("tone", "no", "Rude."),
        ("relevance", "yes", "It is about it."),
        ("stars", 4, "Fine."),
    ]
    assert len(bedrock.requests) == verdicts.usage.calls == 1
    assert len({f.assessment_id for f in verdicts.assessments}) == 4


def test_each_and_panel_give_the_same_identity() -> None:
    """Changing the way of judging judges nothing again: the ids are those of the scorers."""
    verdicts, _ = judged(tool_answer(GOOD), *ALL)
    bedrock = FakeBedrock()
    (again,) = scorers(bedrock, *ALL).score(batch(inference(), existing=verdicts.assessments))
    assert (again.assessments, bedrock.requests) == ([], [])


def test_the_parts_of_a_call_make_the_whole() -> None:
    """Tokens and price of the call are shared out, so that sums over assessments are right."""
    verdicts, _ = judged(tool_answer(GOOD), *ALL)
    told = [f.metadata for f in verdicts.assessments]
    assert sum(int(m["mlflow.assessment.judgeInputTokens"]) for m in told) == 1000
    assert sum(int(m["mlflow.assessment.judgeOutputTokens"]) for m in told) == 100
    cost = sum(float(m["mlflow.assessment.judgeCost"]) for m in told)
    assert cost == pytest.approx(verdicts.usage.cost_usd) == pytest.approx(0.0045)
    assert {(m["judging"], m["judged_together"]) for m in told} == {("panel", "4")}


def test_a_verdict_that_cannot_be_read_costs_no_other() -> None:
    """One criterion left out and one of the wrong type are errors; the others have values."""
    given = {**GOOD, "stars": {"rationale": "Wow.", "result": 17}}
    del given["tone"]
    verdicts, _ = judged(tool_answer(given), *ALL)
    read = {f.name: f.value if f.error is None else f.error_code for f in verdicts.assessments}
    assert read == {
        "safety": "yes", "tone": UNREADABLE_VERDICT, "relevance": "yes", "stars": UNREADABLE_VERDICT
    }  # fmt: skip


def test_an_answer_without_the_tool_is_an_error_for_all() -> None:
    """Prose instead of a tool call, or two calls that differ, give no value at all."""
    prose = {"output": {"message": {"content": [{"text": "yes"}]}}, "stopReason": "end_turn"}
    verdicts, _ = judged(prose, *ALL)
    assert [f.error_code for f in verdicts.assessments] == [UNREADABLE_VERDICT] * 4
    twice = tool_answer(GOOD)
    flipped = {"yes": "no", "no": "yes", 4: 1}
    other = {name: {**v, "result": flipped[v["result"]]} for name, v in GOOD.items()}
    twice["output"]["message"]["content"] += tool_answer(other)["output"]["message"]["content"]
    verdicts, _ = judged(twice, *ALL)
    assert [f.error_code for f in verdicts.assessments] == [UNREADABLE_VERDICT] * 4


def test_a_verdict_given_as_json_text_is_read() -> None:
    """Some models write an inner object as text; it is held to the same schema."""
    given = {name: json.dumps(verdict) for name, verdict in GOOD.items()}
    verdicts, _ = judged(tool_answer({**given, "tone": "{"}), *ALL)
    assert [f.value for f in verdicts.assessments] == ["yes", None, "yes", 4]


def test_only_what_is_missing_is_asked() -> None:
    """A panel holds the criteria that have no verdict yet; the others are not asked again."""
    first, _ = judged(tool_answer(GOOD), SAFETY, TONE)
    bedrock = FakeBedrock(tool_answer(GOOD))
    (more,) = scorers(bedrock, *ALL, judging="panel").score(
        batch(inference(), existing=first.assessments)
    )
    assert [f.name for f in more.assessments] == ["relevance", "stars"]
    assert set(fields(bedrock.requests[0])) == {"relevance", "stars"}


def test_criteria_share_a_call_by_model_and_parameters() -> None:
    """Another model, other parameters or `judging: each` mean another call."""
    specs: list[dict[str, Any]] = [
        SAFETY,
        RELEVANCE | {"model": "bedrock:/other.model"},
        TONE | {"judging": "each"},
        STARS | {"inference_parameters": {"temperature": 0.5}},
        {"name": "fluency", "type": "fluency"},
    ]
    _, bedrock = judged(tool_answer({}), *specs)
    asked = sorted(tuple(sorted(fields(r))) for r in bedrock.requests)
    assert asked == [("fluency", "safety"), ("rationale", "result"), ("relevance",), ("stars",)]


def test_what_was_not_captured_is_left_out() -> None:
    """Where the request was not captured, criteria about the answer alone are still judged."""
    about = inference()
    object.__setattr__(about, "request", None)
    _, bedrock = judged(tool_answer(GOOD), *ALL, about=about)
    assert list(fields(bedrock.requests[0])) == ["safety"]
    assert "<request>\n" not in bedrock.prompts[0]


@pytest.mark.parametrize("count", range(1, 9))
def test_the_order_is_balanced_over_the_records(count: int) -> None:
    """Each criterion comes in each place as often, and after each other one as often."""
    orders = {
        tuple(c.spec.name for c in in_balanced_order(panel(count), f"record {n}"))
        for n in range(400)
    }
    assert len(orders) == (1 if count == 1 else count if count % 2 == 0 else 2 * count)
    places = Counter((place, name) for order in orders for place, name in enumerate(order))
    assert len(set(places.values())) == 1
    assert len(places) == count * count
    neighbours = Counter(pair for order in orders for pair in pairwise(order))
    assert len(neighbours) == count * (count - 1)
    assert len(set(neighbours.values())) <= 1


def test_the_order_is_that_of_the_tool_and_of_the_instructions() -> None:
    """A record always draws the same order, and question and tool have it alike."""
    _, bedrock = judged(tool_answer(GOOD), *ALL)
    (request,) = bedrock.requests
    listed = re.findall(r"^- (\w+): ", request["system"][0]["text"], re.MULTILINE)
    assert listed == list(fields(request))
    _, again = judged(tool_answer(GOOD), *ALL)
    assert again.requests == [request]


def test_every_kind_of_criterion_is_put_into_words() -> None:
    """The panel asks for what each scorer asks for; a kind without words is a mistake of ours."""
    _, bedrock = judged(tool_answer(GOOD), *ALL)
    told = bedrock.requests[0]["system"][0]["text"]
    for words in ("hate speech", "Be kind.; Be brief.", "relevant", "answer to <request>"):
        assert words in told
    with pytest.raises(TypeError, match="JudgedSpec"):
        statement(JudgedSpec(name="x"))


def test_a_name_that_no_tool_may_have_is_judged_all_the_same() -> None:
    """A long name, or one with a dot, gets a field of its own and keeps its assessment."""
    names = ["a.b", "x" * 200]
    specs = [{"name": name, "type": "safety"} for name in names]

    def reply(request: dict[str, Any]) -> dict[str, Any]:
        assert list(map(len, fields(request))) == [11, 11]
        good = {"rationale": "Fine.", "result": "yes"}
        return tool_answer(dict.fromkeys(fields(request), good))

    verdicts, _ = judged(reply, *specs)
    assert [(f.name, f.value) for f in verdicts.assessments] == [(name, "yes") for name in names]


def test_the_answer_has_room_for_all_verdicts() -> None:
    """`max_tokens` is for one verdict; a panel may say more, up to what any model can."""
    _, bedrock = judged(tool_answer(GOOD), *ALL)
    assert bedrock.requests[0]["inferenceConfig"]["maxTokens"] == 4096
    small = [s | {"inference_parameters": {"max_tokens": 100}} for s in ALL]
    _, bedrock = judged(tool_answer(GOOD), *small)
    assert bedrock.requests[0]["inferenceConfig"]["maxTokens"] == 400
    large = [s | {"inference_parameters": {"max_tokens": 9000}} for s in ALL]
    _, bedrock = judged(tool_answer(GOOD), *large)
    assert bedrock.requests[0]["inferenceConfig"]["maxTokens"] == 9000


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS)
def test_judged_text_stays_in_its_tags(attack: Attack) -> None:
    """Whatever it says, a record opens and closes no tag of the panel's question."""
    _, bedrock = judged(tool_answer(GOOD), *ALL, about=record(attack))
    shown = [tag for tag in tags(prompt(bedrock.requests[0])) if "message" not in tag]
    tools = ["tools", "/tools"] if attack.tools else []
    assert shown == ["date", "/date", *tools, "request", "/request", "response", "/response"]


def test_a_panel_is_told_the_date_and_the_tools() -> None:
    """Both stand before the record, outside of the instructions that a model may cache."""
    _, bedrock = judged(tool_answer(GOOD), *ALL, about=record(TOOLS))
    (request,) = bedrock.requests
    assert prompt(request).startswith(
        '<date>2026-11-23</date>\n<tools>\n{"name":"oven","description":"Bakes."'
    )
    assert "2026" not in str(request["system"])
    assert "oven" not in str(request["system"])


def test_a_bare_tool_call_is_not_asked_for_its_fluency() -> None:
    """The criteria of a panel that need a text are left out, and nobody waits for them."""
    specs: list[dict[str, Any]] = [*ALL, {"name": "fluency", "type": "fluency"}]
    about = inference(answer=None, tool_calls=(ToolCall("oven", "{}"),))
    _, bedrock = judged(tool_answer(GOOD), *specs, about=about)
    assert "fluency" not in fields(bedrock.requests[0])
    assert "safety" in fields(bedrock.requests[0])


def test_a_panel_of_the_default_scorers_is_short() -> None:
    """Instructions and tool for the shipped file cost less than two of MLflow's questions."""
    bedrock = FakeBedrock(tool_answer({}))
    shipped = load_scorers(SCORERS_FILE).model_dump(by_alias=True, exclude_unset=True)["scorers"]
    list(scorers(bedrock, *shipped, judging="panel").score(batch(inference("q", "a"))))
    (request,) = bedrock.requests
    sent = request["system"][0]["text"] + json.dumps(request["toolConfig"])
    assert estimate_tokens(sent) < 900
