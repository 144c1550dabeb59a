"""The entries of `scorers.yaml`, by their type."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import (
    BeforeValidator,
    Discriminator,
    Field,
    Tag,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from inference_monitor.config.conditions import Strict, Texts, When
from inference_monitor.config.mlflow_classes import JUDGES, judge_class, wrong_arguments
from inference_monitor.config.third_party import framework_of

PLACEHOLDER = re.compile(r"\{\{\s*([\w.]+)\s*\}\}")


def rename(template: str, values: Mapping[str, str]) -> str:
    """A template with some of its placeholders renamed or filled in."""
    return PLACEHOLDER.sub(lambda match: values.get(match[1], match[0]), template)


# `2` and `"2"` mean the same; 1.10 would silently become 1.1, so that stays an error.
_AS_VERSION = BeforeValidator(lambda value: str(value) if type(value) is int else value)

Model = Annotated[str, Field(pattern=r"^bedrock:/[^/\s].*$")]
Judging = Literal["each", "panel"]
ClassPath = Annotated[str, Field(pattern=r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)+$")]
MlflowSort = Literal["mlflow_judge", "mlflow_class"]

# Judges of what is said: an answer that only calls tools is on the way to saying something.
_OF_TEXT = frozenset(
    {"completeness", "conversation_completeness", "fluency", "groundedness", "summarization"}
)


class InferenceParameters(Strict):
    """What is sent to the judge, as far as it takes that.

    `temperature: null` leaves it out. `max_tokens` is for one verdict; a model that thinks gets
    more. `effort` is how much such a model thinks, in its own words: `low`, `medium`, `high`.
    `additional` goes to the model as it is, e.g. {top_k: 5}.
    """

    temperature: float | None = Field(default=0.0, ge=0, le=1)
    top_p: float | None = Field(default=None, gt=0, le=1)
    max_tokens: int = Field(default=1024, ge=64)
    effort: str | None = Field(default=None, pattern=r"^[a-z_]+$")
    stop_sequences: list[Annotated[str, Field(min_length=1)]] = Field(default_factory=list)
    additional: dict[str, Any] = Field(default_factory=dict)


class ScorerSpec(Strict):
    """What every scorer has."""

    name: str = Field(pattern=r"^[A-Za-z_][A-Za-z0-9_.-]*$", max_length=250)
    sample_rate: float = Field(default=1.0, ge=0, le=1)
    version: Annotated[str, _AS_VERSION, Field(min_length=1, max_length=50)] = "1"
    when: When = When()

    @property
    def statuses(self) -> list[str]:
        """Which outcomes of the endpoint the scorer is for: answers (`ok`) unless it says else."""
        return [*(self.when.status or ["ok"])]

    @property
    def asks_judge(self) -> bool:
        """Whether it asks a judge, with the deployment's model if it names none."""
        return False

    @property
    def of_each_answer(self) -> bool:
        """Whether it looks at one answer of an inference at a time."""
        return True

    @property
    def kinds(self) -> list[str]:
        """Which sorts of models the scorer is for: LLMs unless it says else."""
        return [*(self.when.kind or ["llm"])]


class JudgedSpec(ScorerSpec):
    """What every scorer has that asks a judge."""

    model: Model | None = None
    judging: Judging | None = None
    inference_parameters: InferenceParameters = InferenceParameters()
    needs_text: bool = False

    @property
    def asks_judge(self) -> bool:
        """It does."""
        return True

    @property
    def asks_for_text(self) -> bool:
        """Whether an answer that only calls tools is nothing to it."""
        return self.needs_text

    @property
    def labels(self) -> tuple[str, ...]:
        """What the judge may say, best first; none for truth values and numbers."""
        return ("yes", "no")

    def judged_by(self, default: Judging) -> Judging:
        """On its own or in a panel; `default` is that of the file."""
        return self.judging or default

    def distance_from_best(self, result: str | bool | float) -> float:
        """How bad a result is among those the scorer can give: 0 the best one, 1 the worst."""
        if isinstance(result, str):
            return self.labels.index(result) / (len(self.labels) - 1)
        return 1.0 - result

    @field_validator("when")
    @classmethod
    def _answers_only(cls, when: When) -> When:
        if when.kind not in (None, ["llm"]) or when.status not in (None, ["ok"]):
            raise PydanticCustomError(
                "not_usable",
                "a judge is asked about answers of LLMs only; leave out `kind` and `status`",
            )
        return when


