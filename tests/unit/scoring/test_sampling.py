"""Sampling is decided by the event alone, and samples are nested."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference_monitor.scoring.sampling import is_sampled

rates = st.floats(min_value=0, max_value=1)


@given(st.text(), rates, rates)
def test_a_larger_sample_holds_the_smaller_one(event_id: str, one: float, other: float) -> None:
    """Whatever is sampled at a rate is sampled at every higher rate, for any event id at all."""
    low, high = sorted((one, other))
    assert is_sampled(event_id, high) or not is_sampled(event_id, low)


@given(st.text())
def test_none_and_all(event_id: str) -> None:
    """A rate of 0 takes no event, a rate of 1 takes every event."""
    assert not is_sampled(event_id, 0)
    assert is_sampled(event_id, 1)


@pytest.mark.parametrize("rate", [0.05, 0.25, 0.5, 0.9])
def test_the_share_is_the_rate(rate: float) -> None:
    """Of many events about the given share is sampled (four standard deviations wide)."""
    count = 20_000
    sampled = sum(is_sampled(f"event-{n}", rate) for n in range(count))
    assert abs(sampled - rate * count) < 4 * (rate * (1 - rate) * count) ** 0.5


def test_the_choice_does_not_change_between_releases() -> None:
    """The same events are judged after an upgrade: these are fixed for good."""
    assert [n for n in range(20) if is_sampled(f"event-{n}", 0.3)] == [0, 3, 13, 16, 17, 18]
