"""What has to be known of a third-party package to run its metrics with our judge."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from inference_monitor.domain import Material
from inference_monitor.scoring.third_party.judge_line import JudgeLine


class UnusableMetricError(Exception):
    """A metric that cannot judge captured inferences; says what it lacks."""


class Adapter(Protocol):
    """One package, at the version that is pinned in its dependency group.

    The packages are not installed where this is checked, so everything of theirs is `Any`;
    `make test-third-party` runs the adapters with the real ones.
    """

    environment: Mapping[str, str]
    """Set before the package is imported: no telemetry, no downloads, no files but in /tmp."""

    factory: str
    """The function in MLflow's module that makes the model of a metric; ours takes its place."""

    def make_model(self, line: JudgeLine, /) -> Any:
        """A model of the package's kind that asks our judge."""

    def takes_model(self, metric: str, /) -> bool:
        """Whether the metric of this name has a `model` argument.

        Raises:
            UnusableMetricError: If it cannot work at all.
        """

    def finish(self, scorer: Any, line: JudgeLine, /) -> None:
        """Change a scorer that was made, where its model alone does not make it work.

        Raises:
            UnusableMetricError: If it needs what captured inferences do not have.
        """

    def arguments(self, scorer: Any, material: Material, /) -> dict[str, Any]:
        """What the scorer is called with."""


_MEANING = {
    "available_tools": "the tools of the conversation",
    "context": "the documents that the answer should be true to",
    "expected_output": "an expected answer",
    "expected_tools": "the tools that should have been called",
    "reference": "an expected answer or reference text",
    "reference_contexts": "the documents of an expected answer",
    "reference_tool_calls": "the tools that should have been called",
    "reference_topics": "the topics that were allowed",
    "retrieval_context": "the documents that were retrieved",
    "retrieved_contexts": "the documents that were retrieved",
    "rubrics": "a rubric for each inference",
    "session": "whole conversations",
    "tools_called": "the tools that were called",
    "trace": "the steps of an agent",
}
"""Of the names that the packages have for what a metric must be given."""


def refuse_missing(metric: str, needed: set[str], given: set[str]) -> None:
    """Raise UnusableMetricError if a metric needs more than it is given."""
    if missing := sorted(needed - given):
        named = ", ".join(
            f"`{name}` ({_MEANING[name]})" if name in _MEANING else f"`{name}`" for name in missing
        )
        raise UnusableMetricError(
            f"{metric} needs {named}; a captured inference has only the conversation and the answer"
        )


def conversation_and_answer(material: Material) -> dict[str, Any]:
    """What most metrics are called with."""
    return {"inputs": material.request, "outputs": material.response}
