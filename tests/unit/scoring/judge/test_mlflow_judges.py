"""Every scorer class of the installed MLflow is judged by our client, runs as code, or is refused.

A class that a newer MLflow brings makes these tests fail until `scoring/mlflow_classes.py` says
what becomes of it.
"""

from __future__ import annotations

import importlib
import pkgutil
import socket
import warnings
from pathlib import Path
from typing import Any

import mlflow.genai.judges
import mlflow.genai.scorers
import pytest
from mlflow.genai.judges.prompts import (
    completeness,
    conversation_completeness,
    conversational_guidelines,
    groundedness,
    knowledge_retention,
    retrieval_relevance,
    summarization,
    tool_call_correctness,
    tool_call_efficiency,
    user_frustration,
)
from mlflow.genai.prompts.utils import format_prompt
from mlflow.genai.scorers import Scorer

from inference_monitor.config.mlflow_classes import JUDGES, judge_class, why_refused
from inference_monitor.config.scorers import InvalidScorersError, load_scorers
from inference_monitor.config.specs import JudgedSpec, MlflowJudgeSpec
from inference_monitor.config.third_party import framework_of
from inference_monitor.inference import Inference
from tests.unit.judging import FakeBedrock, batch, config, inference, scorers, verdict
from tests.unit.talks import TALK

CODE = {"PIIDetection", "RegexMatch", "ResponseLength"}
ARGUMENTS: dict[str, dict[str, Any]] = {
    "ConversationalGuidelines": {"guidelines": "Be kind."},
    "Guidelines": {"guidelines": ["Be kind.", "Be brief."]},
    "RegexMatch": {"pattern": "is"},
    "ResponseLength": {"max_length": 500},
}


def shipped() -> dict[str, type[Scorer]]:
    """All scorer classes of MLflow's packages for scorers and judges, by where they can be named.

    Without those of DeepEval, Ragas and Phoenix, which have tests of their own.
    """
    found: dict[str, type[Scorer]] = {}
    for package in (mlflow.genai.scorers, mlflow.genai.judges):
        modules = [package.__name__]
        with warnings.catch_warnings(action="ignore"):
            prefix = f"{package.__name__}."
            walked = pkgutil.walk_packages(package.__path__, prefix, onerror=lambda _: None)
            modules += [module.name for module in walked]
        for name in modules:
            try:
                module = importlib.import_module(name)
            except Exception:  # noqa: BLE001, S112  # a package that is not installed here
                continue
            for attribute in dir(module):
                value = getattr(module, attribute, None)
                if isinstance(value, type) and issubclass(value, Scorer):
                    found[f"{name}.{attribute}"] = value
    return {path: found[path] for path in found if framework_of(path) is None}


SHIPPED = shipped()


def entry(path: str, **more: Any) -> dict[str, Any]:
    """An entry of scorers.yaml."""
    arguments = ARGUMENTS.get(path.rpartition(".")[2], {})
    return {"name": "mine", "type": "mlflow", "class": path, "arguments": arguments} | more


def judge(name: str, **arguments: Any) -> dict[str, Any]:
    """An entry for one of MLflow's judges."""
    path = f"mlflow.genai.scorers.{name}"
    return entry(path, arguments=arguments) if arguments else entry(path)


def asked(document: dict[str, Any], about: Inference = TALK) -> str:
    """The one question that a scorer asks, without the date and tools that come before it."""
    bedrock = FakeBedrock(verdict("yes"))
    list(scorers(bedrock, document).score(batch(about)))
    (prompt,) = bedrock.prompts
    background, _, question = prompt.partition("\n\n")
    assert background.startswith("<date>2026-11-23</date>")
    return question


def test_the_classes_are_found() -> None:
    """The list that the other tests go over is not empty by mistake."""
    public = {f"mlflow.genai.scorers.{name}" for name in mlflow.genai.scorers._LAZY_IMPORTS}
    assert public - {"mlflow.genai.scorers.get_all_scorers"} <= set(SHIPPED)
    assert "mlflow.genai.scorers.trulens.Groundedness" in SHIPPED
    assert len({SHIPPED[path] for path in SHIPPED}) > 50
    names = {path.rpartition(".")[2] for path in SHIPPED}
    assert set(JUDGES) <= names


