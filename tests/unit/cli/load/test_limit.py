"""The rate at which a monitor stops keeping up, of a simulated one whose capacity is known."""

from __future__ import annotations

from dataclasses import replace

import pytest

from inference_monitor_cli.load.following import Outcome
from inference_monitor_cli.load.limit import doubled, find_limit, growth_of
from tests.unit.cli.load.simulated import monitored


def test_the_first_rate_above_the_capacity_is_found() -> None:
    """Steps up to 8 per second keep up with a capacity of 10; 16 does not, and ends the search."""
    steps = find_limit(monitored, doubled(1, 64))
    assert [(step.rate, step.verdict) for step in steps] == [
        (1, "keeps up"),
        (2, "keeps up"),
        (4, "keeps up"),
        (8, "keeps up"),
        (16, "falls behind"),
    ]


@pytest.mark.parametrize(("rate", "verdict"), [(9.0, "keeps up"), (13.0, "falls behind")])
def test_rates_near_the_capacity(rate: float, verdict: str) -> None:
    """A tenth below it and a third above it are told apart, with files of five seconds."""
    (step,) = find_limit(monitored, iter([rate]))
    assert step.verdict == verdict


def test_files_alone_are_no_growth() -> None:
    """Within a file the lag falls, and the next begins high again: nothing grows."""
    outcome = monitored(4, capacity=1000)
    assert growth_of(outcome.lags) == pytest.approx(0, abs=0.02)


def test_growth_is_what_the_queue_grows_by() -> None:
    """At twice the capacity an inference waits one second longer for each second of sending."""
    outcome = monitored(20, capacity=10, file_seconds=0.01)
    assert growth_of(outcome.lags) == pytest.approx(1.0, abs=0.05)
    assert growth_of([(3.0, 1.0), (3.0, 9.0)]) == 0.0


def test_a_lost_inference_is_falling_behind() -> None:
    """However short the lag of the others is."""
    outcome = monitored(2)
    del outcome.seen["7"]
    (step,) = find_limit(lambda _rate: outcome, iter([2.0]))
    assert (step.verdict, step.growth) == ("falls behind", None)


def test_what_says_nothing_about_the_monitor() -> None:
    """A sender too slow, an endpoint that refuses and a step too short end the search as such."""
    outcome = monitored(4)
    refused = [replace(s, error="ThrottlingException") for s in outcome.sent[::5]] + [
        s for number, s in enumerate(outcome.sent) if number % 5
    ]
    cases = {
        "rate not reached": (8.0, outcome),
        "errors": (4.0, Outcome(refused, outcome.seen)),
        "too few inferences": (4.0, Outcome(outcome.sent[:7], outcome.seen)),
    }
    for verdict, (rate, found) in cases.items():
        (step,) = find_limit(lambda _rate, found=found: found, iter([rate, 99.0]))  # type: ignore[misc]
        assert step.verdict == verdict


def test_rates_double_up_to_the_highest() -> None:
    """The highest is tried itself, also where doubling would miss it."""
    assert list(doubled(1, 10)) == [1, 2, 4, 8, 10]
    assert list(doubled(5, 5)) == [5]
