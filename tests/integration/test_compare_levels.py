"""The error level and the power of `compare`, by simulation; 1,000 comparisons for each figure."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from inference_monitor_cli.compare.statistics import (
    ALPHA,
    POWER,
    adjust,
    compare_means,
    compare_paired_means,
    compare_paired_shares,
    compare_shares,
    sample_for_mean,
    sample_for_share,
    sample_of_pairs,
)

SIMULATIONS = 1_000
# Three standard errors of a share of 0.05 or 0.8 in so many simulations.
LEVEL = pytest.approx(ALPHA, abs=0.021)
PLANNED = pytest.approx(POWER, abs=0.038)


def _share_found(p_value: Callable[[], float], simulations: int = SIMULATIONS) -> float:
    return sum(p_value() < ALPHA for _ in range(simulations)) / simulations


@pytest.mark.parametrize("share", [0.5, 0.9])
def test_equal_shares_are_called_different_in_five_of_a_hundred(share: float) -> None:
    """The level holds for shares."""
    rng = np.random.default_rng(1)
    rate = _share_found(
        lambda: compare_shares(rng.binomial(1, share, 300), rng.binomial(1, share, 300)).p_value
    )
    assert rate == LEVEL


def test_equal_means_are_called_different_in_five_of_a_hundred() -> None:
    """The level holds for numbers with a long tail, as token counts have one."""
    rng = np.random.default_rng(2)
    rate = _share_found(
        lambda: compare_means(rng.lognormal(5, 0.8, 300), rng.lognormal(5, 0.8, 300)).p_value
    )
    assert rate == LEVEL


def test_equal_pairs_are_called_different_in_five_of_a_hundred() -> None:
    """The level holds for pairs, of which most agree."""
    rng = np.random.default_rng(3)

    def paired() -> float:
        a = rng.binomial(1, 0.8, 400)
        again = rng.binomial(1, 0.8, 400)
        b = np.where(rng.random(400) < 0.3, again, a)
        return compare_paired_shares(a, b).p_value

    assert _share_found(paired) == LEVEL


def test_eight_scorers_together_raise_a_false_alarm_in_five_of_a_hundred() -> None:
    """Holm's correction keeps the chance of any false difference at the level."""
    rng = np.random.default_rng(4)

    def smallest() -> float:
        shares = [rng.binomial(1, 0.8, (2, 300)) for _ in range(8)]
        return min(adjust([compare_shares(a, b).p_value for a, b in shares]))

    assert _share_found(smallest) == LEVEL


def test_the_planned_sample_finds_the_planned_share() -> None:
    """So many records find a fall from 0.9 to 0.85 in four of five comparisons."""
    rng = np.random.default_rng(5)
    size = sample_for_share(0.9, 0.05)
    assert 600 < size < 750
    rate = _share_found(
        lambda: compare_shares(rng.binomial(1, 0.9, size), rng.binomial(1, 0.85, size)).p_value
    )
    assert rate == PLANNED


def test_the_planned_samples_find_the_planned_means() -> None:
    """So many records, or pairs, find a mean that is 20 higher at a deviation of 100."""
    rng = np.random.default_rng(6)
    size, pairs = sample_for_mean(100, 20), sample_of_pairs(100, 20)
    assert (size, pairs) == (394, 199)
    apart = _share_found(
        lambda: compare_means(rng.normal(500, 100, size), rng.normal(520, 100, size)).p_value
    )
    assert apart == PLANNED

    def paired() -> float:
        base = rng.normal(500, 300, pairs)
        return compare_paired_means(base, base + rng.normal(20, 100, pairs)).p_value

    assert _share_found(paired) == PLANNED
