"""DeepEval, Ragas and Phoenix in small, with what MLflow puts around them.

They have the same names, the same way to a model, and the same bad habits: a metric keeps its state
in itself, and swallows every error.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping
from types import ModuleType, SimpleNamespace
from typing import Any, ClassVar, Literal

import pytest
from mlflow.entities import Feedback
from mlflow.genai.scorers import Scorer
from pydantic import BaseModel, PrivateAttr

from inference_monitor.config import third_party
from inference_monitor.scoring.third_party import deepeval as deepeval_module
from inference_monitor.scoring.third_party import ragas as ragas_module

SCORERS = "mlflow.genai.scorers"


class Statements(BaseModel):
    """What a metric has filled in first."""

    statements: list[str]


class Finding(BaseModel):
    """A part of what it has filled in then."""

    verdict: Literal["yes", "no"]
    reason: str | None = None


class Findings(BaseModel):
    """What it has filled in then, with a reference in its schema."""

    verdicts: list[Finding]


class Rating(BaseModel):
    """What Ragas' metric has filled in."""

    reason: str
    score: float


def _no_model(*_: Any, **__: Any) -> Any:
    raise NotImplementedError("AmazonBedrockProvider does not implement get_endpoint_url")


class DeepEvalBaseLLM:
    """DeepEval's base class of models."""

    def __init__(self, model: str | None = None) -> None:
        self.name = model


class FakeMetric:
    """Asks twice, and keeps what it works on in itself."""

    threshold = 0.5

    def __init__(self, model: Any, needs: tuple[str, ...]) -> None:
        self._model = model
        self._required_params = [SimpleNamespace(value=name) for name in needs]

    def measure(self, inputs: str, outputs: str) -> None:
        """Find the statements of the answer, then judge them."""
        self.outputs = outputs
        statements = self._model.generate(f"Text: {outputs}", schema=Statements)
        asked = f"Input: {inputs} Statements: {statements.statements} of {self.outputs}"
        found = self._model.generate(asked, schema=Findings)
        self.verdict = found.verdicts[0]


class DeepEvalScorer(Scorer):
    """MLflow's wrapper of DeepEval."""

    metric_name: ClassVar[str]
    needs: ClassVar[tuple[str, ...]] = ("input", "actual_output")
    is_session_level_scorer: ClassVar[bool] = False
    _metric: Any = PrivateAttr()

    def __init__(self, model: str | None = None, **arguments: Any) -> None:
        super().__init__(name=self.metric_name)
        if arguments.pop("broken", False):
            raise ValueError("broken on purpose")
        make_model = sys.modules[f"{SCORERS}.deepeval"].create_deepeval_model
        self._metric = FakeMetric(make_model(model), self.needs)

    def __call__(self, *, inputs: Any = None, outputs: Any = None, **_: Any) -> Feedback:
        """Measure."""
        try:
            self._metric.measure(inputs, outputs)
        except Exception as error:  # noqa: BLE001  # as MLflow does it
            return Feedback(name=self.name, error=error)
        found = self._metric.verdict
        metadata: dict[str, Any] = {"mlflow.scorer.framework": "deepeval", "score": 1.0}
        return Feedback(
            name=self.name, value=found.verdict, rationale=found.reason, metadata=metadata
        )


class AnswerRelevancy(DeepEvalScorer):
    """A metric that needs nothing more."""

    metric_name: ClassVar[str] = "AnswerRelevancy"


class Faithfulness(DeepEvalScorer):
    """A metric that needs documents."""

    metric_name: ClassVar[str] = "Faithfulness"
    needs: ClassVar[tuple[str, ...]] = ("input", "actual_output", "retrieval_context")


class TurnRelevancy(DeepEvalScorer):
    """A metric of whole conversations."""

    metric_name: ClassVar[str] = "TurnRelevancy"
    is_session_level_scorer: ClassVar[bool] = True


class PlanQuality(DeepEvalScorer):
    """A metric that says it needs nothing more, and judges the steps of an agent."""

    metric_name: ClassVar[str] = "PlanQuality"


class PatternMatch(Scorer):
    """A metric without a judge, which takes no model."""

    metric_name: ClassVar[str] = "PatternMatch"
    is_session_level_scorer: ClassVar[bool] = False
    _metric: Any = PrivateAttr(default_factory=SimpleNamespace)

    def __init__(self, pattern: str) -> None:
        super().__init__(name="PatternMatch")
        self._metric.pattern = pattern

    def __call__(self, *, inputs: Any = None, outputs: Any = None, **_: Any) -> Feedback:  # noqa: ARG002
        """Compare."""
        return Feedback(name=self.name, value=self._metric.pattern in outputs, rationale="Seen.")


class Swallowing(DeepEvalScorer):
    """A metric that gives a value whatever happens."""

    metric_name: ClassVar[str] = "Swallowing"

    def __call__(self, *, inputs: Any = None, outputs: Any = None, **_: Any) -> Feedback:
        """Ask, and do not listen."""
        super().__call__(inputs=inputs, outputs=outputs)
        return Feedback(name=self.name, value="yes")


class InstructorBaseRagasLLM:
    """Ragas' base class of models."""


class RagasScorer(Scorer):
    """MLflow's wrapper of Ragas."""

    metric_name: ClassVar[str]
    _metric: Any = PrivateAttr()

    def __init__(self, model: str | None = None, **arguments: Any) -> None:
        super().__init__(name=self.metric_name)
        llm = sys.modules[f"{SCORERS}.ragas"].create_ragas_model(model)
        self._metric = _RAGAS[self.metric_name](llm, **arguments)

    def __call__(self, *, inputs: Any = None, outputs: Any = None, **_: Any) -> Feedback:
        """Score; what fails is a Feedback with an error."""
        try:
            value = asyncio.run(self._metric.ascore(user_input=inputs, response=outputs))
        except Exception as error:  # noqa: BLE001  # as MLflow does it
            return Feedback(name=self.name, error=error)
        return Feedback(name=self.name, value=value)


