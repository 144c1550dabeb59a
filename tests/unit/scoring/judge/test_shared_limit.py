"""One quota for all instances: together they use it and do not pass it, whoever asks, and how."""

from __future__ import annotations

import logging
from dataclasses import dataclass

import pytest

from inference_monitor.errors import TransientError
from inference_monitor.scoring.judge.rate_limit import Pace
from inference_monitor.scoring.judge.shared_limit import LocalSlots, SharedLimit, SharedSlots, Slots
from tests.unit.judging import FakeTime

RATE = 10.0
THREADS = 16


@dataclass
class CountedSlots:
    """A line of time that everybody shares, and how often it was asked."""

    slots: LocalSlots
    asked: int = 0
    down: bool = False

    def book(self, quota: str, seconds: float, within: float | None) -> float | None:
        """Pass on, unless nobody answers."""
        self.asked += 1
        if self.down:
            raise TransientError("counters table: no answer")
        return self.slots.book(quota, seconds, within)


@pytest.fixture
def time() -> FakeTime:
    """A clock of our own."""
    return FakeTime()


@pytest.fixture
def shared(time: FakeTime) -> CountedSlots:
    """What all instances share."""
    return CountedSlots(LocalSlots(time.clock))


def limit(slots: Slots, time: FakeTime, rate: float = RATE) -> SharedLimit:
    """One instance's side of the limit, in units a second."""
    return SharedLimit("requests", 60 * rate, slots, time.clock)


def busy(limits: list[SharedLimit], time: FakeTime, seconds: float) -> list[tuple[float, int]]:
    """Let instances ask all the time: when each call was made, and by which."""
    calls = []
    while time.now < seconds:
        for one in limits:
            assert one.book(1, THREADS, None)
        ready = [number for number, one in enumerate(limits) if one.wait() == 0]
        for number in ready:
            limits[number].use(1)
            calls.append((time.now, number))
        if not ready:
            time.sleep(min(one.wait() for one in limits))
    return calls


@pytest.mark.parametrize("instances", [1, 2, 10, 37])
def test_together_they_use_the_quota_and_do_not_pass_it(
    time: FakeTime, shared: CountedSlots, instances: int
) -> None:
    """At any time no more was begun than the quota of the time and of one second, and no less."""
    calls = busy([limit(shared, time) for _ in range(instances)], time, 60)
    for before, (at, _) in enumerate(calls):
        assert before <= RATE * (at + 1) + 1e-6
    assert len(calls) >= RATE * 60


@pytest.mark.parametrize("instances", [2, 10])
def test_they_take_turns(time: FakeTime, shared: CountedSlots, instances: int) -> None:
    """All that are busy get equal parts."""
    calls = busy([limit(shared, time) for _ in range(instances)], time, 60)
    parts = [sum(number == n for _, number in calls) for n in range(instances)]
    assert max(parts) - min(parts) <= 4


def test_one_that_begins_later_gets_its_part(time: FakeTime, shared: CountedSlots) -> None:
    """Nobody has to know how many there are."""
    first, second = limit(shared, time), limit(shared, time)
    busy([first], time, 30)
    calls = [number for _, number in busy([first, second], time, 60)]
    assert calls.count(1) == pytest.approx(150, abs=5)


def test_few_bookings_are_made(time: FakeTime, shared: CountedSlots) -> None:
    """Ten busy instances write a few times a second in all, at 100 calls a second."""
    calls = busy([limit(shared, time, 100) for _ in range(10)], time, 30)
    assert len(calls) >= 3000
    assert shared.asked <= 30 * 7


def test_where_nobody_waits_few_bookings_are_made_too(time: FakeTime, shared: CountedSlots) -> None:
    """One that asks less than it may books for the next moment what it has used in the last."""
    one = limit(shared, time, 100)
    for _ in range(600):
        assert one.book(1, 1, None)
        assert one.wait() == 0
        one.use(1)
        time.sleep(0.02)
    assert shared.asked <= 600 * 0.02 * 7


