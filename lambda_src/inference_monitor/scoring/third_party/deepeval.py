"""DeepEval's metrics, judged over our line."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from functools import cache
from typing import Any

from pydantic import BaseModel

from inference_monitor.domain import Material
from inference_monitor.scoring.third_party.adapter import conversation_and_answer, refuse_missing
from inference_monitor.scoring.third_party.judge_line import JudgeLine

# These judge the steps of an agent, and would judge the word "null" without saying so.
_OF_STEPS = frozenset({"PlanAdherence", "PlanQuality", "StepEfficiency"})


class DeepEvalAdapter:
    """An `Adapter`."""

    factory = "create_deepeval_model"
    environment: Mapping[str, str] = {
        "DEEPEVAL_TELEMETRY_OPT_OUT": "YES",
        "DEEPEVAL_DISABLE_DOTENV": "1",
        "DEEPEVAL_FILE_SYSTEM": "READ_ONLY",
        "DEEPEVAL_CACHE_FOLDER": "/tmp/deepeval",  # noqa: S108  # all that is writable in Lambda
        "DEEPEVAL_HOME": "/tmp/deepeval",  # noqa: S108
        "DEEPEVAL_UPDATE_WARNING_OPT_IN": "0",
        "CONFIDENT_TRACING_ENABLED": "NO",
    }

    def make_model(self, line: JudgeLine) -> Any:
        """A DeepEvalBaseLLM."""
        return _model_class()(line)

    def takes_model(self, metric: str) -> bool:
        """All but those that compare texts."""
        registry: Any = importlib.import_module("mlflow.genai.scorers.deepeval.registry")
        return not registry.is_deterministic_metric(metric)

    def finish(self, scorer: Any, line: JudgeLine) -> None:  # noqa: ARG002
        """Refuse what needs more than a conversation and an answer."""
        metric = scorer._metric  # noqa: SLF001  # MLflow offers no other way to it
        needed = {parameter.value for parameter in getattr(metric, "_required_params", ())}
        if scorer.is_session_level_scorer:
            needed = {"session"}
        if scorer.name in _OF_STEPS:
            needed = {"trace"}
        refuse_missing(scorer.name, needed, {"input", "actual_output"})

    def arguments(self, scorer: Any, material: Material) -> dict[str, Any]:  # noqa: ARG002
        """The conversation and the answer."""
        return conversation_and_answer(material)


@cache
def _model_class() -> Any:
    base: Any = importlib.import_module("deepeval.models.base_model").DeepEvalBaseLLM

    class JudgeForDeepEval(base):  # type: ignore[misc]
        def __init__(self, line: JudgeLine) -> None:
            self._line = line
            super().__init__(line.model)

        def load_model(self, *_: Any, **__: Any) -> Any:
            return self

        def generate(self, prompt: str, schema: type[BaseModel] | None = None) -> Any:
            return self._line.fill(prompt, schema) if schema else self._line.say(prompt)

        async def a_generate(self, prompt: str, schema: type[BaseModel] | None = None) -> Any:
            return self.generate(prompt, schema)

        def get_model_name(self, *_: Any, **__: Any) -> str:
            return self._line.model

    return JudgeForDeepEval
