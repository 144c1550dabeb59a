"""Compare two sides metric by metric, in pairs where both have answered the same requests."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np

from inference_monitor.config.scorers import ScorersConfig
from inference_monitor.config.specs import JudgedSpec, JudgeSpec
from inference_monitor_cli.compare import captured, statistics
from inference_monitor_cli.compare.observations import Observation, Value
from inference_monitor_cli.compare.statistics import ALPHA, Difference

LEAST_RECORDS = 10
"""Fewer records on a side are not compared: their interval would say nothing."""
SHARE_EFFECT = 0.05
"""The smallest difference of two shares that a comparison is planned to find, by default."""
MEAN_EFFECT = 0.1
"""The same for numbers, as a part of A's mean; of the range where the scorer has one."""

_LOWER_IS_BETTER = frozenset({captured.ERROR, captured.EMPTY_ANSWER})
_NEITHER_IS_BETTER = frozenset(
    {captured.INPUT_TOKENS, captured.OUTPUT_TOKENS, captured.OUTPUT_CHARACTERS}
)
# From this part of the smaller side on, inferences with the same id are taken for pairs.
_MOSTLY = 0.5


class Verdict(StrEnum):
    """What a comparison says about one metric."""

    BETTER = "B is better"
    WORSE = "B is worse"
    HIGHER = "B is higher"
    LOWER = "B is lower"
    DIFFERENT = "they differ"
    SAME = "no relevant difference"
    UNDECIDED = "undecided"
    TOO_FEW = "too few records"


class Kind(StrEnum):
    """What the values of a metric are."""

    SHARE = "share"
    MEAN = "mean"
    CATEGORIES = "categories"


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One metric of a comparison.

    `a` and `b` are the sides' means (shares for truth values), None for categories. `records_a` and
    `records_b` count the inferences that have the metric; in `paired` results they are equal.
    `adjusted_p_value` is corrected for all metrics of the comparison. `effect` is the difference
    worth finding, and `needed` how many more records a side needs to find it; None where that
    cannot be planned.
    """

    name: str
    kind: Kind
    records_a: int
    records_b: int
    paired: bool
    verdict: Verdict
    a: float | None = None
    b: float | None = None
    difference: Difference | None = None
    adjusted_p_value: float | None = None
    effect: float | None = None
    needed: int | None = None

    @property
    def lower_is_better(self) -> bool:
        """Whether less of it is better, as of errors."""
        return self.name in _LOWER_IS_BETTER


@dataclass(frozen=True, slots=True)
class Comparison:
    """All metrics, and how many inferences there were.

    `pairs` is how many have the same inference id on both sides; 0 where they are not paired.
    """

    records_a: int
    records_b: int
    pairs: int
    results: list[Result]


class Scales:
    """What a `scorers.yaml` says about the values of its judges; nothing without one."""

    def __init__(self, config: ScorersConfig | None = None) -> None:
        specs = config.scorers if config else ()
        self._specs = {spec.name: spec for spec in specs if isinstance(spec, JudgedSpec)}

    def width(self, metric: str) -> float | None:
        """The width of a metric's range; 1 for categories in order, None where it is not known."""
        spec = self._specs.get(metric)
        if isinstance(spec, JudgeSpec) and spec.range:
            return spec.range[1] - spec.range[0]
        return 1.0 if spec and _has_order(spec) else None

    def place(self, metric: str, value: Value) -> Value:
        """A category as a number from 0 (worst) to 1 (best) where its order is known."""
        spec = self._specs.get(metric)
        if spec and _has_order(spec) and isinstance(value, str) and value in spec.labels:
            return 1 - spec.distance_from_best(value)
        return value


def _has_order(spec: JudgedSpec) -> bool:
    return len(spec.labels) > 2


def compare(
    a: Sequence[Observation],
    b: Sequence[Observation],
    scales: Scales | None = None,
    *,
    share_effect: float = SHARE_EFFECT,
    mean_effect: float = MEAN_EFFECT,
    pair: bool = True,
) -> Comparison:
    """Compare every metric that both sides have.

    Args:
        a: The inferences of the side that is compared with.
        b: Those of the other side.
        scales: What is known of the scorers' values.
        share_effect: The difference of shares worth finding, 0 to 1.
        mean_effect: The difference of numbers worth finding, as a part of A's mean.
        pair: Whether inferences with the same id are compared in pairs, if most have one.
    """
    scales = scales or Scales()
    pairs = _find_pairs(a, b) if pair else []
    if len(pairs) < max(LEAST_RECORDS, _MOSTLY * min(len(a), len(b))):
        pairs = []
    names = _order({name for one in (*a, *b) for name in one.values})
    metrics = [_sample(name, a, b, pairs, scales) for name in names]
    tests = sum(metric.enough for metric in metrics)
    results = []
    for metric in metrics:
        effect = None
        if metric.kind is Kind.SHARE:
            effect = share_effect
        elif metric.kind is Kind.MEAN:
            effect = mean_effect * (scales.width(metric.name) or abs(_mean(metric.a) or 0.0))
        results.append(_measure(metric, effect, tests))
    return Comparison(len(a), len(b), len(pairs), _conclude(results))


@dataclass(frozen=True, slots=True)
class _Metric:
    """The values of both sides; in pairs, `a[i]` and `b[i]` answer the same request."""

    name: str
    kind: Kind
    a: Sequence[Value]
    b: Sequence[Value]
    paired: bool

    @property
    def enough(self) -> bool:
        return min(len(self.a), len(self.b)) >= LEAST_RECORDS