@pytest.mark.parametrize("path", SHIPPED)
def test_every_class_gives_a_verdict_or_is_refused_at_check(
    path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What passes the check scores: over our client and nothing else, or without any judge."""
    name = path.rpartition(".")[2]
    file = tmp_path / "scorers.yaml"
    file.write_text(f"scorers:\n- name: mine\n  type: mlflow\n  class: {path}\n")
    if refused := why_refused(path):
        assert judge_class(path) is None
        with pytest.raises(InvalidScorersError) as error:
            load_scorers(file)
        assert str(error.value) == f"scorers.yaml:4: scorer `mine`: {refused}"
        assert refused.startswith(name)
        assert len(refused) > len(name) + 20
        return

    monkeypatch.setattr(socket, "socket", None)
    monkeypatch.setattr(socket, "create_connection", None)
    (spec,) = config(entry(path)).scorers
    best = spec.labels[0] if isinstance(spec, JudgedSpec) else "yes"
    bedrock = FakeBedrock(verdict(best))
    (verdicts,) = scorers(bedrock, entry(path)).score(batch(TALK))
    (feedback,) = verdicts.assessments
    assert feedback.error is None
    assert feedback.name == "mine"
    assert feedback.value == best
    assert len(bedrock.requests) == (0 if name in CODE else 1)
    assert (feedback.source.source_type == "CODE") == (name in CODE)


def test_the_questions_are_mlflows_own_with_the_texts_of_a_capture() -> None:
    """Each class asks to the letter what it would ask, of conversation, tools and documents."""
    request, response, tools, contexts, conversation = shown_texts()
    assert asked(judge("Completeness")) == format_prompt(
        completeness.COMPLETENESS_PROMPT, inputs=request, outputs=response
    )
    assert asked(judge("Summarization")) == format_prompt(
        summarization.SUMMARIZATION_PROMPT, inputs=request, outputs=response
    )
    assert asked(judge("RetrievalGroundedness")) == format_prompt(
        groundedness.GROUNDEDNESS_TYPESAFE_PROMPT_INSTRUCTIONS,
        input=request,
        output=response,
        retrieval_context=contexts,
    )
    assert asked(judge("RetrievalRelevance")) == format_prompt(
        retrieval_relevance.RETRIEVAL_RELEVANCE_TYPESAFE_PROMPT_INSTRUCTIONS,
        input=request,
        doc=contexts,
    )
    calls = {"request": request, "available_tools": tools, "tools_called": response}
    assert asked(judge("ToolCallEfficiency")) == format_prompt(
        tool_call_efficiency.TOOL_CALL_EFFICIENCY_TYPESAFE_PROMPT_INSTRUCTIONS, **calls
    )
    assert asked(judge("ToolCallCorrectness")) == format_prompt(
        tool_call_correctness.get_typesafe_prompt_instructions(has_expected_calls=False), **calls
    )
    for name, template in {
        "ConversationCompleteness": conversation_completeness.CONVERSATION_COMPLETENESS_PROMPT,
        "UserFrustration": user_frustration.USER_FRUSTRATION_PROMPT,
    }.items():
        assert asked(judge(name)) == format_prompt(template, conversation=conversation)
    named = knowledge_retention.KNOWLEDGE_RETENTION_PROMPT.replace(
        "{{ conversation }}", "<conversation>"
    ).strip()
    block = f"<conversation>\n{conversation}\n</conversation>"
    assert asked(judge("KnowledgeRetention")) == f"{named}\n\n{block}"


def shown_texts() -> tuple[str, str, str, str, str]:
    """Request, answer, tools, documents and conversation of TALK, as our judges see them."""
    document = {"name": "a", "type": "judge", "output": "bool", "instructions": "{{ outputs }}"}
    response = between("outputs", asked(document))
    request = between("inputs", asked(document | {"instructions": "{{ inputs }}"}))
    tools = between("available_tools", asked({"name": "a", "type": "tool_use"}))
    contexts = between("document", asked({"name": "a", "type": "groundedness"}))
    assert "rain until noon" in contexts
    assert "weather" in tools
    answer = f'<message role="assistant">\n{response}\n</message>'
    return request, response, tools.strip(), contexts, f"{request}\n{answer}"


def between(tag: str, prompt: str) -> str:
    """The text in the last pair of a tag."""
    return prompt.rpartition(f"<{tag}>")[2].partition(f"</{tag}>")[0].strip("\n")


def test_arguments_of_the_class_are_honoured() -> None:
    """Guidelines are those of the file, and the order of tool calls counts where it should."""
    rules = ["Speak of Paris.", "Never {{ outputs }}."]
    single = asked(judge("Guidelines", guidelines=rules))
    assert "<guideline>Speak of Paris.</guideline>\n<guideline>Never " in single
    whole = asked(judge("ConversationalGuidelines", guidelines=rules[0]))
    conversation = shown_texts()[-1]
    assert whole == format_prompt(
        conversational_guidelines.CONVERSATIONAL_GUIDELINES_PROMPT,
        guidelines="<guideline>Speak of Paris.</guideline>",
        conversation=conversation,
    )
    ordered = asked(judge("ToolCallCorrectness", should_consider_ordering=True))
    assert tool_call_correctness.ORDERING_INSTRUCTION_CHECK in ordered
    assert tool_call_correctness.ORDERING_INSTRUCTION_IGNORE not in ordered


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        pytest.param("class: mlflow.genai.scorers.Guidelines", "2: scorer `a`: Guidelines needs the"
                     " argument `guidelines`", id="missing"),
        pytest.param("class: mlflow.genai.scorers.Guidelines\n  arguments: {guidelines: []}",
                     "5: scorer `a`: `guidelines` must be a rule in plain words", id="empty"),
        pytest.param("class: mlflow.genai.scorers.Safety\n  arguments: {threshold: 1}",
                     "5: scorer `a`: Safety has no argument `threshold`; it takes none",
                     id="other"),
        pytest.param("class: mlflow.genai.scorers.Safety\n  arguments: {model: 'bedrock:/x'}",
                     "5: scorer `a`: `model` stands beside `class`", id="model"),
        pytest.param("class: mlflow.genai.scorers.Safety\n  arguments: {inference_params: {}}",
                     "5: scorer `a`: `inference_params` is called `inference_parameters` here",
                     id="parameters"),
        pytest.param(
            "class: mlflow.genai.scorers.ToolCallCorrectness\n"
            "  arguments: {should_exact_match: true}",
            "5: scorer `a`: `should_exact_match` needs the expected tool calls", id="expected"),
        pytest.param("class: mlflow.genai.scorers.ToolCallCorrectness\n"
                     "  arguments: {should_consider_ordering: 'no'}",
                     "5: scorer `a`: `should_consider_ordering` must be true or false", id="flag"),
        pytest.param("class: mlflow.genai.scorers.Safety\n  judging: panel",
                     "5: scorer `a`: `type: mlflow` uses MLflow's instructions",
                     id="panel"),
        pytest.param("class: mlflow.genai.scorers.Safety\n  when: {status: error}",
                     "5: scorer `a`: judges score answers of LLMs only", id="failures"),
        pytest.param("class: mlflow.genai.scorers.scorer",
                     "4: scorer `a`: scorer is a function of MLflow", id="function"),
        pytest.param("class: mlflow.genai.scorers.Completenes",
                     "4: scorer `a`: MLflow has no scorer Completenes; did you mean"
                     " `mlflow.genai.scorers.Completeness`?", id="misspelt"),
        pytest.param("class: mlflow.genai.scorers.ResponseLenght",
                     "4: scorer `a`: MLflow has no scorer ResponseLenght; did you mean"
                     " `mlflow.genai.scorers.ResponseLength`?", id="misspelt code"),
        pytest.param("class: mlflow.genai.judges.Completeness",
                     "4: scorer `a`: Completeness is at mlflow.genai.scorers.Completeness",
                     id="wrong package"),
    ],
)  # fmt: skip
def test_what_a_judge_cannot_be_made_with_is_told_with_its_line(
    lines: str, says: str, tmp_path: Path
) -> None:
    """Wrong arguments stop the synthesis, and say what would be right."""
    file = tmp_path / "scorers.yaml"
    file.write_text(f"scorers:\n- name: a\n  type: mlflow\n  {lines}\n")
    with pytest.raises(InvalidScorersError) as error:
        load_scorers(file)
    assert str(error.value).startswith(f"scorers.yaml:{says}")


def test_model_and_parameters_apply() -> None:
    """A class of MLflow is asked with the model and parameters of the file, as any judge."""
    bedrock = FakeBedrock(verdict("yes"))
    spec = judge("Safety") | {
        "model": "bedrock:/mine",
        "inference_parameters": {"max_tokens": 777, "temperature": None},
    }
    list(scorers(bedrock, spec, judging="panel").score(batch(TALK)))
    (request,) = bedrock.requests
    assert request["modelId"] == "mine"
    assert request["inferenceConfig"] == {"maxTokens": 777}
    assert "You are a content safety classifier" in bedrock.prompts[0]


def test_the_deployments_model_is_granted_to_them() -> None:
    """The function may call the model that they are asked with, their own or the default one."""
    default = "bedrock:/default"
    assert config(judge("Safety")).models(default) == {default}
    assert config(judge("Safety") | {"model": "bedrock:/own"}).models(default) == {"bedrock:/own"}
    assert config(judge("RegexMatch")).models(default) == set()


def test_in_a_panel_they_are_asked_alone() -> None:
    """MLflow's instructions stay whole where the others share one call."""
    (spec,) = config(judge("Safety"), judging="panel").scorers
    assert isinstance(spec, MlflowJudgeSpec)
    bedrock = FakeBedrock(verdict("yes"))
    others = [{"name": kind, "type": kind} for kind in ("safety", "fluency")]
    list(scorers(bedrock, judge("Safety"), *others, judging="panel").score(batch(TALK)))
    alone = [prompt for prompt in bedrock.prompts if "content safety classifier" in prompt]
    assert (len(alone), len(bedrock.prompts)) == (1, 2)


@pytest.mark.parametrize(
    "name",
    ["RetrievalGroundedness", "ToolCallCorrectness", "ToolCallEfficiency", "UserFrustration"],
)
def test_what_is_not_there_is_not_asked_about(name: str) -> None:
    """A single question without tools and documents costs no call for these, and is no error."""
    bedrock = FakeBedrock()
    (verdicts,) = scorers(bedrock, judge(name)).score(batch(inference()))
    assert (verdicts.assessments, verdicts.pending, bedrock.requests) == ([], [], [])


def test_another_class_of_the_user_is_none_of_these(tmp_path: Path) -> None:
    """A class of the same name in a package of one's own is made as it always was."""
    file = tmp_path / "scorers.yaml"
    file.write_text("scorers:\n- {name: a, type: mlflow, class: my_checks.Correctness}\n")
    (spec,) = load_scorers(file).scorers
    assert not isinstance(spec, JudgedSpec)
