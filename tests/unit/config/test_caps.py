"""The words for a cap: an amount, or `none`; and what people are told is in force."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference_monitor.config.caps import Caps, next_release, parse_cap, released


@pytest.mark.parametrize(
    ("said", "means"),
    [("10", 10), (" 0.5 ", 0.5), (7, 7), ("1e3", 1000), ("none", None), ("None", None)],
)
def test_a_cap_is_an_amount_or_none(said: object, means: float | None) -> None:
    """Unlimited has to be said, in any case of letters."""
    assert parse_cap(said) == means


@pytest.mark.parametrize("said", ["0", "-5", "unlimited", "inf", "nan", "", "5 USD", 0, "off"])
def test_other_words_are_refused_with_what_is_possible(said: object) -> None:
    """0 could mean no judging or no cap, so it means neither."""
    with pytest.raises(ValueError, match=r"is neither an amount of USD above 0 nor `none` for no"):
        parse_cap(said)


@pytest.mark.parametrize(
    ("caps", "told"),
    [
        (Caps(), "no cap"),
        (Caps(per_day=10), "at most 10 USD a day, released hour by hour (UTC)"),
        (Caps(per_run=0.5), "at most 0.5 USD a run"),
        (
            Caps(10, 2),
            "at most 10 USD a day, released hour by hour (UTC), and at most 2 USD a run",
        ),
    ],
)
def test_caps_in_words(caps: Caps, told: str) -> None:
    """The day's, the run's, both, or that there is none."""
    assert str(caps) == told


@given(st.integers(1, 10**15), st.integers(1, 10**12))
def test_a_day_releases_all_of_its_cap_and_never_more(cap: int, call: int) -> None:
    """What is released grows hour by hour, and is the whole cap in the last one."""
    hours = [released(cap, call, datetime(2026, 3, 2, h, 59, tzinfo=UTC)) for h in range(24)]
    assert hours == sorted(hours)
    assert hours[-1] == cap
    assert hours[0] >= cap // 24


def test_the_next_release_is_at_the_full_hour() -> None:
    """Also over midnight."""
    evening = datetime(2026, 3, 2, 23, 59, 59, 5, tzinfo=UTC)
    assert next_release(evening) == datetime(2026, 3, 3, tzinfo=UTC)


@pytest.mark.parametrize(
    ("settings", "caps"),
    [
        ({}, Caps(10, None)),
        ({"JUDGE_BUDGET_USD_PER_DAY": "none", "JUDGE_BUDGET_USD_PER_RUN": "2"}, Caps(None, 2)),
    ],
)
def test_caps_of_deploy_settings(settings: dict[str, str], caps: Caps) -> None:
    """What is not set is at its default."""
    assert Caps.of(settings) == caps
