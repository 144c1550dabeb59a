"""The values a scorer may give: which mean the same, which fail, and how far apart they are.

People and judges write the same verdict differently: MLflow's UI offers `true`, a judge of MLflow's
says `yes`. Here both become `yes`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from inference_monitor.config.specs import JudgedSpec, JudgeSpec, ScorerSpec
from inference_monitor_cli.agreement.statistics import Value

_YES, _NO = "yes", "no"
_SPELLINGS = {"yes": _YES, "true": _YES, "pass": _YES, "no": _NO, "false": _NO, "fail": _NO}


@dataclass(frozen=True, slots=True)
class Scale:
    """Values best first, or the bounds of numbers.

    `graded` is False where the order is not known, and so no value is known to fail.
    """

    values: tuple[str, ...] = (_YES, _NO)
    bounds: tuple[float, float] | None = None
    graded: bool = True

    @property
    def ordered(self) -> bool:
        """Whether one miss can be worse than another."""
        return self.bounds is not None or (self.graded and len(self.values) > 2)

    def read(self, value: Any) -> Value | None:
        """The value as this scale writes it; None when it is not on it."""
        if self.bounds is not None:
            return _number(value, self.bounds)
        if isinstance(value, bool):
            value = _YES if value else _NO
        if not isinstance(value, str):
            return None
        written = value.strip().casefold()
        if self.values == (_YES, _NO):
            return _SPELLINGS.get(written)
        return next((known for known in self.values if known.casefold() == written), None)

    def fails(self, value: Value) -> bool:
        """Whether a value is a bad one: any category but the best, a number below the middle."""
        if not self.graded:
            return False
        if self.bounds is not None:
            return float(value) < sum(self.bounds) / 2
        return value != self.values[0]

    def position(self, value: Value) -> float:
        """Where a value stands: the number itself, or the place of the category."""
        return float(value) if self.bounds is not None else self.values.index(str(value))


def scale_of(spec: ScorerSpec) -> Scale | None:
    """The scale of an entry of `scorers.yaml`; None when it does not say one."""
    match spec:
        case JudgeSpec(output="number", range=[low, high]):
            return Scale((), (low, high))
        case JudgedSpec():
            return Scale(spec.labels) if spec.labels else Scale()
    return None


def scale_seen_in(values: Iterable[Any]) -> Scale:
    """A scale for a scorer of which nothing but its values is known."""
    seen = list(values)
    if seen and all(Scale().read(value) is not None for value in seen):
        return Scale()
    numbers = [_number(value, (-math.inf, math.inf)) for value in seen]
    known = [number for number in numbers if number is not None]
    if known and len(known) == len(seen):
        return Scale((), (min(known), max(known)), graded=False)
    return Scale(tuple(sorted({v for v in seen if isinstance(v, str)})), graded=False)


def _number(value: Any, bounds: tuple[float, float]) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except ValueError:
        return None
    return number if bounds[0] <= number <= bounds[1] else None  # NaN is within no bounds
