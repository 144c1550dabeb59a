"""How well two opinions about the same things agree, and how sure that is.

Pairs are (reference, judge): what people say, and what the judge says. A figure that is not defined
for the pairs at hand is None, with the reason. All intervals are 95 % intervals.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

Value = str | float
Pair = tuple[Value, Value]

_Z = 1.959963984540054
"""The 97.5th percentile of the normal distribution."""

NOTHING = "there is nothing to compare"
ONE_VALUE = "both gave everything the same value: chance alone would agree as well"
ONE_SIDED = "one of both gave everything the same value: that tells nothing apart"


@dataclass(frozen=True, slots=True)
class Figure:
    """A number between two bounds; with a `reason` where it, or its bounds, are not defined."""

    value: float | None
    low: float | None = None
    high: float | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Fails:
    """How well the judge finds what the reference fails.

    The four counts: failed by both, by the judge only, by the reference only, by neither.
    """

    both: int
    judge_only: int
    reference_only: int
    neither: int
    precision: Figure
    recall: Figure
    f1: Figure


def confusion(pairs: Sequence[Pair]) -> Counter[Pair]:
    """How often each pair of values occurs."""
    return Counter(pairs)


def exact_agreement(pairs: Sequence[Pair]) -> Figure:
    """The share of equal values, with Wilson's interval."""
    return _share(sum(a == b for a, b in pairs), len(pairs), NOTHING)


def failing(pairs: Sequence[Pair], fails: Callable[[Value], bool]) -> Fails:
    """Precision, recall and F1 of the failing class, the former two with Wilson's interval."""
    seen = Counter((fails(reference), fails(judge)) for reference, judge in pairs)
    both, judge_only, reference_only = seen[True, True], seen[False, True], seen[True, False]
    in_any = 2 * both + judge_only + reference_only
    return Fails(
        both,
        judge_only,
        reference_only,
        seen[False, False],
        _share(both, both + judge_only, "the judge failed nothing"),
        _share(both, both + reference_only, "the reference failed nothing"),
        Figure(2 * both / in_any) if in_any else Figure(None, reason="nothing was failed"),
    )


def kappa(pairs: Sequence[Pair]) -> Figure:
    """Cohen's kappa: agreement beyond chance, 1 for all of it, 0 for none of it.

    J. Cohen, "A coefficient of agreement for nominal scales", 1960; for the interval see
    `_weighted`.
    """
    return _weighted(pairs, lambda a, b: float(a == b))


def quadratic_kappa(pairs: Sequence[Pair], position: Callable[[Value], float]) -> Figure:
    """Cohen's weighted kappa for ordered values: a miss counts by the square of its distance.

    J. Cohen, "Weighted kappa", 1968. `position` is a value's place on the scale.
    """
    places = [position(value) for pair in pairs for value in pair]
    widest = max(places, default=0.0) - min(places, default=0.0)
    if not widest:
        return Figure(None, reason=ONE_VALUE if pairs else NOTHING)
    return _weighted(pairs, lambda a, b: 1 - ((position(a) - position(b)) / widest) ** 2)


def wilson(successes: int, total: int) -> tuple[float, float]:
    """The interval for a share: E. B. Wilson, "Probable inference …", 1927."""
    share, square = successes / total, _Z**2
    centre = (share + square / (2 * total)) / (1 + square / total)
    spread = share * (1 - share) / total + square / (4 * total**2)
    half = _Z * math.sqrt(spread) / (1 + square / total)
    return max(0.0, centre - half), min(1.0, centre + half)


def _share(successes: int, total: int, reason: str) -> Figure:
    if not total:
        return Figure(None, reason=reason)
    return Figure(successes / total, *wilson(successes, total))


def _weighted(pairs: Sequence[Pair], weight: Callable[[Value, Value], float]) -> Figure:
    """Kappa for weights of agreement between 0 and 1.

    The interval is that of large samples, from the variance of J. L. Fleiss, J. Cohen and
    B. S. Everitt, "Large sample standard errors of kappa and weighted kappa", 1969. Where all agree
    that variance is 0 however few they are; then the lower end is what kappa would be if the
    agreement were at the lower end of its Wilson interval.
    """
    total = len(pairs)
    if not total:
        return Figure(None, reason=NOTHING)
    cells = {cell: count / total for cell, count in confusion(pairs).items()}
    rows, columns = _margins(cells)
    # The weight that a value of one side has on average against what the other side said.
    row_weight = {a: sum(p * weight(a, b) for b, p in columns.items()) for a in rows}
    column_weight = {b: sum(p * weight(a, b) for a, p in rows.items()) for b in columns}
    observed = sum(p * weight(a, b) for (a, b), p in cells.items())
    expected = sum(p * row_weight[a] for a, p in rows.items())
    if math.isclose(expected, 1.0):
        return Figure(None, reason=ONE_VALUE)
    if 1 in (len(rows), len(columns)):
        return Figure(0.0, reason=ONE_SIDED)
    found = (observed - expected) / (1 - expected)
    if all(a == b for a, b in pairs):
        lowest, _ = wilson(total, total)
        return Figure(1.0, (lowest - expected) / (1 - expected), 1.0)
    spread = sum(
        p * (weight(a, b) - (row_weight[a] + column_weight[b]) * (1 - found)) ** 2
        for (a, b), p in cells.items()
    )
    variance = (spread - (found - expected * (1 - found)) ** 2) / (total * (1 - expected) ** 2)
    half = _Z * math.sqrt(max(0.0, variance))
    return Figure(found, max(-1.0, found - half), min(1.0, found + half))


def _margins(cells: dict[Pair, float]) -> tuple[dict[Value, float], dict[Value, float]]:
    rows: dict[Value, float] = {}
    columns: dict[Value, float] = {}
    for (reference, judge), share in cells.items():
        rows[reference] = rows.get(reference, 0.0) + share
        columns[judge] = columns.get(judge, 0.0) + share
    return rows, columns
