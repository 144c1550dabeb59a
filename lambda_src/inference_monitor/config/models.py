"""Judge models: `models.yaml`, names of models, and prices of a deployment."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum
from fnmatch import fnmatchcase
from functools import cache, lru_cache
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from inference_monitor.config.yaml_file import ConfigFile, data_file
from inference_monitor.errors import MonitorError

SCHEME = "bedrock:/"
# The first parts of ids of cross-Region inference profiles. Source: "Supported Regions and models
# for inference profiles" in the Bedrock user guide.
GEOGRAPHIES = frozenset({"us", "eu", "apac", "jp", "au", "ca", "us-gov", "global"})
ARN = re.compile(
    r"arn:aws[a-z-]*:bedrock:[a-z0-9-]+:(\d{12})?:"
    r"(?P<kind>foundation-model|inference-profile|application-inference-profile|provisioned-model"
    r"|custom-model|custom-model-deployment|imported-model)/(?P<id>[A-Za-z0-9][A-Za-z0-9.:/-]*)"
)

_MODEL_ID = re.compile(r"[a-z0-9-]{1,63}(\.[a-z0-9-]{1,63}){1,3}(:[a-z0-9-]{1,63}){0,2}")


def without_geography(model: str) -> str:
    """The model behind an inference profile's id; any other id as it is."""
    geography, _, rest = model.partition(".")
    return rest if geography in GEOGRAPHIES else model


def model_of(uri: str) -> str:
    """The id or ARN in a `bedrock:/…` name.

    Raises:
        ValueError: If it is none of these; the message says what is expected.
    """
    model = uri.removeprefix(SCHEME)
    if model == uri or not (_MODEL_ID.fullmatch(model) or ARN.fullmatch(model)):
        raise ValueError(
            f"{uri!r} is not bedrock:/ and a model id, an inference profile id or an ARN of one"
        )
    return model


MODELS_FILE = data_file("models.yaml")
DEFAULT_JUDGE = "bedrock:/global.anthropic.claude-sonnet-4-6"

Way = Literal["json_schema", "forced_tool", "any_tool", "offered_tool", "words"]
"""How a model can be made to answer with a verdict, best first."""
Refusable = Literal["temperature", "top_p", "temperature_with_top_p", "stop_sequences", "system"]

Comparable = Literal["end_of_life", "input", "output", "cache_read", "cache_write"]
"""Facts that MLflow's catalog has, too."""
Factor = Annotated[float, Field(gt=0, allow_inf_nan=False)]

_MILLION = 1_000_000
_DAY = "A date, e.g. 2026-11-24."
_NUMBER = "A number of USD per million tokens."
_TRUTH = "true or false."


class InvalidModelsError(MonitorError):
    """`models.yaml` cannot be used; one line for each problem, with the file's line number."""


class ModelState(StrEnum):
    """Where a model is in Bedrock's model lifecycle."""

    ACTIVE = "active"
    LEGACY = "legacy"
    ENDED = "ended"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Price:
    """USD per million tokens of one model."""

    input: float
    output: float
    cache_read: float
    cache_write: float

    def usd(
        self, input_tokens: int, output_tokens: int, cache_read: int = 0, cache_write: int = 0
    ) -> float:
        """USD for a call; as in Converse's `usage`, `input_tokens` are those outside the cache."""
        tokens = (input_tokens, output_tokens, cache_read, cache_write)
        prices = (self.input, self.output, self.cache_read, self.cache_write)
        return sum(n * price for n, price in zip(tokens, prices, strict=True)) / _MILLION


