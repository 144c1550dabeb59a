"""The budget: what fits into the caps is let through, by how many workers at once whatever."""

from __future__ import annotations

import logging
import random
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from inference_monitor.config.caps import NANO, Caps
from inference_monitor.errors import JudgeUnavailableError, TransientError
from inference_monitor.scoring.cost.budget import CappedBudget, Reservation, Unlimited
from tests.unit.counting import SharedCounters

EVENING = datetime(2026, 3, 2, 23, 59, 50, tzinfo=UTC)
DAY, RUN = "day#llm#2026-03-02", "run#llm#run-1"


class Clock:
    """A time that stands still until it is moved on."""

    def __init__(self) -> None:
        self.time = EVENING

    def __call__(self) -> datetime:
        """Now."""
        return self.time

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.time += timedelta(seconds=seconds)


@pytest.fixture
def clock() -> Clock:
    """Ten seconds before midnight."""
    return Clock()


@pytest.fixture
def shared() -> SharedCounters:
    """What all workers count together."""
    return SharedCounters()


def budget(shared: SharedCounters, clock: Clock, run: str = "run-1", **caps: float) -> CappedBudget:
    """The budget of one worker."""
    return CappedBudget(shared, "llm", run, Caps(**caps), clock)


def taken(reservation: Reservation | None) -> Reservation:
    """A reservation that was given."""
    assert reservation is not None
    return reservation


def usd(shared: SharedCounters, counter: str) -> float:
    """What a counter has come to."""
    return shared.amounts[counter] / NANO


def test_calls_are_let_through_up_to_the_cap_and_not_one_more(
    shared: SharedCounters, clock: Clock
) -> None:
    """Ten calls of 0.1 USD fit into 1 USD, whatever floats make of the sum."""
    capped = budget(shared, clock, per_day=1)
    assert all(capped.reserve(0.1) for _ in range(10))
    assert capped.reserve(0.1) is None
    assert usd(shared, DAY) == 1


def test_what_a_call_cost_replaces_what_was_reserved(shared: SharedCounters, clock: Clock) -> None:
    """A call that is cheaper than expected leaves room, a dearer one takes it, a free one all."""
    capped = budget(shared, clock, per_day=1)
    taken(capped.reserve(0.5)).settle(0.2)
    assert usd(shared, DAY) == pytest.approx(0.2)
    taken(capped.reserve(0.5)).settle(0.7)
    assert usd(shared, DAY) == pytest.approx(0.9)
    taken(capped.reserve(0.1)).settle(0)
    assert usd(shared, DAY) == pytest.approx(0.9)


def test_a_call_is_settled_once(shared: SharedCounters, clock: Clock) -> None:
    """A second word about the same call changes nothing."""
    reservation = taken(budget(shared, clock, per_day=1).reserve(0.5))
    reservation.settle(0.2)
    reservation.settle(0.0)
    assert usd(shared, DAY) == pytest.approx(0.2)


def test_a_call_nobody_settled_stays_counted(shared: SharedCounters, clock: Clock) -> None:
    """A worker that was killed may have been billed: its part of the cap is not given again."""
    assert budget(shared, clock, per_day=1).reserve(0.6)
    assert budget(shared, clock, per_day=1).reserve(0.6) is None


def test_both_caps_hold_and_a_refusal_takes_from_neither(
    shared: SharedCounters, clock: Clock
) -> None:
    """A run ends at its own cap, all runs of an endpoint at the day's."""
    first = budget(shared, clock, per_day=1, per_run=0.6)
    assert first.reserve(0.6)
    assert first.reserve(0.1) is None
    second = budget(shared, clock, "run-2", per_day=1, per_run=0.6)
    assert second.reserve(0.5) is None  # the run has room for it, the day has not
    assert shared.amounts == {
        RUN: 600_000_000, DAY: 600_000_000, "run#llm#run-2": 0
    }  # fmt: skip
    assert second.reserve(0.4)


def test_another_endpoint_has_its_own_cap(shared: SharedCounters, clock: Clock) -> None:
    """What one endpoint's records cost takes nothing from another's."""
    assert budget(shared, clock, per_day=1).reserve(1)
    assert CappedBudget(shared, "other", "run-1", Caps(per_day=1), clock).reserve(1)


