"""When requests are due: at an even rate, and during the ramp before it."""

from __future__ import annotations

from itertools import pairwise

import pytest

from inference_monitor_cli.load.schedule import Schedule


def test_an_even_rate() -> None:
    """Four per second are a quarter of a second apart."""
    schedule = Schedule(rate=4, count=5)
    assert [schedule.due(n) for n in range(5)] == [0, 0.25, 0.5, 0.75, 1.0]


def test_a_ramp() -> None:
    """It sends half as many as the full rate would, ever closer, and goes on without a gap."""
    schedule = Schedule(rate=4, count=40, ramp=10)
    due = [schedule.due(n) for n in range(40)]
    gaps = [later - earlier for earlier, later in pairwise(due)]
    assert sum(at < 10 for at in due) == 20
    assert gaps[:20] == sorted(gaps[:20], reverse=True)
    assert gaps[20:] == pytest.approx([0.25] * 19)


@pytest.mark.parametrize(
    ("seconds", "ramp", "count"), [(10, 0, 40), (10, 4, 32), (2, 4, 2), (0.1, 0, 1)]
)
def test_a_duration(seconds: float, ramp: float, count: int) -> None:
    """All requests that are due before its end, and at least one."""
    schedule = Schedule.lasting(seconds, rate=4, ramp=ramp)
    assert schedule.count == count
    assert schedule.due(count - 1) < seconds <= schedule.due(count) + 1e-9 or count == 1
