"""The comparison for people: the table on the terminal, and the page in docs."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import ClassVar

from rich.table import Table

from benchmarks.scoring.measured import Measured, Rounds, Way
from local.settings import ROOT

PAGE = ROOT / "docs/scoring-benchmark.md"
PINS = Path(__file__).with_name("requirements.txt")
COMMAND = "make bench-scoring"


@dataclass(frozen=True, slots=True)
class Setup:
    """What a comparison is made with."""

    rounds: int
    records: int
    concurrency: int

    VARIABLES: ClassVar[dict[str, str]] = {"ROUNDS": "3", "RECORDS": "100", "CONCURRENCY": "60"}
    """The environment variables of the fields in order, with their defaults."""


Row = tuple[str, Callable[[Measured], float], str]

_ROWS: tuple[Row, ...] = (
    ("seconds", lambda run: run.seconds, ".2f"),
    ("CPU seconds of the client", lambda run: run.cpu_seconds, ".2f"),
    ("CPU seconds of the MLflow server", lambda run: run.server_cpu_seconds, ".2f"),
    ("judge calls per record", lambda run: run.judge_calls / run.records, ".2f"),
    ("most judge calls in flight", lambda run: run.in_flight, ".0f"),
    ("input tokens to the judge per record", lambda run: run.input_tokens / run.records, ".0f"),
    ("requests to MLflow per record", lambda run: run.requests / run.records, ".2f"),
)
_AGAIN: tuple[Row, ...] = (
    ("second delivery: seconds", lambda run: run.seconds, ".2f"),
    ("second delivery: judge calls", lambda run: run.judge_calls, ".0f"),
    ("second delivery: requests to MLflow", lambda run: run.requests, ".0f"),
    ("second delivery: writes to MLflow", lambda run: run.writes, ".0f"),
)
HEADINGS = ("", *(way.value for way in Way))


def one_line(run: Measured) -> str:
    """A run in one line, as it comes."""
    again = ", second delivery" if run.again else ""
    return (
        f"{run.way.value + again:35} {run.seconds:6.2f} s  "
        f"CPU {run.cpu_seconds:5.2f} + server {run.server_cpu_seconds:5.2f} s  "
        f"{run.judge_calls:4} judge calls  "
        f"{run.requests:4} requests to MLflow, {run.writes:4} of them writes"
    )


def rows(rounds: Rounds) -> Iterator[tuple[str, ...]]:
    """Medians over the rounds as texts, in the order of the headings."""
    faster = [f"{rounds.speedup(way):.1f}x" for way in Way]
    yield ("faster", *faster)
    for again, part in ((False, _ROWS), (True, _AGAIN)):
        for name, value, form in part:
            yield (name, *(f"{rounds.median(way, value, again=again):{form}}" for way in Way))


def table(rounds: Rounds) -> Table:
    """The comparison for the terminal."""
    runs = rounds.of(Way.PANEL)
    title = f"{runs[0].records} records, logged and scored; medians of {len(runs)} rounds"
    shown = Table(title=title, title_justify="left")
    for heading in HEADINGS:
        shown.add_column(heading, justify="right" if heading else "left")
    for row in rows(rounds):
        shown.add_row(*row)
    return shown


def write_page(rounds: Rounds, setup: Setup, path: Path = PAGE) -> None:
    """Write the page for people."""
    path.write_text("\n".join(_page(rounds, setup)) + "\n")


def _page(rounds: Rounds, setup: Setup) -> Iterator[str]:
    pins = dict(re.findall(r"^(\S+)==([^\s;\\]+)", PINS.read_text(), re.MULTILINE))
    chosen = ((n, value) for n, value in zip(setup.VARIABLES, _values(setup), strict=True))
    command = " ".join([COMMAND, *(f"{name}={value}" for name, value in chosen)])
    yield "# Logging and scoring, measured"
    yield ""
    yield f"Written by `{command}` on {datetime.now(UTC):%Y-%m-%d %H:%M} UTC; do not edit."
    yield (
        f"Python {platform.python_version()}, {os.cpu_count()} shared cores. MLflow server "
        f"{version('mlflow')} on sqlite. Reference method: mlflow {pins['mlflow']} with litellm "
        f"{pins['litellm']}. Ours: mlflow-skinny {version('mlflow-skinny')}, "
        f"boto3 {version('boto3')}."
    )
    yield ""
    yield _HOW.format(records=setup.records, rounds=setup.rounds, concurrency=setup.concurrency)
    yield ""
    yield f"| {' | '.join(HEADINGS)} |"
    yield f"|---|{'---:|' * len(Way)}"
    yield from (f"| {' | '.join(row)} |" for row in rows(rounds))
    yield ""
    yield "Seconds of every round:"
    yield ""
    for way in Way:
        yield f"* {way.value}: {', '.join(f'{run.seconds:.2f}' for run in rounds.of(way))}"
    yield ""
    yield "```json"
    yield rounds.line()
    yield "```"


def _values(setup: Setup) -> tuple[int, int, int]:
    return setup.rounds, setup.records, setup.concurrency


_HOW = """\
{records} records with about 1 kB of question and 1 kB of answer, six judged criteria and token
counts (safety, relevance_to_query, fluency, follows_objective, professional_tone, coherence; rules
and instructions as in `lambda_src/scorers.yaml`), the same server, and a stand-in judge that
answers after 500 ms. {rounds} rounds, one way after the other in each, with new records and a new
experiment every time; medians. After every run MLflow is asked whether each trace has all seven
scores.

* **reference method**: traces logged one by one with `mlflow.start_span`, then
  `mlflow.genai.evaluate` with its defaults (10 records at a time, 10 scorers each); see
  [decision 8](decisions/0008-the-reference-method.md).
* **ours**: the function's code, from the bytes of a capture file to the last write, with
  {concurrency} judge calls in flight at most. `panel` judges all criteria in one call, `each` makes
  a call for each.

The server has the four processes that `mlflow server` starts by itself. All processes, the server's
too, are warmed up first: starting them, imports and first connections do not count. Our scorers
live as long as their process, as in the function: the calls that find out what the judge takes, one
or a few of 500 ms, are in the first round only. Requests to
MLflow are counted from the server's access log, judge calls and tokens by the stand-in, which takes
four characters of the request for a token. A request that is no GET and no search counts as a
write. A stand-in judges in no time but its latency: these figures say how fast and how cheap
scoring is, not how good."""
