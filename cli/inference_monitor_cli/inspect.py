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
from inference_monitor.traces.chat import message_text
from inference_monitor_cli.captures import CaptureFile
from inference_monitor_cli.problems import told_plainly
from inference_monitor_cli.terminal import as_report, preview

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
    for heading in ("line", "read as"):
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
    number, record = Text(str(report["line"])), entry.record
    if not isinstance(record, Inference):
        status = report["status"]
        return [number, Text(status, _STATUS_STYLE[status]), Text(preview(report["reason"]))]
    lines = [report["kind"], (f"\n{report['family']}", "dim")]
    counts = (report["input_tokens"], report["output_tokens"])
    if counts != (None, None):
        told = " → ".join("?" if count is None else str(count) for count in counts)
        lines.append((f"\n{told} tokens", "dim"))
    return [number, Text.assemble(*lines), _asked(record), _answered(record)]


def _asked(inference: Inference) -> Text:
    """The last message, with a word in brackets for what is no text; of a batch, the first item."""
    request = inference.request
    items = request.items if request else []
    messages = items[0] if items else (request.messages if request else None)
    asked = preview(message_text(messages[-1])) if messages else ""
    return _with_more(Text(asked), len(items) - 1)


def _answered(inference: Inference) -> Text:
    """Why there is no answer, or what the first one says and calls; else why nothing is said."""
    choices = inference.response.choices if inference.response else ()
    answer = choices[0] if choices else None
    said = preview(answer.text) if answer else ""
    if failure := inference.failure:
        status = f"{failure.status_code or 'error'}{' (implied)' * failure.status_is_implied}"
        told = Text(f"{status}: {preview(failure.message)}", "red")
        return told.append(f"\nafter: {said}", "dim") if said else told
    calls = [preview(f"{c.name} {c.arguments}") for c in answer.tool_calls] if answer else []
    parts = [Text(said)] if said else []
    shown = Text("\n").join([*parts, *(Text(f"calls {call}", "cyan") for call in calls)])
    if answer and not shown:
        shown = Text("only thoughts" if answer.reasoning else "no text", "yellow")
    return _with_more(shown, len(choices) - 1)


def _with_more(shown: Text, more: int) -> Text:
    return shown.append(f"\nand {more} more", "dim") if more > 0 else shown
