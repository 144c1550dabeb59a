"""Prices of a deployment's own, as its setting `JUDGE_PRICES` has them."""

from __future__ import annotations

import re

from pydantic import ValidationError

from inference_monitor.config.models import ModelFacts

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
