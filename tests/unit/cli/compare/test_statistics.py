"""The statistics of `compare`, held against published figures."""

from __future__ import annotations

import numpy as np
import pytest

from inference_monitor_cli.compare.statistics import (
    ALPHA,
    adjust,
    compare_categories,
    compare_means,
    compare_paired_means,
    compare_paired_shares,
    compare_shares,
    sample_for_mean,
    sample_for_share,
    sample_of_pairs,
)


def test_shares_have_newcombes_interval() -> None:
    """56 of 70 beside 48 of 80: 0.0524 to 0.3339 (Newcombe 1998, table II, example a)."""
    found = compare_shares([1] * 48 + [0] * 32, [1] * 56 + [0] * 14)
    assert found.difference == pytest.approx(0.2)
    assert found.low == pytest.approx(0.0524, abs=1e-4)
    assert found.high == pytest.approx(0.3339, abs=1e-4)


def test_samples_without_a_single_failure_are_alike_and_keep_an_interval() -> None:
    """All of both passed: no evidence of a difference, and still no certainty."""
    found = compare_shares([1] * 30, [1] * 30)
    assert (found.difference, found.p_value) == (0, 1)
    assert found.low is not None
    assert found.high is not None
    assert found.low < -0.05
    assert found.high > 0.05


def test_paired_shares_count_only_the_pairs_that_differ() -> None:
    """Ten pairs gained and two lost: McNemar's mid p-value is 0.0225 (Fagerland's formula)."""
    a = [0] * 10 + [1] * 2 + [1] * 40
    b = [1] * 10 + [0] * 2 + [1] * 40
    found = compare_paired_shares(a, b)
    assert found.p_value == pytest.approx(0.02246, abs=1e-4)
    assert found.difference == pytest.approx(8 / 52)


def test_pairs_find_what_independent_samples_cannot() -> None:
    """The same requests: their spread is no noise in the difference."""
    rng = np.random.default_rng(7)
    base = rng.normal(500, 300, 80)
    other = base + rng.normal(30, 20, 80)
    assert compare_means(list(base), list(other)).p_value > ALPHA
    assert compare_paired_means(list(base), list(other)).p_value < 0.001


def test_constant_samples_differ_or_do_not() -> None:
    """Numbers without any spread are compared by themselves, and nothing is divided by zero."""
    assert compare_means([3.0] * 12, [3.0] * 12).p_value == 1
    assert compare_means([3.0] * 12, [4.0] * 12).p_value == 0
    assert compare_paired_means([1.0, 2.0, 3.0], [2.0, 3.0, 4.0]).difference == 1


def test_categories_without_an_order_are_compared_by_how_often_they_occur() -> None:
    """A shift between categories is found, also where one of them is rare."""
    same = ["good"] * 60 + ["fair"] * 40
    moved = ["good"] * 30 + ["fair"] * 67 + ["poor"] * 3
    assert compare_categories(same, same).p_value == pytest.approx(1)
    found = compare_categories(same, moved)
    assert found.p_value < 0.01
    assert found.difference is None
    assert "permutation" in found.method


def test_more_metrics_need_more_records() -> None:
    """The level is shared, so that the plan of eight metrics is a longer one."""
    assert 600 < sample_for_share(0.9, 0.05) < 750
    assert (sample_for_mean(100, 20), sample_of_pairs(100, 20)) == (394, 199)
    assert sample_for_share(0.9, 0.05, tests=8) > 1.5 * sample_for_share(0.9, 0.05)
    assert sample_for_mean(100, 20, tests=8) > 1.5 * sample_for_mean(100, 20)


def test_nothing_to_correct_is_no_error() -> None:
    """A comparison in which no metric has enough records has no p-values."""
    assert adjust([]) == []
