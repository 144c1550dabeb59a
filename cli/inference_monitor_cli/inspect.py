"""`inference-monitor inspect`: what the monitor reads in a capture file, before anything runs."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterator
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from inference_monitor.capture.reader import Entry
from inference_monitor.inference import Inference
from inference_monitor_cli.captures import CaptureFile
from inference_monitor_cli.problems import told_plainly
from inference_monitor_cli.report import as_report, preview

_STATUS_STYLE = {"inference": "green", "skipped": "yellow", "quarantined": "red"}


def inspect(
    file: Annotated[str, typer.Argument(help="A capture file, or s3://bucket/key of one.")],
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object per line of the file.")
    ] = False,
    rows: Annotated[int, typer.Option(help="How many lines the table shows.")] = 200,
) -> None:
    """Show what the monitor reads in a capture file: messages, answer, tokens, errors."""
    with told_plainly("inspect"):
        if as_json:
            for entry in CaptureFile(file).entries():
                sys.stdout.write(json.dumps(as_report(entry)) + "\n")
        else:
            _print_table(file, CaptureFile(file).entries(), rows)


def _print_table(file: str, entries: Iterator[Entry], rows: int) -> None:
    console = Console()
    table = Table(title=Text(file), title_justify="left", expand=True)
    for heading in ("line", "read as", "tokens"):
        table.add_column(heading, no_wrap=True)
    for heading in ("asked", "answered"):
        table.add_column(heading, ratio=1, overflow="fold")
    counts: Counter[str] = Counter()
    for entry in entries:
        report = as_report(entry)
        counts[report["status"]] += 1
        counts["failed"] += bool(report["is_error"])
        if len(table.rows) < rows:
            table.add_row(*_cells(entry, report), end_section=True)
    console.print(table)
    total = sum(counts[status] for status in _STATUS_STYLE)
    if total > rows:
        console.print(f"the first {rows} lines are shown; --rows shows more")
    told = ", ".join(f"{counts[status]} {status}" for status in _STATUS_STYLE)
    console.print(f"{total} lines: {told}; {counts['failed']} of the inferences failed")


def _cells(entry: Entry, report: dict[str, Any]) -> list[Text]:
    """One row. Cells are `Text`, never markup: captures hold whatever a stranger typed."""
    number = Text(str(report["line"]))
    if not isinstance(entry.record, Inference):
        status = report["status"]
        return [
            number,
            Text(status, _STATUS_STYLE[status]),
            Text(),
            Text(preview(report["reason"])),
        ]
    answer = Text(preview(report["output_text"]))
    if report["is_error"]:
        told = f"{report['status_code'] or 'error'}: {preview(report['error_message'])}"
        answer = Text(told, "red")
    read_as = Text.assemble(report["kind"], "\n", (report["family"], "dim"))
    counts = (report["input_tokens"], report["output_tokens"])
    tokens = Text(" → ".join("?" if count is None else str(count) for count in counts))
    return [number, read_as, tokens, Text(preview(_asked(report["messages"]))), answer]


def _asked(messages: list[dict[str, Any]] | None) -> Any:
    return messages[-1].get("content") if messages else None