class BuiltinSpec(JudgedSpec):
    """A judge that is there by name, with MLflow's instructions where MLflow has such a judge."""

    type: Literal[
        "safety",
        "relevance_to_query",
        "fluency",
        "groundedness",
        "tool_use",
        "instruction_following",
        "conversation_completeness",
        "user_frustration",
        "summarization",
    ]

    @property
    def labels(self) -> tuple[str, ...]:
        """Yes or no, and how it went with a user who was frustrated."""
        return _labels_of(self.type)

    @property
    def asks_for_text(self) -> bool:
        """A call of a tool is neither fluent nor clumsy."""
        return self.needs_text or self.type in _OF_TEXT


class GuidelinesSpec(JudgedSpec):
    """Rules in plain words; the answer passes when it keeps all of them."""

    type: Literal["guidelines"]
    guidelines: Texts


class JudgeSpec(JudgedSpec):
    """A judge with instructions of one's own.

    `output` is `bool`, `number` (within `range`) or a list of categories, best first.
    """

    type: Literal["judge"]
    instructions: str = Field(min_length=1)
    output: Literal["bool", "number"] | list[str]
    range: Annotated[list[float], Field(min_length=2, max_length=2)] | None = None

    @property
    def labels(self) -> tuple[str, ...]:
        """Its categories."""
        return tuple(self.output) if isinstance(self.output, list) else ()

    def distance_from_best(self, result: str | bool | float) -> float:
        """The greatest number of the range is the best one."""
        if self.range is None:
            return super().distance_from_best(result)
        low, high = self.range
        return (high - float(result)) / (high - low)

    @field_validator("instructions")
    @classmethod
    def _known_placeholders(cls, instructions: str) -> str:
        if unknown := sorted(set(PLACEHOLDER.findall(instructions)) - {"inputs", "outputs"}):
            raise PydanticCustomError(
                "not_usable",
                "{{ {unknown} }} is not filled in; use {{ inputs }} and {{ outputs }}",
                {"unknown": unknown[0]},
            )
        return instructions

    @field_validator("output", mode="before")
    @classmethod
    def _readable_output(cls, output: Any) -> Any:
        named = isinstance(output, str) and output in {"bool", "number"}
        categories = (
            isinstance(output, list)
            and len(output) > 1
            and all(isinstance(c, str) and c.strip() for c in output)
            and len(set(output)) == len(output)
        )
        if not (named or categories):
            raise PydanticCustomError("output", "")
        return output

    @model_validator(mode="after")
    def _range_belongs_to_number(self) -> JudgeSpec:
        if (self.output == "number") != (self.range is not None):
            raise PydanticCustomError(
                "not_usable", "`output: number` and `range: [lowest, highest]` belong together"
            )
        if self.range is not None and not self.range[0] < self.range[1]:
            raise PydanticCustomError("not_usable", "`range` must be [lowest, highest]")
        return self


class TokenCountSpec(ScorerSpec):
    """Tokens in and out, of answers and failures alike; costs nothing."""

    type: Literal["token_count"]

    @property
    def of_each_answer(self) -> bool:
        """The endpoint counts the tokens of all answers together."""
        return False

    @property
    def statuses(self) -> list[str]:
        """Failures have tokens too, so it counts both unless it says else."""
        return [*(self.when.status or ["ok", "error"])]


