"""The judge is asked no faster than it may be, no slower than it lets us, and nobody waits long."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference_monitor.scoring.judge.rate_limit import Pace
from local.judge.quota import Quota
from tests.unit.judging import FakeTime

TOKENS = 1000


def pace_of(time: FakeTime, requests: float | None = None, tokens: float | None = None) -> Pace:
    """A pace on a clock of its own."""
    chance = random.Random(1).random  # noqa: S311  # chance that can be repeated
    return Pace(requests, tokens, clock=time.clock, sleep=time.sleep, chance=chance)


def test_without_settings_and_throttles_nobody_waits() -> None:
    """The number of threads is the only limit until the judge objects."""
    time = FakeTime()
    pace = pace_of(time)
    for _ in range(1000):
        assert pace.admit(100_000, None)
        pace.answered(100_000, 100_000)
    assert time.slept == []


def test_requests_per_minute() -> None:
    """A second's worth may come at once, the rest one by one."""
    time = FakeTime()
    pace = pace_of(time, requests=600)
    begun = []
    for _ in range(110):
        assert pace.admit(TOKENS, None)
        begun.append(time.now)
    assert begun[9] == 0
    assert begun[10:] == pytest.approx([n / 10 for n in range(100)], abs=0.01)


@given(st.lists(st.integers(1, 50_000), min_size=1, max_size=60))
def test_tokens_per_minute(sizes: list[int]) -> None:
    """Whatever the sizes, no more tokens are begun than the limit, a second's worth and a call."""
    time = FakeTime()
    pace = pace_of(time, tokens=60_000)
    begun = 0
    for size in sizes:
        assert pace.admit(size, None)
        assert begun <= 1000 * (time.now + 1) + 1
        begun += size
    # Nor is there any waiting but for what was begun.
    assert time.now <= max(0, (begun - sizes[-1] - 1000) / 1000) + 0.01


def test_estimates_are_corrected() -> None:
    """What a call has used counts in the end, whether it was estimated too high or too low."""
    time = FakeTime()
    pace = pace_of(time, tokens=60_000)
    for _ in range(10):
        assert pace.admit(5_000, None)
        pace.answered(5_000, 100)
    assert time.now == 0
    assert pace.admit(100, None)
    pace.answered(100, 10_000)
    assert pace.admit(100, None)
    assert time.now == pytest.approx(10, abs=0.1)


def test_a_turn_after_the_deadline_is_refused_at_once() -> None:
    """Nobody waits for a turn that comes too late, and the turn is left to others."""
    time = FakeTime()
    pace = pace_of(time, requests=1)
    assert pace.admit(TOKENS, None)
    assert not pace.admit(TOKENS, deadline=30.0)
    assert not pace.admit(TOKENS, deadline=0.0)
    assert time.slept == []
    assert pace.admit(TOKENS, deadline=90.0)
    assert time.now == pytest.approx(59, abs=0.1)


@given(st.integers(1, 40), st.floats(0, 1, exclude_max=True), st.booleans())
def test_pauses_are_random_and_bounded(attempt: int, chance: float, refusing: bool) -> None:
    """A pause is any time up to a limit that doubles; longer when most calls are refused."""
    time = FakeTime()
    pace = Pace(clock=time.clock, sleep=time.sleep, chance=lambda: chance)
    if refusing:
        pace.throttled()
    first, longest = (1.0, 8.0) if refusing else (0.05, 2.0)
    assert pace.pause(attempt, None)
    assert time.slept == [pytest.approx(chance * min(longest, first * 2.0 ** (attempt - 1)))]


def test_a_pause_past_the_deadline_is_not_made() -> None:
    """Whoever would still sleep at the deadline is told at once."""
    time = FakeTime()
    pace = Pace(clock=time.clock, sleep=time.sleep, chance=lambda: 0.5)
    assert not pace.pause(6, deadline=0.8)
    assert time.slept == []
    assert pace.pause(6, deadline=0.9)
    assert time.slept == [0.8]


def test_threads_share_one_limit() -> None:
    """Eight threads at once begin no more calls than one would, and miscount none."""
    time = FakeTime()
    pace = pace_of(time, requests=600)

    def work(_: int) -> None:
        for _ in range(50):
            assert pace.admit(TOKENS, None)
            pace.answered(TOKENS, TOKENS)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    assert time.now == pytest.approx((400 - 10) / 10, rel=0.01)


class Crowd:
    """One caller after the other asks a judge with a quota, or one that throttles at random."""

    def __init__(self, quota: Quota, time: FakeTime, throttle: float = 0.0) -> None:
        self.quota, self.time, self.throttle = quota, time, throttle
        self.random = random.Random(3)  # noqa: S311  # the same
        self.most_attempts = 0
        self.throttled = 0

    def ask(self, pace: Pace, seconds: float) -> None:
        """Make one call of so many seconds until it is answered."""
        attempt = 0
        while True:
            attempt += 1
            assert pace.admit(TOKENS, None)
            if self.quota.take(TOKENS):
                self.time.sleep(seconds)
                if self.random.random() >= self.throttle:
                    break
            self.throttled += 1
            pace.throttled()
            assert pace.pause(attempt, None)
        pace.answered(TOKENS, TOKENS)
        self.most_attempts = max(self.most_attempts, attempt)


def test_a_quota_is_learned_and_used() -> None:
    """A quota that nobody told us costs few throttles and no more than 15 % of the time."""
    time = FakeTime()
    pace = pace_of(time)
    crowd = Crowd(Quota(requests_per_minute=600, clock=time.clock), time)
    for _ in range(1000):
        crowd.ask(pace, seconds=0.03)
    allowed = (1000 - 10) / 10
    assert allowed * 0.99 <= time.now < allowed * 1.15
    assert 0 < crowd.throttled < 300
    assert crowd.most_attempts < 8


def test_a_larger_quota_is_noticed() -> None:
    """When there comes to be room, the rate finds it within seconds."""
    time = FakeTime()
    pace = pace_of(time)
    crowd = Crowd(Quota(requests_per_minute=120, clock=time.clock), time)
    for _ in range(100):
        crowd.ask(pace, seconds=0.02)
    before = time.now
    crowd.quota = Quota(clock=time.clock)
    for _ in range(1000):
        crowd.ask(pace, seconds=0.02)
    assert time.now - before < 20 + 30


def test_throttling_at_random_does_not_slow_us_down() -> None:
    """A judge that throttles three of ten calls at any rate is asked as fast as ever."""
    time = FakeTime()
    pace = pace_of(time)
    crowd = Crowd(Quota(clock=time.clock), time, throttle=0.3)
    for _ in range(1000):
        crowd.ask(pace, seconds=0.5)
    assert time.now < 1.15 * 1000 * 0.5 / 0.7


def test_a_judge_that_refuses_everything_is_asked_seldom() -> None:
    """An outage that looks like throttling is met with far fewer calls than pauses alone allow."""
    time = FakeTime()
    pace = pace_of(time)
    calls = 0
    while time.now < 600:
        assert pace.admit(TOKENS, None)
        pace.throttled()
        time.sleep(0.1)
        calls += time.now > 300
    assert calls < 300 / 0.1 / 8


def test_failures_say_nothing_of_a_quota() -> None:
    """A judge that is down is not taken for one that throttles."""
    time = FakeTime()
    pace = pace_of(time)
    for _ in range(200):
        assert pace.admit(TOKENS, None)
        time.sleep(0.1)
        pace.answered(TOKENS, 0)
    assert set(time.slept) == {0.1}
