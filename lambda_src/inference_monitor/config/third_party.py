"""The third-party scorers of MLflow: their names, and the packages they need."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.metadata import version

_PACKAGE = "mlflow.genai.scorers."


@dataclass(frozen=True, slots=True)
class Framework:
    """A third-party package whose metrics MLflow wraps, as `mlflow.genai.scorers.<key>.<class>`.

    `key` is also the name of the dependency group that brings it.
    """

    key: str
    distribution: str

    @property
    def package(self) -> str:
        """MLflow's module with the metrics."""
        return _PACKAGE + self.key

    @property
    def installed(self) -> str:
        """The package with its version.

        Raises:
            PackageNotFoundError: If it is not installed.
        """
        return f"{self.distribution} {version(self.distribution)}"

    @property
    def how_to_install(self) -> str:
        """What to do when it is not there."""
        return (
            f"include the dependency group `{self.key}` in the group `lambda` of pyproject.toml,"
            " run `make lock`, and deploy again"
        )


DEEPEVAL = Framework("deepeval", "deepeval")
RAGAS = Framework("ragas", "ragas")
PHOENIX = Framework("phoenix", "arize-phoenix-evals")

_BY_KEY = {framework.key: framework for framework in (DEEPEVAL, RAGAS, PHOENIX)}


def framework_of(class_path: str) -> Framework | None:
    """The third-party package that a class of `scorers.yaml` is from; None for any other class."""
    if not class_path.startswith(_PACKAGE):
        return None
    return _BY_KEY.get(class_path.removeprefix(_PACKAGE).partition(".")[0])


def missing_package(class_path: str, requirements: Iterable[str]) -> str | None:
    """Why a class cannot be loaded in an image of these requirements; None when it can."""
    framework = framework_of(class_path)
    if framework is None:
        return None
    pinned = re.compile(rf"{re.escape(framework.distribution)}==")
    if any(pinned.match(line) for line in requirements):
        return None
    return f"{framework.distribution} is not in requirements.txt: {framework.how_to_install}"


_ANSWER = "an expected answer"
_DOCUMENTS = "a list of retrieved documents (`type: groundedness` looks at those of the request)"
_EMBEDDINGS = "an embedding model, which the judge is not"
_SESSION = "a session of several traces (`type: conversation_completeness` judges what one has)"
_STEPS = "the steps of an agent as a trace"
_TOOLS = "the tools that should have been called (`type: tool_use` does without)"

_LACKING: Mapping[str, Mapping[str, str]] = {
    "deepeval": {
        "ArgumentCorrectness": "the calls as objects (`type: tool_use` looks at arguments, too)",
        "ContextualPrecision": _ANSWER,
        "ContextualRecall": _ANSWER,
        "ContextualRelevancy": _DOCUMENTS,
        "ConversationCompleteness": _SESSION,
        "ExactMatch": _ANSWER,
        "Faithfulness": _DOCUMENTS,
        "GoalAccuracy": _SESSION,
        "Hallucination": _DOCUMENTS,
        "JsonCorrectness": "a schema as a Python class",
        "KnowledgeRetention": _SESSION,
        "PlanAdherence": _STEPS,
        "PlanQuality": _STEPS,
        "RoleAdherence": _SESSION,
        "StepEfficiency": _STEPS,
        "ToolCorrectness": _TOOLS,
        "ToolUse": _SESSION,
        "TopicAdherence": _SESSION,
        "TurnRelevancy": _SESSION,
    },
    "ragas": {
        "AgentGoalAccuracyWithReference": _SESSION,
        "AgentGoalAccuracyWithoutReference": _SESSION,
        "AnswerAccuracy": _ANSWER,
        "AnswerRelevancy": _EMBEDDINGS,
        "BleuScore": _ANSWER,
        "ChrfScore": _ANSWER,
        "ContextEntityRecall": _DOCUMENTS,
        "ContextPrecision": _DOCUMENTS,
        "ContextRecall": _DOCUMENTS,
        "ContextRelevance": _DOCUMENTS,
        "ContextUtilization": _DOCUMENTS,
        "ExactMatch": _ANSWER,
        "FactualCorrectness": _ANSWER,
        "Faithfulness": _DOCUMENTS,
        "InstanceSpecificRubrics": "a rubric that each inference brings along",
        "NoiseSensitivity": _ANSWER,
        "NonLLMContextPrecisionWithReference": _ANSWER,
        "NonLLMContextRecall": _ANSWER,
        "NonLLMStringSimilarity": _ANSWER,
        "ResponseGroundedness": _DOCUMENTS,
        "RougeScore": _ANSWER,
        "SemanticSimilarity": _EMBEDDINGS,
        "StringPresence": _ANSWER,
        "SummarizationScore": _DOCUMENTS,
        "ToolCallAccuracy": _TOOLS,
        "ToolCallF1": _TOOLS,
        "TopicAdherence": _SESSION,
    },
    "phoenix": {
        "Hallucination": _DOCUMENTS,
        "QA": _DOCUMENTS,
        "Relevance": _DOCUMENTS,
    },
}


def lacking(class_path: str) -> str | None:
    """Why a third-party metric cannot judge a capture; None for one that can, or is not known."""
    framework, name = framework_of(class_path), class_path.rpartition(".")[2]
    needed = _LACKING[framework.key].get(name) if framework else None
    return f"{name} needs {needed}; a capture does not have that" if needed else None
