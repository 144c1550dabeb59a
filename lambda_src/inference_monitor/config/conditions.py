"""Which inferences a scorer is for, and which are judged whatever its sample says."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

MOST_PER_HOUR = 1000
"""Members of one DynamoDB set: an item holds 400 KB, a trace id has 35 characters."""

# `ok` and `[ok]` mean the same.
_AS_LIST = BeforeValidator(lambda value: [value] if isinstance(value, str) else value)

Texts = Annotated[list[Annotated[str, Field(min_length=1)]], _AS_LIST, Field(min_length=1)]
Kinds = Annotated[
    list[Literal["llm", "embedding", "rerank", "classifier", "other"]],
    _AS_LIST,
    Field(min_length=1),
]
Statuses = Annotated[list[Literal["ok", "error"]], _AS_LIST, Field(min_length=1)]
Tokens = Annotated[list[Annotated[int, Field(ge=0)] | None], Field(min_length=2, max_length=2)]


class Strict(BaseModel):
    """No key that is not known, no value that only looks right."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class When(Strict):
    """Which inferences; every condition that is given must hold.

    `input_tokens` and `output_tokens` are [least, most], null for no limit: as the endpoint
    reported them, else estimated. `finish_reason` and `tool_calls` hold when they do for one of
    several answers. `tag` asks for tags of the trace and for what the caller sent as
    custom attributes, by name.
    """

    variant: Texts | None = None
    family: Texts | None = None
    kind: Kinds | None = None
    status: Statuses | None = None
    input_tokens: Tokens | None = None
    output_tokens: Tokens | None = None
    finish_reason: Texts | None = None
    tool_calls: bool | None = None
    tag: dict[str, Texts] | None = None

    @model_validator(mode="after")
    def _ranges_are_in_order(self) -> When:
        for name in ("input_tokens", "output_tokens"):
            least, most = getattr(self, name) or (None, None)
            if least is not None and most is not None and least > most:
                raise PydanticCustomError(
                    "not_usable", "`{name}` must be [least, most]", {"name": name}
                )
        return self


class AlwaysRule(Strict):
    """Inferences of which at least the share `sample_rate` is judged, by every scorer.

    With `first_per_hour` only so many of each endpoint, variant and hour, whichever come first. A
    scorer whose own rate is 0 stays off.
    """

    when: When = When()
    sample_rate: float = Field(default=1.0, gt=0, le=1)
    first_per_hour: int | None = Field(default=None, ge=1, le=MOST_PER_HOUR)

    @model_validator(mode="after")
    def _says_which(self) -> AlwaysRule:
        if self.when == When() and self.first_per_hour is None:
            raise PydanticCustomError("not_usable", "a rule needs `when`, `first_per_hour` or both")
        return self
