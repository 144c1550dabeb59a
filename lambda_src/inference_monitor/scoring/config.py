"""The schema of `scorers.yaml`: what is scored, how often, and by which judge.

Imported at synth time, where neither MLflow nor boto3 is installed.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from inference_monitor.config_file import ConfigFile
from inference_monitor.scoring.config_checks import find_problems
from inference_monitor.scoring.config_file import (
    RIGHT,
    SENTENCES,
    InvalidScorersError,
    location_in_file,
    scorer_of,
)

__all__ = ["InvalidScorersError", "ScorersConfig", "bedrock_model_id", "load_scorers"]

PLACEHOLDER = re.compile(r"\{\{\s*([\w.]+)\s*\}\}")

# `ok` and `[ok]` mean the same.
_AS_LIST = BeforeValidator(lambda value: [value] if isinstance(value, str) else value)
# `2` and `"2"` mean the same; 1.10 would silently become 1.1, so that stays an error.
_AS_VERSION = BeforeValidator(lambda value: str(value) if type(value) is int else value)

Texts = Annotated[list[Annotated[str, Field(min_length=1)]], _AS_LIST, Field(min_length=1)]
Model = Annotated[str, Field(pattern=r"^bedrock:/[^/\s].*$")]

Kinds = Annotated[
    list[Literal["llm", "embedding", "rerank", "classifier", "other"]],
    _AS_LIST,
    Field(min_length=1),
]
Statuses = Annotated[list[Literal["ok", "error"]], _AS_LIST, Field(min_length=1)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class InferenceParameters(_Strict):
    """What is sent to the judge; `temperature: null` leaves it out, for models that refuse it."""

    temperature: float | None = Field(default=0.0, ge=0, le=1)
    max_tokens: int = Field(default=1024, ge=64)


class When(_Strict):
    """Which inferences a scorer is for; every condition that is given must hold."""

    variant: Texts | None = None
    family: Texts | None = None
    kind: Kinds = ["llm"]
    status: Statuses | None = None


class ScorerSpec(_Strict):
    """What every scorer has."""

    name: str = Field(pattern=r"^[A-Za-z_][A-Za-z0-9_.-]*$", max_length=250)
    sample_rate: float = Field(default=1.0, ge=0, le=1)
    version: Annotated[str, _AS_VERSION, Field(min_length=1, max_length=50)] = "1"
    when: When = When()

    @property
    def statuses(self) -> list[str]:
        """Which outcomes of the endpoint the scorer is for: answers (`ok`) unless it says else."""
        return [*(self.when.status or ["ok"])]


class JudgedSpec(ScorerSpec):
    """What every scorer has that asks a judge."""

    model: Model | None = None
    inference_parameters: InferenceParameters = InferenceParameters()

    @field_validator("when")
    @classmethod
    def _answers_only(cls, when: When) -> When:
        if when.kind != ["llm"] or when.status not in (None, ["ok"]):
            raise PydanticCustomError(
                "not_usable",
                "a judge is asked about answers of LLMs only; leave out `kind` and `status`",
            )
        return when


class BuiltinSpec(JudgedSpec):
    """One of MLflow's judges, with MLflow's instructions."""

    type: Literal["safety", "relevance_to_query", "fluency"]


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
    def statuses(self) -> list[str]:
        """Failures have tokens too, so it counts both unless it says else."""
        return [*(self.when.status or ["ok", "error"])]


class CodeSpec(ScorerSpec):
    """A Python function or an MLflow scorer of the user's own."""

    type: Literal["code"]
    function: str = Field(pattern=r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$")


class MlflowSpec(ScorerSpec):
    """A scorer class that MLflow ships, its third-party ones included."""

    type: Literal["mlflow"]
    class_path: str = Field(alias="class", pattern=r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)+$")
    model: Model | None = None
    arguments: dict[str, Any] = {}


AnySpec = Annotated[
    BuiltinSpec | GuidelinesSpec | JudgeSpec | TokenCountSpec | CodeSpec | MlflowSpec,
    Field(discriminator="type"),
]


class ScorersConfig(_Strict):
    """A valid `scorers.yaml`."""

    scorers: list[AnySpec]
    max_characters: int = Field(default=40_000, ge=1_000)

    def models(self, default: str) -> set[str]:
        """Every judge model that may be called, as `bedrock:/…`; `default` where none is named."""
        judged = {s.model or default for s in self.scorers if isinstance(s, JudgedSpec)}
        return judged | {s.model for s in self.scorers if isinstance(s, MlflowSpec) and s.model}


_FILE = ConfigFile(
    ScorersConfig,
    InvalidScorersError,
    RIGHT,
    SENTENCES,
    check=find_problems,
    locate=location_in_file,
    part=scorer_of,
)


def load_scorers(path: Path) -> ScorersConfig:
    """Read `scorers.yaml`.

    Raises:
        InvalidScorersError: If anything in it is wrong; its text has one line per problem.
    """
    return _FILE.read(path)


def bedrock_model_id(model: str) -> str:
    """The id or ARN that Bedrock's API takes, of a `bedrock:/…` name."""
    return model.removeprefix("bedrock:/")
