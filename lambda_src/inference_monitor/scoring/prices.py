"""What a judge call costs, from a price table in a file."""

from __future__ import annotations

from datetime import date
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Self

import yaml
from pydantic import BaseModel, ConfigDict, Field

PRICES_FILE = Path(__file__).parents[2] / "prices.yaml"


class ModelPrice(BaseModel):
    """USD per million tokens of the models whose id matches `pattern`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    pattern: str
    input: float = Field(ge=0)
    output: float = Field(ge=0)


class PriceTable(BaseModel):
    """Prices by model, with the date and the source they are from."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    as_of: date
    source: str
    models: list[ModelPrice]

    @classmethod
    def load(cls, path: Path = PRICES_FILE) -> Self:
        """Read a price table.

        Raises:
            ValidationError: If the file is no price table.
        """
        return cls.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))

    def cost(self, model_id: str, input_tokens: int, output_tokens: int) -> float | None:
        """USD for a call; None when the table does not know the model."""
        for price in self.models:
            if fnmatchcase(model_id, price.pattern):
                return (input_tokens * price.input + output_tokens * price.output) / 1_000_000
        return None
