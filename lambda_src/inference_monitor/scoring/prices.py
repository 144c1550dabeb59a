"""What a judge call costs, from a price table in a file and the prices a deployment sets itself.

Imported at synth time, where neither MLflow nor boto3 is installed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, Field

from inference_monitor.config_file import ConfigFile
from inference_monitor.errors import MonitorError

PRICES_FILE = Path(__file__).parents[2] / "prices.yaml"
# Geographies of inference profiles whose price is that of the model, times `regional`.
_GEOGRAPHY = re.compile(r"(global|us|eu|apac|jp|au)\.(?=\w+\.)")
_MILLION = 1_000_000


class InvalidPricesError(MonitorError):
    """`prices.yaml` cannot be used; one line for each problem, with the file's line number."""


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


class ModelPrice(BaseModel):
    """USD per million tokens of the models whose id matches `pattern`.

    `regional` is the factor for inference profiles of one geography (`us.`, `eu.`, …).
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    pattern: str = Field(min_length=1)
    input: float = Field(ge=0, allow_inf_nan=False)
    output: float = Field(ge=0, allow_inf_nan=False)
    cache_read: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    cache_write: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    regional: float = Field(default=1, gt=0, allow_inf_nan=False)

    def of(self, model_id: str) -> Price | None:
        """The price of a model, None if this is about others.

        The pattern is held against the id, against the last part of an ARN, and against that
        without its geography.
        """
        name = model_id.rpartition("/")[2]
        if any(fnmatchcase(text, self.pattern) for text in (model_id, name)):
            return self._times(1)
        geography = _GEOGRAPHY.match(name)
        if geography and fnmatchcase(name[geography.end() :], self.pattern):
            return self._times(1 if geography[1] == "global" else self.regional)
        return None

    def _times(self, factor: float) -> Price:
        # What Anthropic's models ask for, and most others with a cache.
        read = 0.1 * self.input if self.cache_read is None else self.cache_read
        write = 1.25 * self.input if self.cache_write is None else self.cache_write
        return Price(*(factor * price for price in (self.input, self.output, read, write)))


class PriceTable(BaseModel):
    """Prices by model, with the date and the source they are from; the first match counts.

    `batch` is the factor for batch inference.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    as_of: date
    source: str
    batch: float = Field(default=0.5, gt=0, le=1)
    models: list[ModelPrice]

    @staticmethod
    def load(path: Path = PRICES_FILE) -> PriceTable:
        """Read a price table.

        Raises:
            InvalidPricesError: If the file is no price table.
        """
        return _FILE.read(path)

    def with_own(self, prices: Iterable[ModelPrice]) -> Self:
        """The table with prices of one's own, which go before those it has."""
        return self.model_copy(update={"models": [*prices, *self.models]})

    def price(self, model_id: str) -> Price | None:
        """The price of a model by its id or ARN; None when the table does not know it."""
        return next((found for row in self.models if (found := row.of(model_id))), None)

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
        """USD for a call; None when the table does not know the model."""
        if (price := self.price(model_id)) is None:
            return None
        usd = price.usd(input_tokens, output_tokens, cache_read, cache_write)
        return usd * self.batch if batch else usd


_NUMBER = "a number of USD per million tokens"
_FILE = ConfigFile(
    PriceTable,
    InvalidPricesError,
    {
        "": "a mapping with `as_of`, `source` and `models`",
        "as_of": "a date, e.g. 2026-11-24",
        "batch": "a factor above 0, at most 1",
        "cache_read": _NUMBER,
        "cache_write": _NUMBER,
        "input": _NUMBER,
        "models": "a list of prices",
        "output": _NUMBER,
        "pattern": 'a model id, with * for anything, e.g. "amazon.nova-lite-*"',
        "regional": "a factor above 0",
        "source": "where the prices are from, as text",
    },
    {},
)