class RubricMetric:
    """Asks once, and gives a number without a word; not a number if the answer is of no use."""

    def __init__(self, llm: Any) -> None:
        self.llm = llm

    async def ascore(self, user_input: str, response: str) -> float:
        """Ask up to three times."""
        for _ in range(3):
            try:
                rating = await self.llm.agenerate(f"{user_input} / {response}", Rating)
            except Exception:  # noqa: BLE001, S112  # as Ragas does it
                continue
            return float(rating.score)
        return float("nan")


class ReferenceMetric(RubricMetric):
    """Needs an expected answer."""

    async def ascore(self, user_input: str, response: str, reference: str) -> float:  # type: ignore[override]  # noqa: ARG002
        """Never called."""
        raise AssertionError


class PromptMetric(RubricMetric):
    """Has a prompt of the user's own."""

    def __init__(self, llm: Any, prompt: str) -> None:
        super().__init__(llm)
        self.prompt = prompt

    async def ascore(self, **row: str) -> float:  # type: ignore[override]
        """Fill in the prompt."""
        rating = await self.llm.agenerate(self.prompt.format(**row), Rating)
        return float(rating.score)


_RAGAS: dict[str, Any] = {
    "Rubric": RubricMetric,
    "Accuracy": ReferenceMetric,
    "Discrete": PromptMetric,
    "Similarity": RubricMetric,
    "Topics": RubricMetric,
}


class FakeTemplate:
    """Phoenix' template of a classification."""

    def __init__(self, variables: list[str]) -> None:
        self.variables = variables
        self.rails = ["toxic", "non-toxic"]

    def format(self, record: Mapping[str, str], options: Any) -> str:
        """The prompt."""
        kind = "explain" if options.provide_explanation else "label only"
        return f"{kind}: " + ", ".join(record[name] for name in self.variables)

    def score(self, label: str) -> float:
        """The score of a label."""
        return float(self.rails.index(label) == 0)


class PhoenixScorer(Scorer):
    """MLflow's wrapper of Phoenix."""

    metric_name: ClassVar[str]
    variables: ClassVar[list[str]]
    _evaluator: Any = PrivateAttr()

    def __init__(self, model: str | None = None) -> None:
        super().__init__(name=self.metric_name)
        sys.modules[f"{SCORERS}.phoenix"].create_phoenix_model(model)
        self._evaluator = SimpleNamespace(_template=FakeTemplate(self.variables))

    def __call__(self, *, inputs: Any = None, outputs: Any = None, **_: Any) -> Feedback:
        """Classify."""
        try:
            record = {"input": inputs, "output": outputs}
            label, score, explanation = self._evaluator.evaluate(record=record)
        except Exception as error:  # noqa: BLE001  # as MLflow does it
            return Feedback(name=self.name, error=error)
        return Feedback(
            name=self.name, value=label, rationale=explanation, metadata={"score": score}
        )


class Toxicity(PhoenixScorer):
    """Looks at one text."""

    metric_name: ClassVar[str] = "Toxicity"
    variables: ClassVar[list[str]] = ["input"]


class Summarization(PhoenixScorer):
    """Looks at both."""

    metric_name: ClassVar[str] = "Summarization"
    variables: ClassVar[list[str]] = ["input", "output"]


class Hallucination(PhoenixScorer):
    """Needs a reference, too."""

    metric_name: ClassVar[str] = "Hallucination"
    variables: ClassVar[list[str]] = ["input", "reference", "output"]


def _ragas_scorer(metric: str) -> type[RagasScorer]:
    return type(metric, (RagasScorer,), {"metric_name": metric, "__annotations__": {}})


def _module(name: str, **content: Any) -> ModuleType:
    module = ModuleType(name)
    vars(module).update(content)
    return module


def install(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put the fakes where the packages and MLflow's modules for them would be."""
    deepeval = (AnswerRelevancy, Faithfulness, TurnRelevancy, PlanQuality, PatternMatch, Swallowing)
    phoenix = (Toxicity, Summarization, Hallucination)
    modules = [
        _module(
            f"{SCORERS}.deepeval",
            create_deepeval_model=_no_model,
            **{scorer.__name__: scorer for scorer in deepeval},
        ),
        _module(
            f"{SCORERS}.deepeval.registry", is_deterministic_metric=lambda name: "Pattern" in name
        ),
        _module("deepeval.models.base_model", DeepEvalBaseLLM=DeepEvalBaseLLM),
        _module(
            f"{SCORERS}.ragas",
            create_ragas_model=_no_model,
            **{metric: _ragas_scorer(metric) for metric in _RAGAS},
        ),
        _module(
            f"{SCORERS}.ragas.registry",
            requires_embeddings=lambda name: name == "Similarity",
            is_agentic_or_multiturn_metric=lambda name: name == "Topics",
            requires_llm_in_constructor=lambda _: True,
        ),
        _module("ragas.llms", InstructorBaseRagasLLM=InstructorBaseRagasLLM),
        _module(
            f"{SCORERS}.phoenix",
            create_phoenix_model=_no_model,
            **{scorer.__name__: scorer for scorer in phoenix},
        ),
        _module("phoenix.evals.legacy.templates", PromptOptions=SimpleNamespace),
    ]
    for module in modules:
        monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setattr(third_party, "version", lambda _: "1.2.3")
    for adapter in (deepeval_module, ragas_module):
        adapter._model_class.cache_clear()
