"""The difference between two samples: its size, its interval, its p-value, and the sample it needs.

Every difference is B minus A. Intervals are 95 % intervals. SciPy and statsmodels do the
computing; this module chooses the method for the kind of data.
"""

from __future__ import annotations

import math
import warnings
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.power import TTestIndPower, TTestPower
from statsmodels.stats.proportion import (
    confint_proportions_2indep,
    samplesize_proportions_2indep_onetail,
    test_proportions_2indep,
)

ALPHA = 0.05
"""The chance to call a difference where there is none, for all metrics of a comparison together."""
POWER = 0.8
"""The chance to find a difference of the planned size where there is one."""

Sample = Sequence[float] | np.ndarray

# Resamples for tables of categories with rare values; the seed makes a report repeatable.
_RESAMPLES = 9_999
_SEED = 20_261_126


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """How B differs from A.

    `difference`, `low` and `high` are None for categories without an order, which have no single
    size of a difference. `method` names the test that gave `p_value`.
    """

    p_value: float
    method: str
    difference: float | None = None
    low: float | None = None
    high: float | None = None


def compare_shares(a: Sample, b: Sample) -> Difference:
    """Compare two independent samples of 0 and 1: score test, Newcombe's interval."""
    counts = sum(b), len(b), sum(a), len(a)
    low, high = confint_proportions_2indep(*counts, method="newcomb", compare="diff", alpha=ALPHA)
    p_value = 1.0
    if 0 < sum(a) + sum(b) < len(a) + len(b):
        with np.errstate(divide="ignore"):  # of an odds ratio that nobody looks at
            tested = test_proportions_2indep(
                *counts, method="score", compare="diff", correction=False
            )
        p_value = float(tested.pvalue)
    return Difference(
        p_value=p_value,
        method="score test",
        difference=_mean(b) - _mean(a),
        low=float(low),
        high=float(high),
    )


def compare_means(a: Sample, b: Sample) -> Difference:
    """Compare two independent samples of numbers: Welch's t-test and its interval."""
    difference = _mean(b) - _mean(a)
    if _constant(a) and _constant(b):
        p_value = 0.0 if difference else 1.0
        return _exact_difference(difference, p_value, "both samples are constant")
    tested = stats.ttest_ind(b, a, equal_var=False)
    interval = tested.confidence_interval(1 - ALPHA)
    return Difference(
        p_value=float(tested.pvalue),
        method="Welch's t-test",
        difference=difference,
        low=float(interval.low),
        high=float(interval.high),
    )


def compare_paired_shares(a: Sample, b: Sample) -> Difference:
    """Compare pairs of 0 and 1, `a[i]` beside `b[i]`: McNemar's test with the mid p-value.

    The exact p-value finds too little (M. W. Fagerland et al., "The McNemar test for binary
    matched-pairs data", BMC Medical Research Methodology 13:91, 2013). The interval is that of the
    mean of the paired differences; where no pair differs, it is the interval of independent
    samples, which is wider.
    """
    gained = sum(1 for one, other in zip(a, b, strict=True) if other > one)
    lost = sum(1 for one, other in zip(a, b, strict=True) if other < one)
    if not gained + lost:
        apart = compare_shares(a, b)
        return Difference(
            p_value=1.0, method="no pair differs", difference=0.0, low=apart.low, high=apart.high
        )
    chance = stats.binom(gained + lost, 1 / 2)
    fewer = min(gained, lost)
    p_value = float(2 * chance.cdf(fewer) - chance.pmf(fewer))
    spread = compare_paired_means(a, b)
    return Difference(
        p_value=min(p_value, 1.0),
        method="McNemar's test, mid p-value",
        difference=spread.difference,
        low=spread.low,
        high=spread.high,
    )


def compare_paired_means(a: Sample, b: Sample) -> Difference:
    """Compare pairs of numbers, `a[i]` beside `b[i]`: paired t-test and its interval."""
    differences = np.subtract(b, a)
    if _constant(differences):
        difference = float(differences[0])
        return _exact_difference(
            difference, 0.0 if difference else 1.0, "all pairs differ by the same"
        )
    tested = stats.ttest_rel(b, a)
    interval = tested.confidence_interval(1 - ALPHA)
    return Difference(
        p_value=float(tested.pvalue),
        method="paired t-test",
        difference=float(np.mean(differences)),
        low=float(interval.low),
        high=float(interval.high),
    )


def compare_categories(a: Sequence[str], b: Sequence[str]) -> Difference:
    """Compare how often values without an order occur: chi-square, by permutation where rare."""
    names = sorted({*a, *b})
    if len(names) < 2:
        return Difference(p_value=1.0, method="one value only")
    counts_a, counts_b = Counter(a), Counter(b)
    table = np.array([[counts_a[name] for name in names], [counts_b[name] for name in names]])
    # The usual rule of W. G. Cochran, "Some methods for strengthening the common chi-square tests".
    rare = bool((stats.contingency.expected_freq(table) < 5).any())
    method = (
        stats.PermutationMethod(n_resamples=_RESAMPLES, rng=np.random.default_rng(_SEED))
        if rare
        else None
    )
    tested = stats.chi2_contingency(table, correction=False, method=method)
    return Difference(
        p_value=float(tested.pvalue),
        method="chi-square by permutation" if rare else "chi-square",
    )


def adjust(p_values: Sequence[float]) -> list[float]:
    """The p-values of several tests, corrected together by Holm's method."""
    if not p_values:
        return []
    return [float(p) for p in multipletests(p_values, alpha=ALPHA, method="holm")[1]]


def sample_for_share(share: float, effect: float, *, tests: int = 1) -> int:
    """Records a side needs to find a share that is `effect` away from `share`.

    Args:
        share: That of A, 0 to 1.
        effect: The smallest difference worth finding, above 0.
        tests: How many metrics share the error level; planned by Bonferroni's bound.
    """
    # Away from the nearer end: a share of 0.99 cannot rise by 0.05.
    change = -effect if share > 1 / 2 else effect
    other = min(max(share + change, 0.0), 1.0)
    needed = samplesize_proportions_2indep_onetail(
        other - share, share, POWER, alpha=ALPHA / tests, alternative="two-sided"
    )
    return math.ceil(float(needed))


def sample_for_mean(deviation: float, effect: float, *, tests: int = 1) -> int:
    """Records a side needs to find means that are `effect` apart, at this standard deviation."""
    return _solve(TTestIndPower(), deviation, effect, tests)


def sample_of_pairs(deviation: float, effect: float, *, tests: int = 1) -> int:
    """Pairs needed to find a mean difference of `effect`, at this deviation of the differences."""
    return _solve(TTestPower(), deviation, effect, tests)


def _solve(power: TTestIndPower | TTestPower, deviation: float, effect: float, tests: int) -> int:
    if not deviation:
        return 2
    wanted = {"power": POWER, "alpha": ALPHA / tests, "alternative": "two-sided"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its solver warns before it tries another one
        found = power.solve_power(effect_size=effect / deviation, **wanted)
    return max(2, math.ceil(float(np.atleast_1d(found)[0])))


def _exact_difference(difference: float, p_value: float, method: str) -> Difference:
    return Difference(
        p_value=p_value, method=method, difference=difference, low=difference, high=difference
    )


def _mean(values: Sample) -> float:
    return float(np.mean(values))


def _constant(values: Sample) -> bool:
    return len(values) < 2 or bool(np.ptp(values) == 0)
