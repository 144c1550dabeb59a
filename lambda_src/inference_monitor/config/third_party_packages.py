"""What metrics of DeepEval, Ragas and Phoenix need that a capture does not have.

As the packages at their pinned versions say it; `make test-third-party` runs all of them.
Imported at synth time, where none of them is installed.
"""

from __future__ import annotations

from collections.abc import Mapping

from inference_monitor.config.third_party_names import framework_of

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
