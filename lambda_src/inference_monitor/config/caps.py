"""What judging may cost: the settings' words for it, and how much of a day's cap is free by when.

Imported at synth time, where neither MLflow nor boto3 is installed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Self

from pydantic import BeforeValidator

DEFAULT_USD_PER_DAY = 10
NO_CAP = "none"

NANO = 1_000_000_000
"""Amounts are whole nano-dollars, because sums of floats drift; a token costs some 35 at least."""

ALWAYS_CALLS = 10
"""Calls that a day's cap has room for at any hour, if the whole of it has."""

_HOURS = 24


def parse_cap(value: object) -> float | None:
    """A cap in USD from a setting; None for `none`, no cap.

    Raises:
        ValueError: If it is neither an amount above 0 nor `none`.
    """
    if value is None or str(value).strip().lower() == NO_CAP:
        return None
    try:
        usd = float(str(value))
    except ValueError:
        usd = math.nan
    if not 0 < usd < math.inf:
        raise ValueError(
            f"{str(value)!r} is neither an amount of USD above 0 nor `{NO_CAP}` for no cap"
        )
    return usd


Cap = Annotated[float | None, BeforeValidator(parse_cap)]
"""The type of a setting that `parse_cap` reads."""


@dataclass(frozen=True, slots=True)
class Caps:
    """USD that may be spent on one endpoint, in a UTC day of spending and in a run; None: any."""

    per_day: float | None = None
    per_run: float | None = None

    @classmethod
    def of(cls, settings: Mapping[str, str]) -> Self:
        """Those of valid deploy settings, by their names; the defaults for what is not there."""
        return cls(
            parse_cap(settings.get("JUDGE_BUDGET_USD_PER_DAY") or DEFAULT_USD_PER_DAY),
            parse_cap(settings.get("JUDGE_BUDGET_USD_PER_RUN") or NO_CAP),
        )

    def __str__(self) -> str:
        """What is in force, for people."""
        day = self.per_day and f"{self.per_day:g} USD a day, released hour by hour (UTC)"
        run = self.per_run and f"{self.per_run:g} USD a run"
        both = [cap for cap in (day, run) if cap]
        return "at most " + ", and at most ".join(both) if both else "no cap"


def nano(usd: float) -> int:
    """Nano-dollars, rounded up but for the last digits of a float: 0.1 USD is 100,000,000."""
    return math.ceil(round(usd * NANO, 3))


def released(cap: int, call: int, now: datetime) -> int:
    """How much of a day's cap may be spent in all, up to the end of the hour.

    An hour adds a 24th, so that the evening is judged like the morning; what an hour leaves over
    stays for the later ones. A small cap has room for a few calls at any hour: it would else be
    closed for hours, however little there is to be judged.

    Args:
        cap: The cap of the day, nano-dollars.
        call: The expected price of the call that asks, nano-dollars.
        now: The time in UTC.
    """
    return max(cap * (now.hour + 1) // _HOURS, min(cap, ALWAYS_CALLS * call))


def next_release(now: datetime) -> datetime:
    """When the next part of a day's cap is released."""
    return now.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
