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

from inference_monitor.config.conditions import Strict, Text, Texts, When
from inference_monitor.config.mlflow_classes import JUDGES, judge_class, wrong_arguments
from inference_monitor.config.third_party import framework_of

PLACEHOLDER = re.compile(r"\{\{\s*([\w.]+)\s*\}\}")


def rename(template: str, values: Mapping[str, str]) -> str:
    """A template with some of its placeholders renamed or filled in."""
    return PLACEHOLDER.sub(lambda match: values.get(match[1], match[0]), template)


# `2` and `"2"` mean the same; 1.10 would silently become 1.1, so that stays an error.
_AS_VERSION = BeforeValidator(
    lambda value: str(value) if type(value) is int else value,
    json_schema_input_type=int | Annotated[str, Field(min_length=1, max_length=50)],
)

Model = Annotated[str, Field(pattern=r"^bedrock:/[^/\s].*$")]
Judging = Literal["each", "panel"]
ClassPath = Annotated[str, Field(pattern=r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)+$")]
MlflowSort = Literal["mlflow_judge", "mlflow_class"]

_TYPE = (
    "One of safety, relevance_to_query, fluency, groundedness, tool_use, instruction_following,"
    " conversation_completeness, user_frustration, summarization, guidelines, judge, token_count,"
    " code, mlflow."
)
_GUIDELINES = "A rule in plain words, or a list of them.\nThe result is yes if all are kept."
_CLASS = "A dotted path, e.g. mlflow.genai.scorers.RegexMatch."
_ARGUMENTS = "A mapping of the class's keyword arguments."
_MODEL = (
    "bedrock:/ and a model or inference profile id,"
    " e.g. bedrock:/global.anthropic.claude-haiku-4-5-20251001-v1:0.\n"
    "The judge; the deployment's BEDROCK_MODEL_ID if left out."
)
_PARAMETERS = (
    "A mapping with one or more of temperature, top_p, max_tokens, effort, stop_sequences,"
    " additional.\nWhat is sent to the judge model, as far as it supports it."
)

# Judges of what is said: an answer that only calls tools is on the way to saying something.
_OF_TEXT = frozenset(
    {"completeness", "conversation_completeness", "fluency", "groundedness", "summarization"}
)


class InferenceParameters(Strict):
    """Parameters of a call to the judge model, as far as it supports them."""

    temperature: float | None = Field(
        default=0.0,
        ge=0,
        le=1,
        description="A number from 0 to 1, or null to leave it out.",
    )
    top_p: float | None = Field(
        default=None, gt=0, le=1, description="A number above 0, at most 1."
    )
    max_tokens: int = Field(
        default=1024,
        ge=64,
        description="A whole number of at least 64.\n"
        "Tokens for one verdict; a model that reasons before it answers gets more.",
    )
    effort: str | None = Field(
        default=None,
        pattern=r"^[a-z_]+$",
        description="A level of reasoning effort that the model knows: low, medium, high, ….\n"
        "The least one if left out.",
    )
    stop_sequences: list[Text] = Field(default_factory=list, description="A list of texts.")
    additional: dict[str, Any] = Field(
        default_factory=dict,
        description="A mapping of the model's own parameters, e.g. {top_k: 5}.",
    )


class ScorerSpec(Strict):
    """What every scorer has."""

    name: str = Field(
        pattern=r"^[A-Za-z_][A-Za-z0-9_.-]*$",
        max_length=250,
        description="Letters, digits, `_`, `.` or `-`, at most 250, beginning with a letter or"
        " `_`.\nThe name of the assessment in MLflow.",
    )
    sample_rate: float = Field(
        default=1.0,
        ge=0,
        le=1,
        description="A number from 0 (no record) to 1 (every record).\n"
        "The share of inferences that is scored. The same rate always picks the same inferences,"
        " and a higher rate all of these.",
    )
    version: Annotated[str, _AS_VERSION, Field(min_length=1, max_length=50)] = Field(
        default="1",
        description='A text in quotes or a whole number, e.g. "1.10".\n'
        "Raise it when you change what the scorer means: inferences that are delivered again are"
        " then scored again.",
    )
    when: When = Field(
        default=When(),
        description="A mapping with one or more of variant, family, kind, status, input_tokens,"
        " output_tokens, finish_reason, tool_calls, tag.\nOnly inferences for which all of this"
        " holds are scored.",
    )

    @property
    def statuses(self) -> list[str]:
        """The outcomes of the endpoint that are scored; answers (`ok`) by default."""
        return [*(self.when.status or ["ok"])]

    @property
    def asks_judge(self) -> bool:
        """Whether the scorer calls a judge model."""
        return False

    @property
    def of_each_answer(self) -> bool:
        """Whether each answer of an inference is scored separately."""
        return True

    @property
    def kinds(self) -> list[str]:
        """The kinds of models that are scored; LLMs by default."""
        return [*(self.when.kind or ["llm"])]


class JudgedSpec(ScorerSpec):
    """What every scorer has that calls a judge model."""

    model: Model | None = Field(default=None, description=_MODEL)
    judging: Judging | None = Field(
        default=None,
        description="each (one call for each scorer) or panel (one call for all scorers of a"
        " record).\nThe setting of the file if left out.",
    )
    inference_parameters: InferenceParameters = Field(
        default=InferenceParameters(), description=_PARAMETERS
    )
    needs_text: bool = Field(
        default=False,
        description="true, or false.\nWhether answers without text, which only call tools, are"
        " left out.",
    )

    @property
    def asks_judge(self) -> bool:
        """Always true."""
        return True

    @property
    def asks_for_text(self) -> bool:
        """Whether answers that only call tools are left out."""
        return self.needs_text

    @property
    def labels(self) -> tuple[str, ...]:
        """The categories of the judge, best first; empty for booleans and numbers."""
        return ("yes", "no")

    def judged_by(self, default: Judging) -> Judging:
        """Whether the scorer has a call of its own; `default` is the setting of the file."""
        return self.judging or default

    def distance_from_best(self, result: str | bool | float) -> float:
        """The place of a result on the scorer's scale, from 0 (best) to 1 (worst)."""
        if isinstance(result, str):
            return self.labels.index(result) / (len(self.labels) - 1)
        return 1.0 - result

    @field_validator("when")
    @classmethod
    def _answers_only(cls, when: When) -> When:
        if when.kind not in (None, ["llm"]) or when.status not in (None, ["ok"]):
            raise PydanticCustomError(
                "not_usable",
                "judges score answers of LLMs only; leave out `kind` and `status`",
            )
        return when


class BuiltinSpec(JudgedSpec):
    """A built-in judge, with MLflow's instructions where MLflow has such a judge."""

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
    ] = Field(description=_TYPE)

    @property
    def labels(self) -> tuple[str, ...]:
        """`yes` and `no`; of user_frustration `none`, `resolved` and `unresolved`."""
        return _labels_of(self.type)

    @property
    def asks_for_text(self) -> bool:
        """Also true for questions about the wording or content of a text."""
        return self.needs_text or self.type in _OF_TEXT


