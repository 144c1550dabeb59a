"""Which inferences a scorer is for, and which are judged whatever its sample says."""

from __future__ import annotations

from typing import Annotated, Literal

from annotated_types import Len
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

MOST_PER_HOUR = 1000
"""Members of one DynamoDB set: an item holds 400 KB, a trace id has 35 characters."""

Text = Annotated[str, Field(min_length=1)]
_Kind = Literal["llm", "embedding", "rerank", "classifier", "other"]
_Status = Literal["ok", "error"]


def _as_list(value: object) -> object:
    """A text as a list of it: `ok` and `[ok]` mean the same."""
    return [value] if isinstance(value, str) else value


Texts = Annotated[
    list[Text],
    Field(min_length=1),
    BeforeValidator(_as_list, json_schema_input_type=Text | Annotated[list[Text], Len(1)]),
]
Kinds = Annotated[
    list[_Kind],
    Field(min_length=1),
    BeforeValidator(_as_list, json_schema_input_type=_Kind | Annotated[list[_Kind], Len(1)]),
]
Statuses = Annotated[
    list[_Status],
    Field(min_length=1),
    BeforeValidator(_as_list, json_schema_input_type=_Status | Annotated[list[_Status], Len(1)]),
]
Tokens = Annotated[list[Annotated[int, Field(ge=0)] | None], Field(min_length=2, max_length=2)]

_TOKENS = "[least, most], two whole numbers of which one may be null.\nTokens of the {}, as the \
endpoint reported them, else estimated."


class Strict(BaseModel):
    """A model that refuses unknown keys and values of another type."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class When(Strict):
    """Conditions on an inference, all of which must hold."""

    variant: Texts | None = Field(
        default=None,
        description="The name of a production variant, or a list of them.",
    )
    family: Texts | None = Field(
        default=None,
        description="The name of a payload family, or a list of them.\n"
        "docs/capture-formats.md lists the families, for example openai_chat.",
    )
    kind: Kinds | None = Field(
        default=None,
        description="One or more of llm, embedding, rerank, classifier, other.\n"
        "The kind of model; scorers are for llm unless they say otherwise.",
    )
    status: Statuses | None = Field(
        default=None,
        description="ok, error, or both as a list.\n"
        "Answers or failures of the endpoint; scorers are for ok unless they say otherwise.",
    )
    input_tokens: Tokens | None = Field(default=None, description=_TOKENS.format("request"))
    output_tokens: Tokens | None = Field(default=None, description=_TOKENS.format("answer"))
    finish_reason: Texts | None = Field(
        default=None,
        description="A finish reason as the endpoint reports it, e.g. length, or a list of them.\n"
        "It is enough that one of several answers has it.",
    )
    tool_calls: bool | None = Field(
        default=None,
        description="true, or false.\nAnswers that call tools, or answers that call none.",
    )
    tag: dict[str, Texts] | None = Field(
        default=None,
        description="A mapping of tags to a value or a list of them,"
        " e.g. {tenant: [acme, umbrella]}.\n"
        "Tags of the trace, and custom attributes that the caller sent.",
    )

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
    """Inferences that every scorer judges whatever its sample rate, unless that is 0."""

    when: When = Field(
        default=When(),
        description="A mapping with one or more of variant, family, kind, status, input_tokens,"
        " output_tokens, finish_reason, tool_calls, tag.\nWhich inferences the rule is for.",
    )
    sample_rate: float = Field(
        default=1.0,
        gt=0,
        le=1,
        description="A number above 0, at most 1.\n"
        "At least this share of the rule's inferences is judged.",
    )
    first_per_hour: int | None = Field(
        default=None,
        ge=1,
        le=MOST_PER_HOUR,
        description=f"A whole number from 1 to {MOST_PER_HOUR}.\n"
        "Only the first ones of each endpoint, variant and hour are judged.",
    )

    @model_validator(mode="after")
    def _says_which(self) -> AlwaysRule:
        if self.when == When() and self.first_per_hour is None:
            raise PydanticCustomError("not_usable", "a rule needs `when`, `first_per_hour` or both")
        return self
