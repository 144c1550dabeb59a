"""Thoughts are read apart from the answer, in every family; a text about them stays whole."""

from __future__ import annotations

import itertools
import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference_monitor.families.thoughts import separate_thoughts
from inference_monitor.inference import Choice
from tests.unit.builders import read

CHAT = {"messages": [{"role": "user", "content": "Which knot?"}]}
PROMPT = {"inputs": "Which knot?"}
RAW = "Two ropes, so a bend.</think>\n\nA sheet bend."
THOUGHT, SAID = "Two ropes, so a bend.", "A sheet bend."


def _split(text: str, prompt: str | None = None) -> tuple[str | None, str | None]:
    choice = separate_thoughts(Choice(text), prompt)
    return choice.text, choice.reasoning


@pytest.mark.parametrize(
    "text",
    [
        RAW,
        f"<think>{RAW}",
        f"\n<think>\n{RAW}",
        f"<THINK>{THOUGHT}</THINK> {SAID}",
        f"<thinking>{THOUGHT}</thinking>{SAID}",
        f"<reasoning>\n{THOUGHT}\n</reasoning>\n<answer>\n{SAID}\n</answer>",
        f"<think>\n{THOUGHT}\n</think>\n<answer>\n{SAID}",
        f"<seed:think>{THOUGHT}</seed:think>{SAID}",
        f"[THINK]{THOUGHT}[/THINK]{SAID}",
        f"◁think▷{THOUGHT}◁/think▷{SAID}",
        f"<|START_THINKING|>{THOUGHT}<|END_THINKING|><|START_RESPONSE|>{SAID}<|END_RESPONSE|>",
        f"<|channel>thought\n{THOUGHT}<channel|>{SAID}",
        f"<unused94>thought\n{THOUGHT}<unused95>{SAID}",
        f"Here is my thought process: {THOUGHT} Here is my response: {SAID}",
        f"<|channel|>analysis<|message|>{THOUGHT}<|end|><|start|>assistant<|channel|>final<|message|>{SAID}<|return|>",
        f"{THOUGHT}<|end|><|start|>assistant<|channel|>final<|message|>{SAID}",
        f"analysis{THOUGHT}assistantfinal{SAID}",
    ],
)  # fmt: skip
def test_the_marks_of_all_models_are_known(text: str) -> None:
    """What stands within them is thought, what follows is the answer, and no mark is left over."""
    assert _split(text) == (SAID, THOUGHT)


@pytest.mark.parametrize(
    "text",
    [
        f"<think>{THOUGHT}",
        f"<thinking>\n{THOUGHT}\n",
        f"<|channel|>analysis<|message|>{THOUGHT}",
        f"analysis{THOUGHT}",
        f"Here's my thought process: {THOUGHT}",
    ],
)
def test_thoughts_without_an_end_are_all_there_is(text: str) -> None:
    """A length limit cuts them off: there is no answer then."""
    assert _split(text) == (None, THOUGHT)


@pytest.mark.parametrize(
    ("text", "said", "thought"),
    [
        ("A bend.\n<think>Which?</think>\nA sheet bend.", "A bend.\nA sheet bend.", "Which?"),
        ("A bend. <think>Which one?</think> A sheet bend.", "A bend. A sheet bend.", "Which one?"),
        ("<think>One</think>First.<think>two</think>Second.", "First.Second.", "One\ntwo"),
        ("A sheet bend.\n\n<think>Was that right?", "A sheet bend.", "Was that right?"),
        ("<think>\n\n</think>\n\nA sheet bend.", "A sheet bend.", None),
        ("<think>`</think>` would end me.</think>Yes.", "Yes.", "`</think>` would end me."),
        ("<think>```py\nx = 1</think>Yes.", "Yes.", "```py\nx = 1"),
        ("Like ```py\nx = 1\n</think>\nYes.", "Yes.", "Like ```py\nx = 1"),
        ("Of the <think> tag.\n</think>\nIt opens.", "It opens.", "Of the <think> tag."),
    ],
)  # fmt: skip
def test_thoughts_may_stand_anywhere(text: str, said: str, thought: str | None) -> None:
    """Between two sentences, at the end, several times, or empty."""
    assert _split(text) == (said, thought)


@pytest.mark.parametrize(
    "text",
    [
        "The <think> tag opens thoughts, and the </think> tag ends them.",
        "Models write <think>plan</think> before they answer.",
        "`<think>` opens, `</think>` closes.",
        'Write "<think>" first and (</think>) last.',
        "Set it off like this:\n```\n<think>\nplan\n</think>\n```\nThat is all.",
        "In code: ```\n<think>plan</think>\n``` and `<think>`.",
        "- <think>: opens\n- </think>: closes",
        "1. <think> opens\n2. </think> closes",
        "| mark | meaning |\n| <think> | opens |",
        "End your thoughts with </think>.",
        "analysis of the market",
        "a < b, [1] and </b>",
    ],
)
def test_a_text_about_marks_is_left_whole(text: str) -> None:
    """In code, in quotes, in a list or among the words of a sentence, a mark divides nothing."""
    assert _split(text) == (text, None)


def test_a_prompt_may_open_the_thought() -> None:
    """Then the answer begins with thoughts; a prompt that is repeated is no thought itself."""
    prompt = "User: Which knot?\nAssistant: <think>\n"
    assert _split(RAW, prompt) == (SAID, THOUGHT)
    assert _split(THOUGHT, prompt) == (None, THOUGHT)
    assert _split(prompt + RAW, prompt) == (prompt + SAID, THOUGHT)
    assert _split("Say </think> twice. " + SAID, None) == ("Say </think> twice. " + SAID, None)


