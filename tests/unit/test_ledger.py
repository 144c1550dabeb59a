"""The ledger: counts of one file and of many, and where they are kept."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest

from inference_monitor.ledger import Summary, ledger_key, quarantine_key

BALANCED = Summary(captured=10, traced=4, duplicate=3, skipped=2, quarantined=1)


def test_counts_are_added_name_by_name() -> None:
    """The sum of two parts has each count of both."""
    names = [f.name for f in fields(Summary)]
    total = Summary(**{name: number for number, name in enumerate(names, start=1)})
    total += Summary(**{name: 100 * number for number, name in enumerate(names, start=1)})
    assert total.as_dict() == {name: 101 * number for number, name in enumerate(names, start=1)}


def test_an_added_summary_stays_as_it_is() -> None:
    """To add the counts of a file to those of a run leaves the file's own."""
    part, run = replace(BALANCED), Summary()
    run += part
    assert part == BALANCED == run


@pytest.mark.parametrize("name", ["captured", "traced", "duplicate", "skipped", "quarantined"])
def test_one_line_too_many_unbalances_the_ledger(name: str) -> None:
    """Every line is counted once: as captured, and as one of the four that became of it."""
    assert BALANCED.balanced
    assert not replace(BALANCED, **{name: getattr(BALANCED, name) + 1}).balanced


def test_counts_of_another_release_are_read() -> None:
    """A name that this release does not know is ignored, and one that is missing is 0."""
    written = {**BALANCED.as_dict(), "of_a_later_release": 5}
    del written["judge_calls"]
    assert Summary.from_dict(written) == BALANCED


def test_a_capture_file_finds_its_ledger_and_its_quarantine() -> None:
    """Keys are what the command and earlier releases look for."""
    key = "ep/AllTraffic/2026/03/02/11/a.jsonl"
    assert ledger_key("captures", key) == f"ledger/captures/{key}.json"
    assert quarantine_key("captures", key, "d1") == f"quarantine/captures/{key}/d1.jsonl"
