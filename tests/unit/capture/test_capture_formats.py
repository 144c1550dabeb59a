"""docs/capture-formats.md names every family, and the samples that it points to are there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from inference_monitor.capture.lines import iter_lines
from inference_monitor.families.requests import REQUEST_FAMILIES
from inference_monitor.families.responses import RESPONSE_FAMILIES

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "capture-formats.md").read_text()
FOLDERS = {
    "lab": "shop-lab/canary",
    "assistant": "shop-assistant/AllTraffic",
    "models": "shop-models/AllTraffic",
}
SERVERS = [
    line.split("|")[1:-1]
    for line in PAGE.partition("## Servers")[2].splitlines()
    if line.startswith("|")
][2:]
TESTS = "".join(
    (ROOT / "tests" / "unit" / "families" / f"test_{name}.py").read_text()
    for name in ("shapes", "failures", "streams", "streams_of_servers", "families")
)


def _points_to(cell: str) -> list[tuple[str, str, int]]:
    """`lab 13:4, 13:6` as folder, hour and line of each."""
    found, folder = [], ""
    for name, hour, line in re.findall(r"(?:(lab|assistant|models) )?(\d\d):(\d+)", cell):
        folder = name or folder
        found.append((FOLDERS[folder], hour, int(line)))
    return found


@pytest.mark.parametrize("row", SERVERS, ids=lambda row: row[0].strip())
def test_every_cell_of_the_table_of_servers_has_a_sample(row: list[str]) -> None:
    """A line of a sample file, or a row of a test; and a source that names where it was read."""
    *cells, source = row[1:]
    assert source.strip()
    for cell in cells:
        names = re.findall(r"\*(.+?)\*", cell)
        places = _points_to(cell)
        assert places or names or cell.strip() == "\u2013"
        assert all(name in TESTS for name in names), cell
        for folder, hour, number in places:
            (file,) = (ROOT / "samples" / folder / "2026/03/02" / hour).glob("*.jsonl")
            assert number <= len(list(iter_lines([file.read_bytes()])))


def test_every_family_is_documented() -> None:
    """Requests and responses, by the names that traces are tagged with."""
    names = {family.name for family in (*REQUEST_FAMILIES, *RESPONSE_FAMILIES)}
    assert {name for name in names if f"`{name}`" not in PAGE} == set()
