"""An entry of `scorers.yaml` that asks a judge, ready to be asked about."""

from __future__ import annotations

from dataclasses import dataclass

from inference_monitor.config.scorers import ScorersConfig
from inference_monitor.config.specs import InferenceParameters, JudgedSpec, Judging
from inference_monitor.domain import Material
from inference_monitor.scoring.judge.prompts import Question, question
from inference_monitor.scoring.judge.verdict import VerdictFormat, verdict_format


@dataclass(frozen=True, slots=True)
class Criterion:
    """What is asked of which model, on its own (`each`) or with the others (`panel`)."""

    spec: JudgedSpec
    model: str
    judging: Judging
    question: Question
    format: VerdictFormat

    @property
    def parameters(self) -> InferenceParameters:
        """What is sent with the question."""
        return self.spec.inference_parameters

    def can_be_asked(self, material: Material) -> bool:
        """Whether all it asks about was captured, and the answer has what it is about."""
        if material.only_calls_tools and self.spec.asks_for_text:
            return False
        return self.question.can_be_asked(material)


def criteria(config: ScorersConfig, default_model: str) -> list[Criterion]:
    """The judged scorers of a configuration, in order."""
    return [
        Criterion(
            spec,
            spec.model or default_model,
            spec.judged_by(config.judging),
            question(spec),
            verdict_format(spec),
        )
        for spec in config.scorers
        if isinstance(spec, JudgedSpec)
    ]