def _find_pairs(
    a: Sequence[Observation], b: Sequence[Observation]
) -> list[tuple[Observation, Observation]]:
    """Inferences of both sides with the same id; an id that a side has twice pairs nothing."""
    sides = [_by_id(a), _by_id(b)]
    return [(one, sides[1][name]) for name, one in sides[0].items() if name in sides[1]]


def _by_id(observations: Sequence[Observation]) -> dict[str, Observation]:
    times = Counter(one.inference_id for one in observations)
    return {
        one.inference_id: one
        for one in observations
        if one.inference_id and times[one.inference_id] == 1
    }


def _sample(
    name: str,
    a: Sequence[Observation],
    b: Sequence[Observation],
    pairs: Sequence[tuple[Observation, Observation]],
    scales: Scales,
) -> _Metric:
    """The values of one metric on both sides; of pairs, those that have it on both."""
    if pairs:
        both = [(x, y) for x, y in pairs if name in x.values and name in y.values]
        a, b = [x for x, _ in both], [y for _, y in both]
    values_a, values_b = (
        [scales.place(name, one.values[name]) for one in side if name in one.values]
        for side in (a, b)
    )
    return _Metric(name, _kind({*values_a, *values_b}), values_a, values_b, bool(pairs))


def _kind(values: set[Value]) -> Kind:
    if any(isinstance(value, str) for value in values):
        return Kind.CATEGORIES
    return Kind.SHARE if values <= {0.0, 1.0} else Kind.MEAN


def _measure(metric: _Metric, effect: float | None, tests: int) -> Result:
    """The difference of one metric; the verdict is given when all of them are known."""
    found = Result(
        name=metric.name,
        kind=metric.kind,
        records_a=len(metric.a),
        records_b=len(metric.b),
        paired=metric.paired,
        verdict=Verdict.TOO_FEW,
        a=None if metric.kind is Kind.CATEGORIES else _mean(metric.a),
        b=None if metric.kind is Kind.CATEGORIES else _mean(metric.b),
        effect=effect,
    )
    if not metric.enough:
        return found
    if metric.kind is Kind.CATEGORIES:
        names = [str(v) for v in metric.a], [str(v) for v in metric.b]
        return replace(found, difference=statistics.compare_categories(*names))
    a, b = [float(v) for v in metric.a], [float(v) for v in metric.b]
    difference = _TESTS[metric.kind, metric.paired](a, b)
    needed = _needed(metric.kind, a, b, effect, tests, metric.paired) if effect else None
    more = None if needed is None else max(0, needed - min(len(a), len(b)))
    return replace(found, difference=difference, needed=more)


_TESTS: Mapping[tuple[Kind, bool], Callable[[Sequence[float], Sequence[float]], Difference]] = {
    (Kind.SHARE, False): statistics.compare_shares,
    (Kind.SHARE, True): statistics.compare_paired_shares,
    (Kind.MEAN, False): statistics.compare_means,
    (Kind.MEAN, True): statistics.compare_paired_means,
}


def _needed(
    kind: Kind, a: Sequence[float], b: Sequence[float], effect: float, tests: int, paired: bool
) -> int:
    """Records a side, or pairs, that find a difference of `effect`."""
    if paired:
        deviation = float(np.std(np.subtract(b, a), ddof=1))
        if kind is Kind.SHARE:
            # A difference of shares has at least as many pairs that differ.
            deviation = max(deviation, math.sqrt(effect))
        return statistics.sample_of_pairs(deviation, effect, tests=tests)
    if kind is Kind.SHARE:
        return statistics.sample_for_share(float(np.mean(a)), effect, tests=tests)
    deviation = math.sqrt((np.var(a, ddof=1) + np.var(b, ddof=1)) / 2)
    return statistics.sample_for_mean(deviation, effect, tests=tests)


def _conclude(results: Sequence[Result]) -> list[Result]:
    """Correct the p-values of all metrics together, and say what each result means."""
    found = {r.name: r.difference for r in results if r.difference}
    p_values = statistics.adjust([difference.p_value for difference in found.values()])
    adjusted = dict(zip(found, p_values, strict=True))
    return [
        replace(r, adjusted_p_value=p, verdict=_verdict(r, found[r.name], p))
        if (p := adjusted.get(r.name)) is not None
        else r
        for r in results
    ]


def _verdict(result: Result, found: Difference, p_value: float) -> Verdict:
    if p_value < ALPHA:
        if found.difference is None:
            return Verdict.DIFFERENT
        if result.name in _NEITHER_IS_BETTER:
            return Verdict.HIGHER if found.difference > 0 else Verdict.LOWER
        better = (found.difference < 0) == result.lower_is_better
        return Verdict.BETTER if better else Verdict.WORSE
    if found.low is None or found.high is None or not result.effect:
        return Verdict.UNDECIDED
    within = -result.effect < found.low and found.high < result.effect
    return Verdict.SAME if within else Verdict.UNDECIDED


def _order(names: set[str]) -> list[str]:
    """Scores by name, then what the endpoint itself shows."""
    known = [name for name in captured.METRICS if name in names]
    return sorted(names - set(known)) + known


def _mean(values: Sequence[Value]) -> float | None:
    return float(np.mean([float(value) for value in values])) if values else None
