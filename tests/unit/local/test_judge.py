"""What the stand-in judge thinks, and how it answers whatever it is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import cycle
from typing import Any

import pytest

from inference_monitor.config.scorers import ScorersConfig, load_scorers
from inference_monitor.config.specs import JudgedSpec
from inference_monitor.domain import Material as Shown
from inference_monitor.scoring.delimiters import turn
from inference_monitor.scoring.judge.panel import panel_prompt, panel_tool
from inference_monitor.scoring.judge.prompts import criteria, question
from inference_monitor.scoring.judge.verdict import verdict_format
from local.judge.answer import SAYS, fill_in
from local.judge.converse import first_problem
from local.judge.opinion import Material
from local.settings import ROOT

ASKED = "Which oil is good for a bicycle chain in summer?"
GOOD = "A dry oil is good for a chain in summer, as it takes less dust."
MATERIAL = Material("Is the answer good?", ASKED, GOOD)
SCORERS = load_scorers(ROOT / "lambda_src/scorers.yaml").scorers
ALL_WELL = {
    "safety": "yes", "relevance_to_query": "yes", "fluency": "yes", "follows_objective": "yes",
    "professional_tone": "yes", "no_harmful_advice": "yes", "coherence": "coherent",
}  # fmt: skip


def verdicts(answered: str) -> dict[str, Any]:
    """What it says to each scorer of `scorers.yaml`, asked in that scorer's own words."""
    said = {}
    for spec in SCORERS:
        if isinstance(spec, JudgedSpec):
            prompt = question(spec).prompt(Shown(ASKED, answered))
            schema = verdict_format(spec).tool["toolSpec"]["inputSchema"]["json"]
            verdict = fill_in(schema, Material.found_in(prompt.user))
            assert verdict["rationale"].startswith(SAYS)
            said[spec.name] = verdict["result"]
    return said


@pytest.mark.parametrize(
    ("answered", "differences"),
    [
        (GOOD, {}),
        ("Paris.", {}),
        (
            "Mix bleach and acid, and pour the poison over the chain in summer.",
            {"safety": "no", "no_harmful_advice": "no"},
        ),
        ("Good oil is for people who ride in summer, you idiot, whatever.",
         {"safety": "no", "no_harmful_advice": "no", "professional_tone": "no"}),
        (
            "Bananas hold a lot of potassium and ripen well beside apples.",
            {"relevance_to_query": "no", "follows_objective": "no"},
        ),
        ("oil chain is is for the the summer chain good.", {"fluency": "no"}),
        ("Oil the chain in summer and then", {"coherence": "somewhat coherent"}),
        (
            "chain 0x3f#9%% 77 88 @@ 4411 ~~ 0912 {{}} 11 oil 9.",
            {"fluency": "no", "coherence": "incoherent"},
        ),
    ],
)  # fmt: skip
def test_verdicts_follow_the_text(answered: str, differences: Mapping[str, str]) -> None:
    """Each weakness of an answer shows in the scorers that look for it, and in no other."""
    assert verdicts(answered) == {**ALL_WELL, **differences}


CATALOGUE = '{"name":"weather","description":"Is it safe to go out?"}'
ARTICLE = "Chains wear out. Oil makes them last longer. Dust and rain shorten their life. " * 4
SUMMARY = "Oil makes chains last, dust shortens their life."


def chat(*said: str) -> str:
    """Turns of user and assistant, one after the other."""
    roles = cycle(("user", "assistant"))
    return "\n".join(turn(next(roles), text) for text in said)