def test_the_day_is_that_of_spending_and_a_late_settlement_belongs_to_its_start(
    shared: SharedCounters, clock: Clock
) -> None:
    """After midnight UTC there is a new cap; a call begun before is settled where it began."""
    capped = budget(shared, clock, per_day=1)
    reservation = taken(capped.reserve(1))
    clock.wait(24 * 3600)
    assert capped.reserve(1)
    reservation.settle(0.3)
    assert usd(shared, DAY) == pytest.approx(0.3)
    assert usd(shared, "day#llm#2026-03-03") == 1


def test_a_refusal_is_remembered_for_a_while(shared: SharedCounters, clock: Clock) -> None:
    """Thousands of records behind the cap ask nobody; after half a minute one of them does."""
    capped = budget(shared, clock, per_run=1)
    assert capped.reserve(1)
    assert capped.reserve(0.1) is None
    asked = shared.asked
    assert not any(capped.reserve(0.1 + i) for i in range(1000))
    assert shared.asked == asked
    shared.amounts[RUN] = 0  # another worker has freed it
    clock.wait(31)
    assert capped.reserve(0.1)


def test_a_day_is_released_hour_by_hour(shared: SharedCounters, clock: Clock) -> None:
    """However much there is to be judged, each hour judges a 24th: the evening like the morning."""
    clock.time = datetime(2026, 3, 2, tzinfo=UTC)
    capped = budget(shared, clock, per_day=24)
    let_through = []
    for _ in range(24):
        let_through.append(sum(capped.reserve(0.01) is not None for _ in range(150)))
        clock.wait(3600)
    assert let_through == [100] * 24
    assert usd(shared, DAY) == 24


def test_what_an_hour_leaves_over_stays_for_later_ones(
    shared: SharedCounters, clock: Clock
) -> None:
    """A quiet night leaves its part to the morning; midnight begins anew."""
    clock.time = datetime(2026, 3, 2, 7, 59, tzinfo=UTC)
    capped = budget(shared, clock, per_day=24)
    assert sum(capped.reserve(0.1) is not None for _ in range(100)) == 80
    clock.wait(60)
    assert sum(capped.reserve(0.1) is not None for _ in range(100)) == 10
    clock.wait(16 * 3600)
    assert clock.time == datetime(2026, 3, 3, tzinfo=UTC)
    assert sum(capped.reserve(0.1) is not None for _ in range(100)) == 10


def test_a_refusal_is_not_believed_after_the_next_release(
    shared: SharedCounters, clock: Clock
) -> None:
    """A worker that was refused just before the hour asks again as soon as there is more."""
    clock.time = datetime(2026, 3, 2, 0, 59, 50, tzinfo=UTC)
    capped = budget(shared, clock, per_day=24)
    assert sum(capped.reserve(0.1) is not None for _ in range(11)) == 10
    asked = shared.asked
    assert capped.reserve(0.1) is None
    assert shared.asked == asked
    clock.wait(10)
    assert capped.reserve(0.1)


@pytest.mark.parametrize(("calls_a_day", "at_midnight"), [(5, 5), (30, 10), (240, 10), (480, 20)])
def test_a_small_cap_has_room_for_some_calls_at_any_hour(
    shared: SharedCounters, clock: Clock, calls_a_day: int, at_midnight: int
) -> None:
    """A 24th below the price of a call would judge nothing for hours; the day's cap still holds."""
    clock.time = datetime(2026, 3, 2, tzinfo=UTC)
    capped = budget(shared, clock, per_day=0.1 * calls_a_day)
    assert sum(capped.reserve(0.1) is not None for _ in range(1000)) == at_midnight
    clock.wait(23 * 3600)
    later = sum(capped.reserve(0.1) is not None for _ in range(1000))
    assert at_midnight + later == calls_a_day
    assert usd(shared, DAY) == pytest.approx(0.1 * calls_a_day)


