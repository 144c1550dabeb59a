"""The scorer classes of MLflow: which of them our judge is asked for, and what the others lack.

Written for MLflow 3.17.2; `tests/unit/scoring/judge/test_mlflow_judges.py` compares it with the
installed one.
Imported at synth time, where MLflow is not installed.
"""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from pydantic import Field, ValidationError

from inference_monitor.config.conditions import Strict, Texts
from inference_monitor.config.third_party import framework_of
from inference_monitor.config.yaml_file import expected_value

_SCORERS = "mlflow.genai.scorers."
_JUDGES = "mlflow.genai.judges."

JUDGES: Mapping[str, str] = {
    "Completeness": "completeness",
    "ConversationCompleteness": "conversation_completeness",
    "ConversationalGuidelines": "conversational_guidelines",
    "ConversationalRoleAdherence": "conversational_role_adherence",
    "ConversationalSafety": "conversational_safety",
    "ConversationalToolCallEfficiency": "conversational_tool_call_efficiency",
    "Fluency": "fluency",
    "Guidelines": "guidelines",
    "KnowledgeRetention": "knowledge_retention",
    "RelevanceToQuery": "relevance_to_query",
    "RetrievalGroundedness": "groundedness",
    "RetrievalRelevance": "retrieval_relevance",
    "Safety": "safety",
    "Summarization": "summarization",
    "ToolCallCorrectness": "tool_use",
    "ToolCallEfficiency": "tool_call_efficiency",
    "UserFrustration": "user_frustration",
}
"""Classes that our judge is asked for, and the name of their question in `instructions`."""

_EXPECTED = "needs an expected answer to compare with, which a capture does not have"
_BASE = "is a base class without instructions; name one of the classes made from it"
_INSTRUCTED = "is given its instructions in Python; use `type: judge` with `instructions`"
_UNUSABLE: Mapping[str, str] = {
    "BuiltInScorer": _BASE,
    "BuiltInSessionLevelScorer": _BASE,
    "Correctness": _EXPECTED,
    "EnsembleScorer": "needs other scorers as Python objects; make it in a file of your own and"
    " name it with `type: code`",
    "Equivalence": _EXPECTED,
    "ExpectationsGuidelines": "needs guidelines that each inference brings along, which a capture"
    " does not have; use `type: guidelines` for guidelines that hold for all",
    "RetrievalSufficiency": "needs an expected answer to hold the documents against, which a"
    " capture does not have; use `type: groundedness` for the answer that was given",
    "InstructionsJudge": _INSTRUCTED,
    "Judge": _BASE,
    "Scorer": _BASE,
    "SessionLevelScorer": _BASE,
    "_LastTurnKnowledgeRetention": "is a part of KnowledgeRetention; name that",
    "_UnexecutedDecoratorScorer": "stands for a function; name the function with `type: code`",
}
_CODE = ("PIIDetection", "RegexMatch", "ResponseLength")
"""Classes that score without a judge."""
_PACKAGES: Mapping[str, str] = {
    "google_adk": "asks judges of Google, which cannot be reached from here, or needs an expected"
    " answer, which a capture does not have",
    "guardrails": "needs validators that are downloaded from Guardrails' hub, which the image does"
    " not have; call one from a file of your own with `type: code`",
    "trulens": "asks through a provider of TruLens, which cannot reach Bedrock",
}


class _NoArguments(Strict):
    pass


class _Guidelines(Strict):
    guidelines: Texts = Field(description="A rule in plain words, or a list of them.")


class _ToolCalls(Strict):
    should_consider_ordering: bool = Field(default=False, description="true or false.")
    should_exact_match: bool = Field(default=False, description="true or false.")


_ARGUMENTS: Mapping[str, type[Strict]] = {
    "ConversationalGuidelines": _Guidelines,
    "Guidelines": _Guidelines,
    "ToolCallCorrectness": _ToolCalls,
}
_OURS = {
    "extra_headers": "is not sent to Bedrock",
    "inference_params": "is called `inference_parameters` here, and stands beside `class`",
    "model": "stands beside `class`",
    "name": "stands beside `class`",
}
"""Arguments that all of MLflow's judges take, and what to do instead."""


def judge_class(class_path: str) -> str | None:
    """The name of the class that our judge is asked for; None for any other class."""
    name = _own_name(class_path)
    return name if name in JUDGES else None


def why_refused(class_path: str) -> str | None:
    """What a class of MLflow lacks to score captures; None for those that can, and any other.

    A name that MLflow does not have is refused where it looks like one that it has.
    """
    name = class_path.rpartition(".")[2]
    if class_path.startswith(_JUDGES):
        elsewhere = f"is at {_SCORERS}{name}" if name in JUDGES else _INSTRUCTED
        return f"{name} {elsewhere}"
    if package := _package(class_path):
        return f"{name} of {package} {_PACKAGES[package]}"
    own = _own_name(class_path)
    if own is None or own in JUDGES or own in _CODE:
        return None
    if own in _UNUSABLE:
        return f"{own} {_UNUSABLE[own]}"
    if own[0].islower():
        return f"{own} is a function of MLflow and no class of scorers"
    close = get_close_matches(own, [*JUDGES, *_CODE, *_UNUSABLE], n=1, cutoff=0.8)
    return f"MLflow has no scorer {own}; did you mean `{_SCORERS}{close[0]}`?" if close else None


def wrong_arguments(name: str, arguments: Mapping[str, Any]) -> str | None:
    """Why one of our judges cannot be made with these arguments of the class; None if it can."""
    for ours in sorted(_OURS.keys() & arguments.keys()):
        return f"`{ours}` {_OURS[ours]}"
    model = _ARGUMENTS.get(name, _NoArguments)
    try:
        given = model.model_validate(arguments)
    except ValidationError as error:
        (first, *_) = error.errors(include_url=False)
        argument = str(first["loc"][0])
        if first["type"] == "extra_forbidden":
            known = ", ".join(model.model_fields) or "none"
            return f"{name} has no argument `{argument}`; it takes {known}"
        if first["type"] == "missing":
            return f"{name} needs the argument `{argument}`"
        return f"`{argument}` must be {expected_value(model, (argument,))}"
    if getattr(given, "should_exact_match", False):
        return "`should_exact_match` needs the expected tool calls, which a capture does not have"
    return None


def _own_name(class_path: str) -> str | None:
    """The name of a class of MLflow's own; it can be imported from many of its modules."""
    if not class_path.startswith(_SCORERS) or framework_of(class_path) or _package(class_path):
        return None
    return class_path.rpartition(".")[2]


def _package(class_path: str) -> str | None:
    """The package whose classes MLflow wraps and we cannot use."""
    module = class_path.removeprefix(_SCORERS).partition(".")[0]
    return module if class_path.startswith(_SCORERS) and module in _PACKAGES else None