class GuidelinesSpec(JudgedSpec):
    """A judge of rules in plain words; an answer passes if it keeps all of them."""

    type: Literal["guidelines"] = Field(description=_TYPE)
    guidelines: Texts = Field(description=_GUIDELINES)


class JudgeSpec(JudgedSpec):
    """A judge with the user's instructions."""

    type: Literal["judge"] = Field(description=_TYPE)
    instructions: str = Field(
        min_length=1,
        description="The judge's instructions, as text.\nThey may place {{ inputs }} (the"
        " conversation) and {{ outputs }} (the answer).",
    )
    output: Literal["bool", "number"] | Annotated[list[Text], Field(min_length=2)] = Field(
        description="bool, number, or a list of at least two different categories, best first"
        ' (words like yes, no, on, off need quotes: ["yes", "no"]).'
    )
    range: Annotated[list[float], Field(min_length=2, max_length=2)] | None = Field(
        default=None,
        description="[lowest, highest], two numbers.\nThe range of `output: number`.",
    )

    @property
    def labels(self) -> tuple[str, ...]:
        """The categories of `output`; empty for booleans and numbers."""
        return tuple(self.output) if isinstance(self.output, list) else ()

    def distance_from_best(self, result: str | bool | float) -> float:
        """As for the other judges; the highest number of the range is the best."""
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
    """Counts input and output tokens, of answers and failures; calls no judge."""

    type: Literal["token_count"] = Field(description=_TYPE)

    @property
    def of_each_answer(self) -> bool:
        """Always false: the endpoint counts the tokens of all answers together."""
        return False

    @property
    def statuses(self) -> list[str]:
        """Answers and failures by default, since failures have tokens too."""
        return [*(self.when.status or ["ok", "error"])]


class CodeSpec(ScorerSpec):
    """The user's own Python function or MLflow scorer."""

    type: Literal["code"] = Field(description=_TYPE)
    function: str = Field(
        pattern=r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$",
        description="module:function, e.g. my_checks:is_polite.\nFrom scorers/MODULE.py beside this"
        " file, or from an installed package.",
    )


class MlflowJudgeSpec(JudgedSpec):
    """A judge class of MLflow, called through our client with MLflow's instructions."""

    type: Literal["mlflow"] = Field(description=_TYPE)
    class_path: ClassPath = Field(alias="class", description=_CLASS)
    arguments: dict[str, Any] = Field(
        default_factory=dict, validate_default=True, description=_ARGUMENTS
    )

    @property
    def judge(self) -> str:
        """The key of its instructions in `scoring.judge.prompts`."""
        return JUDGES[self.class_name]

    @property
    def class_name(self) -> str:
        """The class without its module."""
        return self.class_path.rpartition(".")[2]

    @property
    def labels(self) -> tuple[str, ...]:
        """The categories of MLflow's judge, best first."""
        return _labels_of(self.judge)

    @property
    def asks_for_text(self) -> bool:
        """As for the built-in judge with the same instructions."""
        return self.needs_text or self.judge in _OF_TEXT

    def judged_by(self, default: Judging) -> Judging:  # noqa: ARG002
        """Always `each`: a panel has no room for MLflow's instructions."""
        return "each"

    @field_validator("judging")
    @classmethod
    def _is_asked_alone(cls, judging: Judging | None) -> Judging | None:
        if judging == "panel":
            raise PydanticCustomError(
                "not_usable",
                "`type: mlflow` uses MLflow's instructions, which a panel cannot have; leave out"
                " `judging`",
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

    type: Literal["mlflow"] = Field(description=_TYPE)
    class_path: ClassPath = Field(alias="class", description=_CLASS)
    model: Model | None = Field(default=None, description=_MODEL)
    # Third-party metrics ask for a list of all statements in an answer.
    inference_parameters: InferenceParameters = Field(
        default=InferenceParameters(max_tokens=4096), description=_PARAMETERS
    )
    arguments: dict[str, Any] = Field(default_factory=dict, description=_ARGUMENTS)

    @property
    def asks_judge(self) -> bool:
        """Whether it is a third-party metric, which calls a judge through our client."""
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
    """Choose the spec of an entry of type `mlflow`."""
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