def test_one_call_books_one_call(time: FakeTime, shared: CountedSlots) -> None:
    """Two hundred files of one record each get through at the quota's rate: nothing is wasted."""
    begun = []
    for _ in range(200):
        one = limit(shared, time, 100)
        assert one.book(1, 1, None)
        time.sleep(one.wait())
        one.use(1)
        begun.append(time.now)
    assert begun[-1] == pytest.approx((200 - 100) / 100, abs=0.02)


def test_what_is_not_used_soon_is_gone(time: FakeTime, shared: CountedSlots) -> None:
    """An instance that was frozen with units in hand does not send them on top of the quota."""
    frozen = [limit(shared, time, 100) for _ in range(10)]
    for one in frozen:
        assert one.book(1, THREADS, None)
    time.sleep(600)
    begun = busy(frozen, time, 601)
    assert len(begun) <= 100 * 2 + 1


def test_a_turn_too_late_is_not_booked(time: FakeTime, shared: CountedSlots) -> None:
    """What is refused for a deadline leaves the time to others."""
    first, second = limit(shared, time, 1), limit(shared, time, 1)
    assert first.book(60, 60, None)
    assert not second.book(1, 1, within=30)
    assert second.book(1, 1, within=60)
    assert second.wait() == pytest.approx(59)


def test_calls_that_use_more_than_expected_are_paid_for(
    time: FakeTime, shared: CountedSlots
) -> None:
    """Estimates that are half of the truth do not double the rate of ten busy instances."""
    limits = [limit(shared, time, 1000) for _ in range(10)]
    used = 0
    while time.now < 60:
        for one in limits:
            assert one.book(50, 50 * THREADS, None)
        ready = [one for one in limits if one.wait() == 0]
        for one in ready:
            one.use(50)
            one.correct(50)
            used += 100
        if not ready:
            time.sleep(min(one.wait() for one in limits))
    assert used == pytest.approx(1000 * 60, rel=0.05)


def test_a_debt_is_paid_by_time_that_nobody_wanted(time: FakeTime, shared: CountedSlots) -> None:
    """After a lull, an old call that was dearer than expected keeps nobody waiting."""
    one = limit(shared, time, 10)
    assert one.book(1, 1, None)
    one.use(1)
    one.correct(100)
    time.sleep(3)
    assert one.book(1, 1, None)
    assert one.wait() == pytest.approx(10 - 3 - 1, abs=0.2)
    time.sleep(one.wait())
    one.use(1)
    one.correct(100)
    time.sleep(600)
    assert one.book(1, 1, None)
    assert one.wait() == 0


def test_without_the_shared_line_a_tenth_is_used(
    time: FakeTime, shared: CountedSlots, caplog: pytest.LogCaptureFixture
) -> None:
    """While DynamoDB does not answer, judging goes on slowly; twice a minute it is asked again."""
    shared.down = True
    slots = SharedSlots(shared, time.clock)
    one = limit(slots, time)
    with caplog.at_level(logging.WARNING):
        calls = busy([one], time, 100)
    assert len(calls) == pytest.approx(RATE * 100 / 10, abs=3)
    assert shared.asked == 4
    assert "10 % of its requests quota: counters table: no answer" in caplog.text
    assert len(caplog.records) == 4
    shared.down = False
    time.sleep(30)
    start = time.now
    assert len(busy([one], time, start + 30)) == pytest.approx(RATE * 30, abs=RATE + 1)


def test_paces_of_several_instances_share_both_limits(time: FakeTime, shared: CountedSlots) -> None:
    """Requests and tokens each have a line of their own; the one that is short decides."""
    paces = [Pace(600, 60_000, slots=shared, clock=time.clock, sleep=time.sleep) for _ in range(4)]
    for number in range(200):
        tokens = 50 if number % 2 else 350
        assert paces[number % 4].admit(tokens, None)
        paces[number % 4].answered(tokens, tokens)
    # 40,000 tokens at 1,000 a second, a second's worth at once; 200 requests would take 19 s.
    assert time.now == pytest.approx(39, abs=0.5)
