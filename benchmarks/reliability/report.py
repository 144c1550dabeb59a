"""The rows as a table for the terminal, as `docs/reliability.md`, and as one line of JSON."""

from __future__ import annotations

import json
import platform
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from rich.table import Table

from benchmarks.reliability.bench import Row
from benchmarks.reliability.environments import WAIT_SCALE
from local.settings import ROOT

PAGE = ROOT / "docs/reliability.md"
HEADINGS = ("fault", "records", "traces", "duplicates", "lost", "seconds to recover")
_SHOWN = 3
_HOW = """\
Each fault is made to happen on the deployed template: emulated AWS, the function under
`awslambdaric`, a real MLflow server behind SigV4, a stand-in for Bedrock. Each has capture files of
its own, of several payload families, failures among them. A row is counted from MLflow itself: a
trace for every record that can be read and no other, no trace or assessment twice, the tokens of
every trace as captured, all spans, every score given; then the ledger has to agree, and every error
that ends a run has to say what to do. Broken lines count as records: they are in quarantine, not in
MLflow. Recovery is counted from the end of the fault. Step Functions' waits between retries take
{scale:.0%} of what they take on AWS, so on AWS recovery takes longer by those waits."""


@dataclass(frozen=True)
class Section:
    """The rows of one environment."""

    environment: str
    rows: list[Row]
    seconds: float


def cells(row: Row) -> tuple[str, ...]:
    """A row as texts, in the order of the headings."""
    found = row.found
    counts = (found.records, found.traces, found.duplicated, found.lost)
    return (row.fault.what, *map(str, counts), f"{row.recovered_after:.1f}")


def table(section: Section) -> Table:
    """The rows of an environment for the terminal."""
    shown = Table(title=f"{section.environment}, {section.seconds:.0f} s", title_justify="left")
    for heading in HEADINGS:
        shown.add_column(heading, justify="left" if heading == HEADINGS[0] else "right")
    for row in section.rows:
        shown.add_row(*cells(row), style=None if row.good else "red")
    return shown


def summary(sections: list[Section]) -> str:
    """One JSON object: every row, and the totals."""
    rows = [(section.environment, row) for section in sections for row in section.rows]
    return json.dumps(
        {
            "rows": [
                {
                    "environment": environment,
                    "fault": row.fault.name,
                    "records": row.found.records,
                    "traces": row.found.traces,
                    "duplicated": row.found.duplicated,
                    "lost": row.found.lost,
                    "recovered_after": round(row.recovered_after, 1),
                    "problems": row.found.problems[:_SHOWN],
                }
                for environment, row in rows
            ],
            "records": sum(row.found.records for _, row in rows),
            "lost": sum(row.found.lost for _, row in rows),
            "duplicated": sum(row.found.duplicated for _, row in rows),
        }
    )


def write_page(sections: list[Section], command: str, path: Path = PAGE) -> None:
    """Write the page for people."""
    path.write_text("\n".join(_page(sections, command)) + "\n")


def _page(sections: list[Section], command: str) -> Iterator[str]:
    yield "# Reliability, measured"
    yield ""
    yield f"Written by `{command}` on {datetime.now(UTC):%Y-%m-%d %H:%M} UTC; do not edit."
    yield (
        f"Python {platform.python_version()}, ministack {_ministack()}, "
        f"aws-cdk-lib {version('aws-cdk-lib')}, boto3 {version('boto3')}, two shared cores."
    )
    yield ""
    yield _HOW.format(scale=WAIT_SCALE)
    for section in sections:
        yield ""
        yield f"## {section.environment}"
        yield ""
        yield f"| {' | '.join(HEADINGS)} | seen |"
        yield f"|---|{'---:|' * (len(HEADINGS) - 1)}---|"
        for row in section.rows:
            yield f"| {' | '.join(cells(row))} | {_plain(row.evidence)} |"
    yield ""
    yield "## What a person reads when a run fails"
    yield ""
    yield "`States.…` is from Step Functions; the alarm on failed executions says what to do then."
    yield ""
    said = {_plain(text): row.fault.what for s in sections for row in s.rows for text in row.said}
    yield from (f"* {fault}: `{text}`" for text, fault in said.items())
    problems = [(s, row, p) for s in sections for row in s.rows for p in row.found.problems]
    if problems:
        yield ""
        yield "## Problems"
        yield ""
        yield from (
            f"* {s.environment}, {row.fault.what}: {_plain(problem)}"
            for s, row, problem in problems
        )


def _plain(text: str) -> str:
    """One line without ids and counts that differ in every run."""
    text = re.sub(r"\s+", " ", text).replace("|", "/").replace("`", "'")
    text = re.sub(r"\b\d+ records", "n records", text)
    text = re.sub(r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", "…", text)
    return re.sub(r"s3://\S+?([:,.]?)( |$)", r"s3://…\1\2", text)[:500]


def _ministack() -> str:
    found = re.search(r"^ministack==(\S+)", (ROOT / "local/requirements.txt").read_text(), re.M)
    return found[1] if found else "?"
