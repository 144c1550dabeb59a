"""Phoenix' metrics, judged over our line."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, create_model

from inference_monitor.domain import Material
from inference_monitor.scoring.third_party.adapter import conversation_and_answer, refuse_missing
from inference_monitor.scoring.third_party.judge_line import JudgeLine


class PhoenixAdapter:
    """An `Adapter`."""

    factory = "create_phoenix_model"
    environment: Mapping[str, str] = {}

    def make_model(self, line: JudgeLine) -> Any:
        """Whatever: the evaluator that would ask it is replaced."""
        return line

    def takes_model(self, metric: str) -> bool:  # noqa: ARG002
        """All of them."""
        return True

    def finish(self, scorer: Any, line: JudgeLine) -> None:
        """Refuse what needs a reference; have the others explain themselves."""
        template = scorer._evaluator._template  # noqa: SLF001  # there is no other way to it
        refuse_missing(scorer.name, set(template.variables), {"input", "output"})
        scorer._evaluator = _Evaluator(template, line)  # noqa: SLF001

    def arguments(self, scorer: Any, material: Material) -> dict[str, Any]:
        """The conversation and the answer; the answer where a metric looks at one text."""
        if scorer._evaluator.looks_at == {"input"}:  # noqa: SLF001
            return {"inputs": material.response, "outputs": material.response}
        return conversation_and_answer(material)


class _Evaluator:
    """Phoenix' own evaluator with an explanation, and a tool for the label.

    Phoenix has both, but MLflow asks it for no explanation, and it uses tools with OpenAI only;
    without one it looks for the label in the text.
    """

    def __init__(self, template: Any, line: JudgeLine) -> None:
        self._template = template
        self._line = line
        labels: Any = Literal[tuple(template.rails)]
        self._wanted: type[BaseModel] = create_model(
            "PhoenixVerdict", explanation=(str, ...), label=(labels, ...)
        )

    @property
    def looks_at(self) -> set[str]:
        """The parts of a record that the template has room for."""
        return set(self._template.variables)

    def evaluate(self, record: Mapping[str, str]) -> tuple[str, float, str]:
        """Label, score and explanation, as Phoenix gives them."""
        templates: Any = importlib.import_module("phoenix.evals.legacy.templates")
        options = templates.PromptOptions(provide_explanation=True)
        prompt = str(self._template.format(record, options=options))
        verdict = self._line.fill(prompt, self._wanted).model_dump()
        return verdict["label"], self._template.score(verdict["label"]), verdict["explanation"]
