"""The models that the stand-in stands for: the rows of `models.yaml`, found by an id or an ARN."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, model_validator

from local.judge.asked import Feature

MODELS_FILE = Path(__file__).with_name("models.yaml")

Spelling = Literal["capital", "dotted", "boolean", "number_as_text", "extra_field", "input_as_text"]
Offered = Literal["call", "json", "fenced", "call_as_json", "call_in_tags"]

_GEOGRAPHY = re.compile(r"(?:global|us-gov|us|eu|apac|jp|au|ca)\.(?=.+\.)")
_ARN = re.compile(r"arn:aws[a-z-]*:bedrock:[a-z0-9-]+:(?:\d{12})?:(?P<resource>(?P<kind>.+?)/.+)")


class _Row(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Refusal(_Row):
    """A part of requests that some models refuse, and their words for it."""

    when: Feature
    says: str


class State(_Row):
    """A refusal that is about the model, not the request; `{id}` in it is what was called."""

    status: int
    error: str
    says: str


class Model(_Row):
    """One model; `models.yaml` says what the fields mean."""

    id: str
    ended: Literal["end_of_life", "invalid_id"] | None = None
    reached: Literal["direct", "profile", "both"] = "both"
    refuses: tuple[str, ...] = ()
    output: int = 64_000
    input: int = 200_000
    thinks: Literal["always", "by_default", "when_asked"] | None = None
    thoughts: tuple[int, int] = (0, 0)
    offered: Offered = "call"
    words: Literal["json", "fenced"] = "json"
    spells: Spelling | None = None


class Models(_Row):
    """The file."""

    states: dict[str, State]
    refusals: dict[str, Refusal]
    models: tuple[Model, ...]
    stands_for: dict[str, str]

    @model_validator(mode="after")
    def _names_are_known(self) -> Self:
        unknown = {name for row in self.models for name in row.refuses} - set(self.refusals)
        if unknown:
            raise ValueError(f"models refuse what has no words: {sorted(unknown)}")
        return self

    @property
    def living(self) -> list[Model]:
        """The models that are not at their end, the made-up ones too."""
        return [row for row in self.models if not row.ended]

    def named(self, base_id: str) -> Model | None:
        """The model with an id that has no geography before it."""
        return next((row for row in self.models if row.id == base_id), None)


@cache
def load_models() -> Models:
    """Read `models.yaml`."""
    rows = yaml.safe_load(MODELS_FILE.read_text())
    return Models.model_validate({name: rows[name] for name in Models.model_fields})


class NotReachedError(Exception):
    """An id that Bedrock does not take; the reason is `invalid_id` or `on_demand`."""

    def __init__(self, reason: Literal["invalid_id", "on_demand"]) -> None:
        super().__init__(reason)
        self.reason = reason


def find_model(model_id: str, stands_for: Mapping[str, str]) -> Model:
    """The model behind an id of a model or inference profile, or behind an ARN.

    Args:
        model_id: As it stands in the request's path.
        stands_for: Models behind the ends of ARNs, in addition to those of the file.

    Raises:
        NotReachedError: If there is none, or none that can be called by this kind of id.
    """
    models = load_models()
    arn = _ARN.fullmatch(model_id)
    if arn and arn["kind"] not in ("foundation-model", "inference-profile"):
        row = models.named((models.stands_for | dict(stands_for)).get(arn["resource"], ""))
        if row is None:
            raise NotReachedError("invalid_id")
        return row
    name = arn["resource"].partition("/")[2] if arn else model_id
    base_id = _GEOGRAPHY.sub("", name, count=1)
    row = models.named(base_id)
    by_profile = base_id != name
    if row is None or (by_profile and row.reached == "direct"):
        raise NotReachedError("invalid_id")
    if not by_profile and row.reached == "profile":
        raise NotReachedError("on_demand")
    return row


def callable_id(model: Model) -> str:
    """An id by which a model can be called."""
    geography = "us." if model.id.startswith(("meta.", "deepseek.")) else "global."
    return model.id if model.reached in ("direct", "both") else f"{geography}{model.id}"