def test_a_run_has_its_whole_cap_at_once(shared: SharedCounters, clock: Clock) -> None:
    """What is released by the hour is the day's."""
    clock.time = datetime(2026, 3, 2, tzinfo=UTC)
    capped = budget(shared, clock, per_run=24)
    assert sum(capped.reserve(0.1) is not None for _ in range(300)) == 240


def test_a_cheaper_call_may_still_fit(shared: SharedCounters, clock: Clock) -> None:
    """The refusal of a long record says nothing about a short one."""
    capped = budget(shared, clock, per_run=1)
    assert capped.reserve(0.9)
    assert capped.reserve(0.2) is None
    assert capped.reserve(0.1)


def test_a_settlement_that_frees_room_opens_it_again(shared: SharedCounters, clock: Clock) -> None:
    """A refusal is not believed when this worker knows better."""
    capped = budget(shared, clock, per_run=1)
    reservation = taken(capped.reserve(1))
    assert capped.reserve(0.5) is None
    reservation.settle(0.4)
    assert capped.reserve(0.5)


def test_without_a_cap_nobody_asks() -> None:
    """Every call is let through, whatever it costs."""
    Unlimited().reserve(1e9).settle(3e9)


def test_no_call_is_made_on_trust(shared: SharedCounters, clock: Clock) -> None:
    """While the counters are down the judge is not asked; that passes, so it is tried again."""
    shared.down = True
    with pytest.raises(JudgeUnavailableError):
        budget(shared, clock, per_day=1).reserve(0.1)
    shared.down = False
    assert budget(shared, clock, per_day=1).reserve(0.1)


def test_a_verdict_survives_counters_that_go_down(
    shared: SharedCounters, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    """A call that is made and paid for is not thrown away: its reservation stays, and a warning."""
    reservation = taken(budget(shared, clock, per_day=1).reserve(0.5))
    shared.down = True
    with caplog.at_level(logging.WARNING):
        reservation.settle(0.1)
    assert usd(shared, DAY) == 0.5
    assert DAY in caplog.text


class _DownForTheDay(SharedCounters):
    """Answers for runs only."""

    def add(self, counter: str, amount: int, at_most: int | None = None) -> bool:
        if counter.startswith("day#"):
            raise TransientError("no answer")
        return super().add(counter, amount, at_most)


def test_what_the_first_cap_gave_goes_back_when_the_second_does_not_answer(clock: Clock) -> None:
    """A batch that is tried again does not use up the run's cap by its attempts."""
    half = _DownForTheDay()
    with pytest.raises(JudgeUnavailableError):
        budget(half, clock, per_day=1, per_run=1).reserve(0.5)
    assert half.amounts == {RUN: 0}


@pytest.mark.parametrize("dearest", [0.01, 0.013])
def test_workers_at_once_pass_the_cap_by_less_than_one_call_each(
    shared: SharedCounters, clock: Clock, dearest: float
) -> None:
    """200 records against a cap for 50, from 4 workers with 16 threads each.

    The worst case, made to happen: all threads reserve before any of them settles. The cap is
    passed by no more than what the calls in flight cost beyond their reservations, so not at all
    where no call is dearer than expected. What is counted is what was spent, to the nano-dollar.
    """
    reserved, threads = 0.01, 4 * 16
    workers = [budget(shared, clock, per_day=50 * reserved, per_run=1) for _ in range(4)]
    chance, spent, most = random.Random(7), list[float](), 0  # noqa: S311  # to be repeated
    with ThreadPoolExecutor(threads) as pool:
        for start in range(0, 200, threads):
            turn = range(start, min(start + threads, 200))
            answers = list(pool.map(lambda n: workers[n % 4].reserve(reserved), turn))
            in_flight = [reservation for reservation in answers if reservation]
            costs = [round(chance.uniform(0.005, dearest), 6) for _ in in_flight]
            list(pool.map(lambda call, usd: call.settle(usd), in_flight, costs))
            spent += costs
            most = max(most, len(in_flight))
    assert most == 50
    assert len(spent) >= 50
    assert sum(spent) - 50 * reserved <= most * (dearest - reserved) + 1e-9
    assert shared.amounts[DAY] == shared.amounts[RUN] == round(sum(spent) * NANO)
