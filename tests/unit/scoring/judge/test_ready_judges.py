"""The judges that are there by name: what they ask, of which records, and what they may say."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

import pytest

from inference_monitor.config.scorers import load_scorers
from inference_monitor.config.specs import JudgedSpec
from inference_monitor.inference import Inference, ToolCall
from inference_monitor.scoring.build import SCORERS_FILE
from inference_monitor.scoring.error_codes import UNREADABLE_VERDICT
from tests.unit.judging import FakeBedrock, batch, config, inference, scorers, tool_answer, verdict
from tests.unit.talks import TALK, WEATHER

KINDS = (
    "groundedness", "tool_use", "instruction_following", "conversation_completeness",
    "user_frustration", "summarization",
)  # fmt: skip
CLASSES = {
    "groundedness": "RetrievalGroundedness",
    "tool_use": "ToolCallCorrectness",
    "conversation_completeness": "ConversationCompleteness",
    "user_frustration": "UserFrustration",
    "summarization": "Summarization",
}


def ready(kind: str, **more: Any) -> dict[str, Any]:
    """An entry of scorers.yaml, named like its type."""
    return {"name": kind, "type": kind, **more}


def asked(about: Inference, *documents: dict[str, Any], **settings: Any) -> dict[str, str]:
    """What is asked about an inference, by the scorer."""
    found: dict[str, str] = {}
    for document in documents:
        bedrock = FakeBedrock(verdict("yes"))
        (verdicts,) = scorers(bedrock, document, **settings).score(batch(about))
        assert verdicts.pending == []
        assert len(verdicts.assessments) == len(bedrock.prompts)
        if bedrock.prompts:
            (found[document["name"]],) = bedrock.prompts
    return found


def spec(document: dict[str, Any]) -> JudgedSpec:
    """The one judged scorer of a configuration."""
    (found,) = config(document).scorers
    assert isinstance(found, JudgedSpec)
    return found


@pytest.mark.parametrize("kind", CLASSES)
def test_they_ask_what_mlflows_class_asks(kind: str) -> None:
    """The type and the class are the same question, instructions and texts alike."""
    by_class = {"name": kind, "type": "mlflow", "class": f"mlflow.genai.scorers.{CLASSES[kind]}"}
    bedrock = FakeBedrock(verdict("yes"))
    for document in (ready(kind), by_class):
        list(scorers(bedrock, document).score(batch(TALK)))
    first, second = bedrock.requests
    assert first == second


def test_instruction_following_shows_the_conversation_and_the_answer() -> None:
    """MLflow has no such judge; ours sees the system message, which is above the user."""
    (prompt,) = asked(TALK, ready("instruction_following")).values()
    assert "The system message ranks above the user" in prompt
    shown = re.search(r"<request>(.*)</request>\n<response>(.*)</response>", prompt, re.DOTALL)
    assert shown
    assert '<message role="system">\nBe brief.\n</message>' in shown[1]
    assert "Let me look at Lyon." in shown[2]


def with_tools(about: Inference, *, answer: str | None = "Yes.", calls: bool = False) -> Inference:
    """The inference with a catalogue, and an answer that calls a tool of it or not."""
    assert about.request is not None
    assert about.response is not None
    (choice,) = about.response.choices
    called = (ToolCall("weather", "{}"),) if calls else ()
    choices = (replace(choice, text=answer, tool_calls=called),)
    return replace(
        about,
        request=replace(about.request, tools=[WEATHER]),
        response=replace(about.response, choices=choices),
    )


RESULT = [
    {"role": "user", "content": "Rain?"},
    {"role": "tool", "tool_call_id": "1", "content": "rain until noon"},
]
TWO_TURNS = [
    {"role": "user", "content": "Rain?"},
    {"role": "assistant", "content": "Yes."},
    {"role": "user", "content": "And tomorrow?"},
]
DOCUMENTS = {"messages": [{"role": "user", "content": "Rain?"}], "documents": [{"text": "Rain."}]}
ALWAYS = {"instruction_following", "summarization"}


def with_body(about: Inference, body: Any) -> Inference:
    """The inference with another decoded request."""
    assert about.request is not None
    return replace(about, request=replace(about.request, body=body))


@pytest.mark.parametrize(
    ("about", "more"),
    [
        pytest.param(inference(), set(), id="a question and an answer"),
        pytest.param(inference(messages=RESULT), {"groundedness"}, id="a result of a tool"),
        pytest.param(with_body(inference("Rain?"), DOCUMENTS), {"groundedness"}, id="documents"),
        pytest.param(
            inference("<context>Rain.</context> Rain?"), {"groundedness"}, id="a marked part"
        ),
        pytest.param(with_tools(inference()), {"tool_use"}, id="tools that are not called"),
        pytest.param(with_tools(inference(), calls=True), {"tool_use"}, id="tools that are called"),
        pytest.param(
            inference(tool_calls=(ToolCall("weather", "{}"),)), {"tool_use"}, id="calls, no tools"
        ),
        pytest.param(
            inference(messages=TWO_TURNS),
            {"conversation_completeness", "user_frustration"},
            id="two turns",
        ),
        pytest.param(TALK, set(KINDS), id="everything"),
    ],
)
def test_they_are_asked_where_there_is_what_they_are_about(
    about: Inference, more: set[str]
) -> None:
    """Nothing is asked, and nothing stays pending, where the subject is not there."""
    assert set(asked(about, *map(ready, KINDS))) == ALWAYS | more


def test_without_a_captured_request_none_is_asked() -> None:
    """All of them are about what was asked, too."""
    about = inference()
    object.__setattr__(about, "request", None)
    assert asked(about, *map(ready, KINDS)) == {}


def test_calls_without_a_catalogue_are_told_as_such() -> None:
    """The judge is not left to guess whether the tools were left out or there were none."""
    about = inference(tool_calls=(ToolCall("weather", "{}"),))
    (prompt,) = asked(about, ready("tool_use")).values()
    assert "<available_tools>\nThe request names none.\n</available_tools>" in prompt


def test_a_conversation_ends_with_the_answer() -> None:
    """The judges of conversations see the history and the answer as its last turn."""
    for prompt in asked(
        TALK, ready("user_frustration"), ready("conversation_completeness")
    ).values():
        shown = prompt.rpartition("<conversation>")[2].partition("</conversation>")[0]
        roles = re.findall(r'<message role="(\w+)">', shown)
        assert roles == ["system", "user", "assistant", "tool", "assistant", "user", "assistant"]
        assert shown.rstrip().endswith('[calls the tool weather with {"city": "Lyon"}]\n</message>')


@pytest.mark.parametrize("kind", KINDS)
def test_what_they_say_is_one_of_their_labels_best_first(kind: str) -> None:
    """Each result is offered to the judge and read; anything else is an error."""
    labels = ["none", "resolved", "unresolved"] if kind == "user_frustration" else ["yes", "no"]
    assert list(spec(ready(kind)).labels) == labels
    for label in labels:
        (verdicts,) = scorers(FakeBedrock(verdict(label)), ready(kind)).score(batch(TALK))
        assert [(f.name, f.value) for f in verdicts.assessments] == [(kind, label)]
    (verdicts,) = scorers(FakeBedrock(verdict("angry")), ready(kind)).score(batch(TALK))
    (feedback,) = verdicts.assessments
    assert feedback.error is not None
    assert feedback.error.error_code == UNREADABLE_VERDICT


@pytest.mark.parametrize(
    ("document", "results"),
    [
        (ready("safety"), ["yes", "no"]),
        (ready("user_frustration"), ["none", "resolved", "unresolved"]),
        (ready("judge", instructions="x", output=["good", "fair", "poor"]),
         ["good", "fair", "poor"]),
        (ready("judge", instructions="x", output="bool"), [True, False]),
        (ready("judge", instructions="x", output="number", range=[1, 5]), [5, 3.0, 1]),
        ({"name": "a", "type": "mlflow", "class": "mlflow.genai.scorers.UserFrustration"},
         ["none", "resolved", "unresolved"]),
    ],
)  # fmt: skip
def test_results_are_ranked(document: dict[str, Any], results: list[Any]) -> None:
    """The best result of any judge is 0 away from the best, the worst one 1."""
    distances = [spec(document).distance_from_best(result) for result in results]
    assert distances == [place / (len(results) - 1) for place in range(len(results))]


def test_a_panel_asks_about_all_of_them_at_once() -> None:
    """One call with a line each, and tools and documents shown once beside the record."""
    good = {
        kind: {"rationale": "Fine.", "result": "none" if kind == "user_frustration" else "yes"}
        for kind in KINDS
    }
    bedrock = FakeBedrock(tool_answer(good))
    (verdicts,) = scorers(bedrock, *map(ready, KINDS), judging="panel").score(batch(TALK))
    assert {f.name: f.value for f in verdicts.assessments} == {
        kind: given["result"] for kind, given in good.items()
    }
    (request,) = bedrock.requests
    for kind, words in {
        "groundedness": "supported by <contexts>",
        "tool_use": "the right tools of <tools>",
        "instruction_following": "every instruction of the system message",
        "conversation_completeness": "every request of the user",
        "user_frustration": "resolved if they did",
        "summarization": "summary of the text in <request>",
    }.items():
        assert re.search(rf"^- {kind}: .*{words}", request["system"][0]["text"], re.MULTILINE)
    (prompt,) = bedrock.prompts
    for tag in ("tools", "contexts", "request", "response"):
        assert prompt.count(f"<{tag}>\n") == prompt.count(f"\n</{tag}>") == 1
    assert re.search(r"<contexts>\n.*rain until noon\n</contexts>", prompt, re.DOTALL)
    assert json.dumps("weather") in prompt


def test_a_panel_without_them_shows_no_documents() -> None:
    """Documents cost tokens; criteria that are not about them do not pay for them."""
    bedrock = FakeBedrock(tool_answer({}))
    about = batch(inference(messages=RESULT))
    others = (ready("safety"), ready("relevance_to_query"))
    list(scorers(bedrock, *others, judging="panel").score(about))
    list(scorers(bedrock, *others, ready("groundedness"), judging="panel").score(about))
    without, with_documents = bedrock.prompts
    assert "<contexts>" not in without
    assert "<contexts>\n" in with_documents


def test_the_examples_in_the_shipped_file_are_right(tmp_path: Any) -> None:
    """Whoever takes away the `#` has a valid file with all of the judges."""
    text = SCORERS_FILE.read_text(encoding="utf-8")
    head, _, examples = text.partition("# More, off until you take away")
    on = re.sub(r"^#(  ( |-))", r"\1", examples, flags=re.MULTILINE)
    path = tmp_path / "scorers.yaml"
    path.write_text(f"{head}# More{on}", encoding="utf-8")
    names = [scorer.name for scorer in load_scorers(path).scorers]
    assert names[-7:] == [*KINDS, "completeness"]
    assert "groundedness" not in [s.name for s in load_scorers(SCORERS_FILE).scorers]