def test_a_call_in_a_harmony_commentary_is_a_tool_call() -> None:
    """A commentary for the user is text, one with a recipient calls a tool."""
    text = (
        "<|channel|>analysis<|message|>I look.<|end|><|start|>assistant<|channel|>commentary"
        "<|message|>One moment.<|end|><|start|>assistant<|channel|>commentary to=functions.find"
        ' <|constrain|>json<|message|>{"knot": "bend"}<|call|>'
    )
    choice = read(PROMPT, {"generated_text": text}).response.choices[0]  # type: ignore[union-attr]
    assert (choice.text, choice.reasoning) == ("One moment.", "I look.")
    assert [(c.name, c.arguments) for c in choice.tool_calls] == [("find", '{"knot": "bend"}')]


BODIES: dict[str, Any] = {
    "chat": {"choices": [{"index": 0, "message": {"content": RAW}}]},
    "completions": {"choices": [{"index": 0, "text": RAW}]},
    "responses": {"object": "response", "output": [
        {"type": "message", "content": [{"type": "output_text", "text": RAW}]}]},
    "anthropic": {"type": "message", "content": [{"type": "text", "text": RAW}]},
    "generated_text": [{"generated_text": RAW}],
    "nested": [[{"generated_text": RAW}]],
    "jumpstart": [{"generation": {"role": "assistant", "content": RAW}}],
    "lmi third party": {"body": {"generation": RAW}, "metering": {}},
    "sglang": {"text": RAW, "meta_info": {"finish_reason": {"type": "stop"}}},
    "ollama": {"response": RAW, "done": True},
    "cohere": {"text": RAW, "generation_id": "g"},
    "cohere v2": {"message": {"content": [{"type": "text", "text": RAW}]}},
    "cohere generate": {"generations": [{"text": RAW}]},
    "ai21": {"completions": [{"data": {"text": RAW}}]},
    "text field": {"response": RAW},
    "plain text": RAW,
    # Thoughts in a place of their own.
    "reasoning_content": {"choices": [{"message": {
        "content": SAID, "reasoning_content": THOUGHT}}]},
    "reasoning": {"choices": [{"message": {"content": SAID, "reasoning": THOUGHT}}]},
    "both": {"choices": [{"message": {"content": RAW, "reasoning_content": THOUGHT}}]},
    "beside a completion": {"choices": [{"text": SAID, "reasoning_content": THOUGHT}]},
    "beside a generated text": {"generated_text": SAID, "reasoning": THOUGHT},
    "beside a field": {"response": SAID, "thinking": THOUGHT},
    "tool plan": {"message": {"tool_plan": THOUGHT, "content": [{"type": "text", "text": SAID}]}},
    "reasoning_details": {"choices": [{"message": {
        "content": SAID, "reasoning_details": [{"type": "reasoning.text", "text": THOUGHT}]}}]},
    "mistral": {"choices": [{"message": {"content": [
        {"type": "thinking", "thinking": [{"type": "text", "text": THOUGHT}]},
        {"type": "text", "text": SAID}]}}]},
    "converse": {"choices": [{"message": {"content": [
        {"reasoningContent": {"reasoningText": {"text": THOUGHT}}}, {"text": SAID}]}}]},
    "thinking block": {"type": "message", "content": [
        {"type": "thinking", "thinking": THOUGHT}, {"type": "text", "text": SAID}]},
    "reasoning item": {"object": "response", "output": [
        {"type": "reasoning", "summary": [{"type": "summary_text", "text": THOUGHT}]},
        {"type": "message", "content": [{"type": "output_text", "text": SAID}]}]},
    "ollama thinking": {"message": {"content": SAID, "thinking": THOUGHT}, "done": True},
    "cohere v2 thinking": {"message": {"content": [
        {"type": "thinking", "thinking": THOUGHT}, {"type": "text", "text": SAID}]}},
}  # fmt: skip


@pytest.mark.parametrize("name", BODIES)
def test_every_family_reads_them_apart(name: str) -> None:
    """Whatever the server, the text is the answer and the reasoning is the thought."""
    response = read(CHAT if "choices" in BODIES[name] else PROMPT, BODIES[name]).response
    assert response
    assert [(c.text, c.reasoning) for c in response.choices] == [(SAID, THOUGHT)]


@given(st.lists(st.integers(0, len(RAW) + 6), max_size=12))
def test_a_stream_may_split_the_mark(cuts: list[int]) -> None:
    """However the text falls into deltas, the mark is found once they are joined."""
    text = f"<think>{RAW}"
    edges = sorted({0, *cuts, len(text)})
    deltas = [text[a:b] for a, b in itertools.pairwise(edges)]
    events = [{"choices": [{"index": 0, "delta": {"content": d}}]} for d in deltas]
    response = read(CHAT, "".join(f"data: {json.dumps(e)}\n\n" for e in events)).response
    assert response
    assert [(c.text, c.reasoning) for c in response.choices] == [(SAID, THOUGHT)]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("<", None),
        ("<thi", None),
        ("A bend.\n</thi", "A bend.\n"),
        ("a <", "a <"),
        ("a < b", "a < b"),
    ],
)
def test_a_stream_cut_in_a_mark_says_nothing_of_it(text: str, said: str | None) -> None:
    """The beginning of a mark is not what the model answered, where a mark could stand."""
    event = {"choices": [{"index": 0, "delta": {"content": text}}]}
    assert read(CHAT, f"data: {json.dumps(event)}\n\n").output_text == said


@pytest.mark.parametrize("piece", ["<think>", "`<think>`", "<think>x</think>", "</think>"])
def test_a_flood_of_marks_takes_no_longer_than_its_length(piece: str) -> None:
    """No text makes the reader go over it again and again."""
    started = time.process_time()
    _split(piece * 60_000)
    assert time.process_time() - started < 2