class CodeSpec(ScorerSpec):
    """A Python function or an MLflow scorer of the user's own."""

    type: Literal["code"]
    function: str = Field(pattern=r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$")


class MlflowJudgeSpec(JudgedSpec):
    """A judge that MLflow ships, asked by our client with MLflow's own instructions."""

    type: Literal["mlflow"]
    class_path: ClassPath = Field(alias="class")
    arguments: dict[str, Any] = Field(default_factory=dict, validate_default=True)

    @property
    def judge(self) -> str:
        """The name of its question in `instructions`."""
        return JUDGES[self.class_name]

    @property
    def class_name(self) -> str:
        """The class without its module."""
        return self.class_path.rpartition(".")[2]

    @property
    def labels(self) -> tuple[str, ...]:
        """What MLflow's judge says."""
        return _labels_of(self.judge)

    @property
    def asks_for_text(self) -> bool:
        """As the type with the same question."""
        return self.needs_text or self.judge in _OF_TEXT

    def judged_by(self, default: Judging) -> Judging:  # noqa: ARG002
        """On its own: a panel has short statements instead of MLflow's instructions."""
        return "each"

    @field_validator("judging")
    @classmethod
    def _is_asked_alone(cls, judging: Judging | None) -> Judging | None:
        if judging == "panel":
            raise PydanticCustomError(
                "not_usable",
                "`type: mlflow` is asked with MLflow's instructions, which have no place in a"
                " panel; leave out `judging`",
            )
        return judging

    @field_validator("arguments")
    @classmethod
    def _can_be_made(cls, arguments: dict[str, Any], found: ValidationInfo) -> dict[str, Any]:
        name = str(found.data.get("class_path")).rpartition(".")[2]
        if wrong := wrong_arguments(name, arguments):
            raise PydanticCustomError("not_usable", "{wrong}", {"wrong": wrong})
        return arguments


class MlflowSpec(ScorerSpec):
    """Any other scorer class: of MLflow without a judge, of a third party, or of the user."""

    type: Literal["mlflow"]
    class_path: ClassPath = Field(alias="class")
    model: Model | None = None
    # Third-party metrics have lists filled in, of every statement in an answer.
    inference_parameters: InferenceParameters = InferenceParameters(max_tokens=4096)
    arguments: dict[str, Any] = Field(default_factory=dict)

    @property
    def asks_judge(self) -> bool:
        """Third-party ones do, over our client."""
        return framework_of(self.class_path) is not None

    @model_validator(mode="after")
    def _parameters_belong_to_a_judge(self) -> MlflowSpec:
        if "inference_parameters" in self.model_fields_set and not self.asks_judge:
            raise PydanticCustomError(
                "not_usable",
                "`inference_parameters` are sent only for MLflow's judges and for scorers from"
                " mlflow.genai.scorers.deepeval, ragas or phoenix",
            )
        return self


def _sort_of_class(scorer: Any) -> MlflowSort:
    """Which of the two specs an entry of type `mlflow` is."""
    if isinstance(scorer, dict):
        path = scorer.get("class")
        return "mlflow_judge" if isinstance(path, str) and judge_class(path) else "mlflow_class"
    return "mlflow_judge" if isinstance(scorer, MlflowJudgeSpec) else "mlflow_class"


AnyMlflowSpec = Annotated[
    Annotated[MlflowJudgeSpec, Tag("mlflow_judge")] | Annotated[MlflowSpec, Tag("mlflow_class")],
    Discriminator(_sort_of_class),
]
AnySpec = Annotated[
    BuiltinSpec | GuidelinesSpec | JudgeSpec | TokenCountSpec | CodeSpec | AnyMlflowSpec,
    Field(discriminator="type"),
]


def _labels_of(judge: str) -> tuple[str, ...]:
    return ("none", "resolved", "unresolved") if judge == "user_frustration" else ("yes", "no")


def bedrock_model_id(model: str) -> str:
    """The id or ARN that Bedrock's API takes, of a `bedrock:/…` name."""
    return model.removeprefix("bedrock:/")
