"""The first N of an hour: N and no more, the same ones for every delivery."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone

import pytest

from inference_monitor.errors import TransientError
from inference_monitor.scoring.first_of_hour import _REMEMBERED, CountedFirstOfHour
from tests.unit.counting import SharedCounters

NINE = datetime(2026, 3, 2, 9, 15, tzinfo=UTC)


@pytest.fixture
def shared() -> SharedCounters:
    """What all workers count together."""
    return SharedCounters()


def admitted(first: CountedFirstOfHour, ids: list[str], limit: int = 3) -> list[str]:
    """Those of these inferences, in this order, that are let in."""
    return [i for i in ids if first.admit("llm", "AllTraffic", NINE, limit, i)]


def test_a_redelivery_lets_in_the_same_ones(shared: SharedCounters) -> None:
    """Who came first stays first, in whatever order the records come again, in any worker."""
    ids = [f"tr-{i}" for i in range(10)]
    assert admitted(CountedFirstOfHour(shared), ids) == ["tr-0", "tr-1", "tr-2"]
    again = CountedFirstOfHour(shared)
    assert admitted(again, ids[::-1]) == ["tr-2", "tr-1", "tr-0"]


def test_a_full_hour_is_remembered(shared: SharedCounters) -> None:
    """Later records of a full hour ask nobody, and those that were let in still are."""
    first = CountedFirstOfHour(shared)
    admitted(first, ["a", "b", "c", "d"])
    asked = shared.asked
    assert admitted(first, ["x", "b", "y"] * 100) == ["b"] * 100
    assert shared.asked == asked


def test_every_hour_variant_endpoint_and_limit_counts_by_itself(shared: SharedCounters) -> None:
    """A full set of one says nothing of another; the hour is in UTC, whatever zone it is given."""
    first = CountedFirstOfHour(shared)
    assert first.admit("llm", "a", NINE, 1, "one")
    assert not first.admit("llm", "a", NINE + timedelta(minutes=44), 1, "two")
    in_delhi = NINE.astimezone(timezone(timedelta(hours=5, minutes=30)))
    assert not first.admit("llm", "a", in_delhi, 1, "two")
    assert first.admit("llm", "a", NINE + timedelta(minutes=45), 1, "two")
    assert first.admit("llm", "b", NINE, 1, "two")
    assert first.admit("llm", None, NINE, 1, "two")
    assert first.admit("other", "a", NINE, 1, "two")
    assert first.admit("llm", "a", NINE, 2, "two")


def test_a_limit_of_none_asks_nobody(shared: SharedCounters) -> None:
    """0 of each hour is nobody."""
    assert not CountedFirstOfHour(shared).admit("llm", "a", NINE, 0, "one")
    assert shared.asked == 0


def test_workers_at_once_let_in_no_more_than_the_limit(shared: SharedCounters) -> None:
    """Four workers, each record in two of them: exactly 10 are let in, everywhere the same."""
    workers = [CountedFirstOfHour(shared) for _ in range(4)]

    def admit(number: int) -> tuple[str, bool]:
        identity = f"tr-{number % 200}"
        return identity, workers[number % 4].admit("llm", "a", NINE, 10, identity)

    with ThreadPoolExecutor(32) as pool:
        decided = list(pool.map(admit, range(400)))
    let_in = {identity for identity, yes in decided if yes}
    assert len(let_in) == 10
    assert all(yes is (identity in let_in) for identity, yes in decided)


def test_memory_of_full_hours_is_bounded(shared: SharedCounters) -> None:
    """A backfill over months does not fill the function's memory with ids."""
    first = CountedFirstOfHour(shared)
    for hour in range(_REMEMBERED * 2):
        for identity in ("a", "b"):
            first.admit("llm", "v", NINE + timedelta(hours=hour), 1, identity)
    assert len(first._full) == _REMEMBERED


def test_nobody_is_let_in_on_trust(shared: SharedCounters) -> None:
    """While the counters are down it is not decided: the batch is tried again."""
    shared.down = True
    with pytest.raises(TransientError):
        CountedFirstOfHour(shared).admit("llm", "a", NINE, 1, "one")
