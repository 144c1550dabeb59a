"""Ragas' metrics, judged over our line."""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Mapping
from functools import cache
from typing import Any

from pydantic import BaseModel

from inference_monitor.domain import Material
from inference_monitor.scoring.third_party.adapter import (
    UnusableMetricError,
    conversation_and_answer,
    refuse_missing,
)
from inference_monitor.scoring.third_party.judge_line import JudgeLine

_GIVEN = {"user_input", "response"}


class RagasAdapter:
    """An `Adapter`."""

    factory = "create_ragas_model"
    environment: Mapping[str, str] = {
        "RAGAS_DO_NOT_TRACK": "true",
        "HF_HUB_OFFLINE": "1",
        "HF_DATASETS_OFFLINE": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "LANGCHAIN_TRACING_V2": "false",
        "LANGSMITH_TRACING": "false",
    }

    def make_model(self, line: JudgeLine) -> Any:
        """An InstructorBaseRagasLLM."""
        return _model_class()(line)

    def takes_model(self, metric: str) -> bool:
        """Only those that get their model when they are made."""
        registry: Any = importlib.import_module("mlflow.genai.scorers.ragas.registry")
        if registry.requires_embeddings(metric):
            raise UnusableMetricError(
                f"{metric} needs an embedding model, and the judge is none: leave it out"
            )
        if registry.is_agentic_or_multiturn_metric(metric):
            refuse_missing(metric, {"session"}, _GIVEN)
        return bool(registry.requires_llm_in_constructor(metric))

    def finish(self, scorer: Any, line: JudgeLine) -> None:  # noqa: ARG002
        """Refuse what needs more than a conversation and an answer."""
        refuse_missing(scorer.name, _needed(scorer._metric), _GIVEN)  # noqa: SLF001

    def arguments(self, scorer: Any, material: Material) -> dict[str, Any]:  # noqa: ARG002
        """The conversation and the answer."""
        return conversation_and_answer(material)


def _needed(metric: Any) -> set[str]:
    """What Ragas calls the columns a metric cannot do without."""
    if not hasattr(metric, "ascore"):
        columns = getattr(metric, "required_columns", {}).get("SINGLE_TURN", set())
        return {name for name in columns if not name.endswith(":optional")}
    parameters = inspect.signature(metric.ascore).parameters.values()
    named = {p.name for p in parameters if p.default is p.empty and p.kind is not p.VAR_KEYWORD}
    # One with a prompt of the user's own is given what the prompt has a place for.
    return named or set(re.findall(r"\{(\w+)\}", str(getattr(metric, "prompt", ""))))


@cache
def _model_class() -> Any:
    base: Any = importlib.import_module("ragas.llms").InstructorBaseRagasLLM

    class JudgeForRagas(base):  # type: ignore[misc]
        is_async = False

        def __init__(self, line: JudgeLine) -> None:
            self._line = line

        def generate(self, prompt: str, response_model: type[BaseModel]) -> Any:
            return self._line.fill(prompt, response_model)

        async def agenerate(self, prompt: str, response_model: type[BaseModel]) -> Any:
            return self.generate(prompt, response_model)

        def get_model_name(self) -> str:
            return self._line.model

    return JudgeForRagas
