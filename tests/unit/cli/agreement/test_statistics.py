"""Kappa, precision and recall, and their intervals, against values worked out by hand."""

from __future__ import annotations

import pytest

from inference_monitor_cli.agreement.statistics import (
    NOTHING,
    ONE_SIDED,
    ONE_VALUE,
    Figure,
    Pair,
    Value,
    confusion,
    exact_agreement,
    failing,
    kappa,
    quadratic_kappa,
    wilson,
)

# 50 pairs; by hand: agreement 35/50, by chance (25 x 30 + 25 x 20) / 2500 = 0.5.
FIFTY: list[Pair] = [
    *[("yes", "yes")] * 20, *[("yes", "no")] * 5, *[("no", "yes")] * 10, *[("no", "no")] * 15,
]  # fmt: skip
THREE: list[Pair] = [
    *[("a", "a")] * 4, ("a", "b"), *[("b", "b")] * 2, ("b", "c"), ("c", "c"), ("c", "a"),
]  # fmt: skip


def fails(value: Value) -> bool:
    """`no` is the failing value."""
    return value == "no"


def test_pairs_are_counted() -> None:
    """Each pair of values, the reference first."""
    assert confusion(FIFTY) == {
        ("yes", "yes"): 20, ("yes", "no"): 5, ("no", "yes"): 10, ("no", "no"): 15,
    }  # fmt: skip


def test_kappa_is_agreement_beyond_chance() -> None:
    """(0.7 - 0.5) / (1 - 0.5), within the large-sample interval: variance 0.2016 / (50 x 0.25)."""
    found = kappa(FIFTY)
    assert found.value == pytest.approx(0.4)
    half = 1.959964 * (0.2016 / 12.5) ** 0.5
    assert (found.low, found.high) == pytest.approx((0.4 - half, 0.4 + half))


def test_kappa_of_opposites_is_negative() -> None:
    """Two who always say the contrary agree less than chance would."""
    assert kappa([("yes", "no"), ("no", "yes")]).value == pytest.approx(-1)


def test_weighted_kappa_counts_the_square_of_the_distance() -> None:
    """1 - 0.15 / 0.305: observed and expected disagreement, where a far miss counts four times."""
    found = quadratic_kappa(THREE, lambda v: "abc".index(str(v)))
    assert found.value == pytest.approx(1 - 0.15 / 0.305)
    # The variance in fractions, by the formula as it is printed in the paper of 1969.
    half = 1.959964 * (1191360 / 13845841) ** 0.5
    assert (found.low, found.high) == pytest.approx((31 / 61 - half, 1.0))


def test_weighted_kappa_of_numbers() -> None:
    """1 - 1.25 / 3.75: mean squares of the differences, of the pairs and of all combinations."""
    pairs: list[Pair] = [(1.0, 1.0), (5.0, 4.0), (3.0, 3.0), (2.0, 4.0)]
    assert quadratic_kappa(pairs, float).value == pytest.approx(1 - 1.25 / 3.75)


def test_weights_of_equal_or_not_are_plain_kappa() -> None:
    """With two values there are no degrees: both kappas and their intervals are the same."""
    plain, weighted = kappa(FIFTY), quadratic_kappa(FIFTY, lambda v: float(fails(v)))
    assert (weighted.value, weighted.low, weighted.high) == pytest.approx(
        (plain.value, plain.low, plain.high)
    )


def test_a_few_that_all_agree_are_no_proof() -> None:
    """The variance is 0 then; the lower end comes from Wilson's: (0.5655 - 0.52) / 0.48."""
    found = kappa([*[("yes", "yes")] * 3, *[("no", "no")] * 2])
    assert (found.value, found.high) == (1, 1)
    assert found.low == pytest.approx((5 / (5 + 1.959964**2) - 0.52) / 0.48)


def test_wilson() -> None:
    """7 of 10, a published example; and the ends, where a normal interval would have no width."""
    assert wilson(7, 10) == pytest.approx((0.3968, 0.8922), abs=1e-4)
    assert wilson(0, 10) == pytest.approx((0, 1.959964**2 / (10 + 1.959964**2)))
    assert wilson(10, 10)[1] == pytest.approx(1)


def test_agreement_is_the_share_of_equal_values() -> None:
    """35 of 50, with its interval."""
    found = exact_agreement(FIFTY)
    assert (found.value, found.low, found.high) == (0.7, *wilson(35, 50))


def test_how_well_fails_are_found() -> None:
    """The judge failed 20, 15 of them rightly; 25 should have been."""
    found = failing(FIFTY, fails)
    counts = (found.both, found.judge_only, found.reference_only, found.neither)
    assert counts == (15, 5, 10, 20)
    assert found.precision == Figure(0.75, *wilson(15, 20))
    assert found.recall == Figure(0.6, *wilson(15, 25))
    assert found.f1.value == pytest.approx(2 * 0.75 * 0.6 / 1.35)


def test_nothing_to_compare_has_no_figures() -> None:
    """Each says why, instead of a number that would be taken for one."""
    for found in (exact_agreement([]), kappa([]), quadratic_kappa([], float)):
        assert found == Figure(None, reason=NOTHING)
    empty = failing([], fails)
    assert [f.value for f in (empty.precision, empty.recall, empty.f1)] == [None, None, None]
    assert all(f.reason for f in (empty.precision, empty.recall, empty.f1))


def test_one_value_has_no_kappa() -> None:
    """When all are fine to both, agreement is no merit; it is still counted."""
    same: list[Pair] = [("yes", "yes")] * 8
    assert kappa(same) == Figure(None, reason=ONE_VALUE)
    assert quadratic_kappa(same, lambda v: float(fails(v))) == Figure(None, reason=ONE_VALUE)
    assert exact_agreement(same).value == 1
    assert failing(same, fails).recall.reason == "the reference failed nothing"


def test_a_judge_that_always_says_the_same_has_kappa_0() -> None:
    """It tells nothing apart, and there is no interval to say more than that."""
    always: list[Pair] = [*[("yes", "yes")] * 9, ("no", "yes")]
    assert kappa(always) == Figure(0.0, reason=ONE_SIDED)
    found = failing(always, fails)
    assert found.precision == Figure(None, reason="the judge failed nothing")
    assert found.recall == Figure(0.0, *wilson(0, 1))