class ModelFacts(BaseModel):
    """Facts about the models whose id matches `pattern`; None always means "not known"."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    pattern: str = Field(
        min_length=1,
        description='A model id, with * for anything, e.g. "amazon.nova-lite-*".\nCompared with the'
        " id, with the last part of an ARN, and with that without its geography (us., global., …).",
    )
    suggested: str | None = Field(
        default=None,
        description="The id of a model.\nSuggested instead of a model that has reached its end.",
    )
    legacy: date | None = Field(
        default=None,
        description=f"{_DAY}\nThe first day in Bedrock's state Legacy.",
    )
    end_of_life: date | None = Field(
        default=None, description=f"{_DAY}\nThe first day on which requests fail."
    )
    source: str | None = Field(
        default=None,
        description="Where the facts are from, as text.\nNeeded for facts that the file's source"
        " does not have.",
    )
    differs: dict[Comparable, str] = Field(
        default={},
        description="Reasons as text by fact, e.g. {end_of_life: one report says so}.\nWhy facts"
        " differ from the file's source on purpose.",
    )
    ways: list[Way] | None = Field(
        default=None,
        min_length=1,
        description="A list of json_schema, forced_tool, any_tool, offered_tool and words.\nHow the"
        " model can be made to answer with a verdict, best first.",
    )
    refuses: list[Refusable] = Field(
        default=[],
        description="A list of temperature, top_p, temperature_with_top_p, stop_sequences and"
        " system.\nParameters that the model answers with an error.",
    )
    thinks: Literal["never", "optional", "always"] | None = Field(
        default=None,
        description="never, optional or always.\nWhether the model reasons before it answers:"
        " never, when requested, or always.",
    )
    takes_effort: bool = Field(
        default=False,
        description=f"{_TRUTH}\nWhether Converse's `effort` can limit the reasoning.",
    )
    least_cached: int | None = Field(
        default=None,
        gt=0,
        description="A number of tokens.\nThe shortest prefix that the prompt cache keeps. Left"
        " out, nothing is cached: a model without a cache refuses cache points.",
    )
    caches_tools: bool = Field(
        default=True,
        description=f"{_TRUTH}\nWhether tools are part of that prefix, or the system prompt alone.",
    )
    output_weight: int = Field(
        default=1,
        ge=1,
        description="A whole number from 1 on.\nTokens of the quota per minute that one output"
        " token uses.",
    )
    input: float | None = Field(
        default=None, ge=0, allow_inf_nan=False, description=f"{_NUMBER}\nFor the prompt."
    )
    output: float | None = Field(
        default=None,
        ge=0,
        allow_inf_nan=False,
        description=f"{_NUMBER}\nFor the answer, reasoning included.",
    )
    cache_read: float | None = Field(
        default=None,
        ge=0,
        allow_inf_nan=False,
        description=f"{_NUMBER}\nFor reading the prompt cache; left out, 0.1 times `input`.",
    )
    cache_write: float | None = Field(
        default=None,
        ge=0,
        allow_inf_nan=False,
        description=f"{_NUMBER}\nFor writing to the prompt cache; left out, 1.25 times `input`.",
    )
    regional: Factor = Field(
        default=1,
        description="A factor above 0.\nFor the prices of inference profiles of one geography.",
    )
    geographies: dict[str, Factor] = Field(
        default={},
        description="Factors above 0 by geography, e.g. {us-gov: 1.2}.\nInstead of `regional`.",
    )

    @model_validator(mode="after")
    def _has_a_whole_price(self) -> Self:
        if (self.input is None) != (self.output is None):
            raise PydanticCustomError("not_usable", "`input` and `output` go together")
        return self

    def matches(self, model_id: str) -> bool:
        """Whether this row is about a model, by its id or ARN."""
        return _geography_of(self.pattern, model_id) is not None

    def price(self, model_id: str) -> Price | None:
        """The price of a model; None if this is about others, or the price is not known."""
        geography = _geography_of(self.pattern, model_id)
        if geography is None or self.input is None or self.output is None:
            return None
        usual = 1 if geography in ("", "global") else self.regional
        factor = self.geographies.get(geography, usual)
        # What Anthropic's models ask for, and most others with a cache.
        read = 0.1 * self.input if self.cache_read is None else self.cache_read
        write = 1.25 * self.input if self.cache_write is None else self.cache_write
        return Price(*(factor * price for price in (self.input, self.output, read, write)))

    def state(self, today: date) -> ModelState:
        """The state on a day. Without `legacy`, an announced end says that it is Legacy already."""
        if self.end_of_life and self.end_of_life <= today:
            return ModelState.ENDED
        announced = self.legacy <= today if self.legacy else self.end_of_life is not None
        return ModelState.LEGACY if announced else ModelState.ACTIVE


@lru_cache(4096)  # An estimate looks the same few models up for each of its calls.
def _geography_of(pattern: str, model_id: str) -> str | None:
    """The geography that is left out of an id for a pattern to match, "" if none; else None."""
    name = model_id.rpartition("/")[2]
    if any(fnmatchcase(text, pattern) for text in (model_id, name)):
        return ""
    geography, _, rest = name.partition(".")
    return geography if geography in GEOGRAPHIES and fnmatchcase(rest, pattern) else None


class ModelTable(BaseModel):
    """Facts by model, with their date and source; the first match counts."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    as_of: date = Field(description=f"{_DAY}\nWhen the source was read.")
    source: str = Field(description="Where the facts are from, as text.")
    batch: float = Field(
        default=0.5,
        gt=0,
        le=1,
        description="A factor above 0, at most 1.\nFor the prices of batch inference.",
    )
    left_out: list[str] = Field(
        default=[],
        description="A list of patterns of ids.\nModels of the source that cannot be judges.",
    )
    models: list[ModelFacts] = Field(description="A list of models.")
    own_prices: tuple[ModelFacts, ...] = Field(
        default=(), description="Left out.\nPrices of a deployment, which take precedence."
    )

    @staticmethod
    def load(path: Path = MODELS_FILE) -> ModelTable:
        """Read a table.

        Raises:
            InvalidModelsError: If the file is no table of models.
        """
        return _FILE.read(path)

    def with_own(self, prices: Iterable[ModelFacts]) -> Self:
        """The table with prices of one's own, which go before those it has."""
        return self.model_copy(update={"own_prices": (*prices, *self.own_prices)})

    def price(self, model_id: str) -> Price | None:
        """The price of a model by its id or ARN; None when the table does not know it."""
        rows = (*self.own_prices, *self.models)
        return next((found for row in rows if (found := row.price(model_id))), None)

    def cost(
        self,
        model_id: str,
        input_tokens: int,
        output_tokens: int,
        *,
        cache_read: int = 0,
        cache_write: int = 0,
        batch: bool = False,
    ) -> float | None:
        """USD for a call; None when the table does not know the model's price."""
        if (price := self.price(model_id)) is None:
            return None
        usd = price.usd(input_tokens, output_tokens, cache_read, cache_write)
        return usd * self.batch if batch else usd

    def facts(self, model_id: str) -> ModelFacts | None:
        """What is known of a model by its id or ARN; None for others, and for opaque ARNs."""
        return next((row for row in self.models if row.matches(model_id)), None)

    def state(self, model_id: str, today: date) -> ModelState:
        """The state of a model on a day."""
        facts = self.facts(model_id)
        return facts.state(today) if facts else ModelState.UNKNOWN

    def living(self, today: date) -> list[str]:
        """A few active models to use instead of another, as `bedrock:/…`."""
        return [
            SCHEME + row.suggested
            for row in self.models
            if row.suggested and row.state(today) is ModelState.ACTIVE
        ]

    def assumed_price(self, today: date | None = None) -> Price:
        """The price that is assumed of a model without one: that of the dearest active model.

        Raises:
            ValueError: If the table has no price of an active model.
        """
        day = today or datetime.now(UTC).date()
        active = (row for row in self.models if row.state(day) is ModelState.ACTIVE)
        # A row matches its own pattern, and without a geography, so the plain price is compared.
        prices = [price for row in active if (price := row.price(row.pattern))]
        return max(prices, key=lambda price: (price.output, price.input, price.cache_read))


@cache
def model_table() -> ModelTable:
    """The table of `models.yaml`, read once in a process.

    Raises:
        InvalidModelsError: If the file is no table of models.
    """
    return ModelTable.load()


_FILE = ConfigFile(ModelTable, InvalidModelsError)


# A pattern may be an ARN, with slashes and colons.
_PRICE = re.compile(r"(?P<pattern>[^\s=;]+)\s*=\s*(?P<input>[^\s/]+)\s*/\s*(?P<output>[^\s/]+)")

EXAMPLE = "*my-profile*=3/15, *nova-lite*=0.06/0.24"


def parse_prices(text: str) -> list[ModelFacts]:
    """Read `pattern=input/output`, in USD per million tokens, with commas between.

    Raises:
        ValueError: If a part of it is anything else; says which.
    """
    return [_parse(part.strip()) for part in text.split(",") if part.strip()]


def _parse(part: str) -> ModelFacts:
    if found := _PRICE.fullmatch(part):
        try:
            return ModelFacts.model_validate(found.groupdict())
        except ValidationError:
            pass
    raise ValueError(f"{part!r} is not PATTERN=INPUT/OUTPUT, in USD per million tokens")