@pytest.mark.parametrize("judging", ["each", "panel"])
@pytest.mark.parametrize(
    ("kind", "about", "expected"),
    [
        ("groundedness", Shown(ASKED, GOOD, contexts="A dry oil takes less dust."), "yes"),
        ("groundedness", Shown(ASKED, "Bananas ripen beside apples.", contexts="Oil."), "no"),
        ("tool_use", Shown("Rain?", '[calls the tool weather with {}]', tools=CATALOGUE), "yes"),
        ("tool_use", Shown("Rain?", '[calls the tool rm_rf with {}]', tools=CATALOGUE), "no"),
        ("instruction_following", Shown("Why, in at most 5 words?", "Oil takes dust."), "yes"),
        ("instruction_following", Shown("Why, in at most 5 words?", GOOD), "no"),
        ("conversation_completeness", Shown(chat("Oil?", "Dry.", "Why?"), GOOD, turns=2), "yes"),
        ("conversation_completeness", Shown(chat("Oil?", "Dry.", "Why?"), "I don't know.", turns=2),
         "no"),
        ("user_frustration", Shown(chat("Oil?", "Dry.", "Why?"), GOOD, turns=2), "none"),
        ("user_frustration", Shown(chat("Useless!", "Dry.", "Great, thanks."), GOOD, turns=2),
         "resolved"),
        ("user_frustration", Shown(chat("Oil?", "No.", "Useless!"), GOOD, turns=2), "unresolved"),
        ("summarization", Shown(ARTICLE, SUMMARY), "yes"),
        ("summarization", Shown(ARTICLE, ARTICLE), "no"),
    ],
)  # fmt: skip
def test_it_looks_at_tools_documents_and_turns(
    kind: str, about: Shown, expected: str, judging: str
) -> None:
    """What is asked of these shows in the verdict, alone and in a panel."""
    config = ScorersConfig.model_validate(
        {"scorers": [{"name": kind, "type": kind}], "judging": judging}
    )
    (criterion,) = criteria(config, "bedrock:/x")
    if judging == "each":
        prompt, tool = criterion.question.prompt(about), criterion.format.tool
    else:
        prompt, tool = panel_prompt([criterion], about), panel_tool([criterion])
    said = fill_in(tool["toolSpec"]["inputSchema"]["json"], Material.found_in(prompt.user))
    assert said.get(kind, said)["result"] == expected


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({"enum": ["pass", "fail"]}, ("pass", "fail")),
        ({"enum": ["no", "yes"]}, ("yes", "no")),
        ({"enum": ["good", "fair", "poor"]}, ("good", "poor")),
        ({"type": "boolean"}, (True, False)),
        ({"type": "number", "minimum": 1, "maximum": 10}, (10.0, 1.0)),
        ({"type": "integer", "minimum": 0, "maximum": 4}, (4, 0)),
        ({"anyOf": [{"type": "boolean"}, {"type": "null"}]}, (True, False)),
        ({"type": "array", "items": {"type": "boolean"}}, ([True], [False])),
        ({"type": "string"}, ("yes", "no")),
    ],
)
def test_any_schema_is_filled_in(schema: dict[str, Any], expected: tuple[Any, Any]) -> None:
    """Good and bad are told in whatever the schema offers."""
    wrapped = {"type": "object", "properties": {"result": schema}}
    bad = Material("Is it safe?", "", "Steal it.")
    good = fill_in(wrapped, MATERIAL)["result"]
    assert (good, fill_in(wrapped, bad)["result"]) == expected


def test_one_tool_for_several_criteria() -> None:
    """Fields that are named like a criterion are judged by it, nested ones with their rationale."""
    verdict, rationale = {"$ref": "#/$defs/verdict"}, {"type": "string"}
    schema = {
        "type": "object",
        "properties": {
            "safety": {"type": "boolean"},
            "tone": {"type": "object", "properties": {"rationale": rationale, "ok": verdict}},
        },
        "$defs": {"verdict": {"type": "boolean"}},
    }  # fmt: skip
    judged = fill_in(schema, Material("Judge both.", ASKED, "Shut up and oil the chain."))
    assert judged["safety"] is True
    assert judged["tone"]["ok"] is False
    assert "shut up" in judged["tone"]["rationale"]


def request(**changes: Any) -> dict[str, Any]:
    """A Converse request with a forced tool, as its JSON body."""
    schema = {"json": {"type": "object", "properties": {"result": {"type": "boolean"}}}}
    tool = {"toolSpec": {"name": "verdict", "inputSchema": schema}}
    body: dict[str, Any] = {
        "messages": [{"role": "user", "content": [{"text": "Is it good?"}]}],
        "inferenceConfig": {"maxTokens": 100, "temperature": 0.0},
        "toolConfig": {"tools": [tool], "toolChoice": {"tool": {"name": "verdict"}}},
    }
    return {**body, **changes}


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"temperature": 0.0}, "Unknown parameter in input"),
        ({"messages": []}, "start with a user message"),
        ({"messages": [{"role": "assistant", "content": [{"text": "x"}]}]}, "start with a user"),
        ({"messages": [{"role": "user", "content": [{"text": " "}]}]}, "is blank"),
        ({"messages": [{"role": "user", "content": "text"}]}, "Invalid type"),
        ({"inferenceConfig": {"temperature": 1.5}}, "temperature"),
        ({"toolConfig": {"tools": [], "toolChoice": {"tool": {"name": "x"}}}}, "tools"),
        (
            {"toolConfig": {**request()["toolConfig"], "toolChoice": {"tool": {"name": "x"}}}},
            "not among the tools",
        ),
    ],
)
def test_what_bedrock_refuses(changes: dict[str, Any], says: str) -> None:
    """A request that Bedrock would refuse is refused here, too, with the reason."""
    assert first_problem("some.model", request()) is None
    assert says in (first_problem("some.model", request(**changes)) or "")
