"""`inference-monitor reconcile`: what the bucket holds, what MLflow holds, and the difference."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import Annotated, Any

import boto3
import typer
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from inference_monitor_cli.captures import Hours, capture_files, nothing_found
from inference_monitor_cli.deployment import Deployment
from inference_monitor_cli.options import ExperimentName, Prefix, TrackingUri
from inference_monitor_cli.problems import FAILED, needs_mlflow, told_plainly
from inference_monitor_cli.reconcile.comparison import (
    HourCounts,
    Missing,
    Reconciler,
    Reconciliation,
    Traces,
)
from inference_monitor_cli.terminal import printable

_SHOWN = 20
_COLUMNS = tuple(name for name in HourCounts.__slots__ if name != "hour")


def reconcile(
    prefix: Prefix,
    first: Annotated[
        str, typer.Option("--from", help="The first day, 2026-03-02, or hour, 2026-03-02T09 (UTC).")
    ],
    last: Annotated[
        str,
        typer.Option(
            "--to", help="The last day or hour, part of it; leave the running hour time to arrive."
        ),
    ],
    tracking_uri: TrackingUri = None,
    experiment: ExperimentName = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON document with everything missing.")
    ] = False,
) -> None:
    """Compare the inferences in the capture bucket with the traces in MLflow, per hour.

    Exits with 1 when a trace is missing, and when there is no capture file at all. Quarantined
    lines are kept, and are not missing.
    """
    with told_plainly("reconcile"):
        hours = Hours.parse(first, last)
        deployment = Deployment.find(boto3.Session(), prefix)
        traces = open_traces(
            tracking_uri or deployment.variable("MONITOR_MLFLOW_TRACKING_URI"),
            experiment or deployment.variable("MONITOR_EXPERIMENT_NAME"),
        )
        result = _reconcile(deployment, hours, traces)
        if as_json:
            sys.stdout.write(json.dumps(_document(result)) + "\n")
        else:
            _print(result)
    raise typer.Exit(FAILED if result.missing or result.nothing else 0)


def open_traces(tracking_uri: str, experiment: str) -> Traces:
    """What asks MLflow.

    Raises:
        CommandError: If MLflow's client is not installed, or there is no such experiment.
    """
    with needs_mlflow("reconcile asks MLflow"):
        from inference_monitor_cli.stored_traces import StoredTraces  # noqa: PLC0415
    return StoredTraces(tracking_uri, experiment)


def _reconcile(deployment: Deployment, hours: Hours, traces: Traces) -> Reconciliation:
    s3, bucket = deployment.session.client("s3"), deployment.capture_bucket
    reconciler = Reconciler(s3, bucket, deployment.results_bucket, deployment.source_of, traces)
    console = Console(stderr=True)
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as progress:
        task = progress.add_task("reading", total=None)

        def show(result: Reconciliation) -> None:
            total = result.total()
            text = f"{result.files} files, {total.lines} lines, {total.missing} missing"
            progress.update(task, description=text)

        files = capture_files(s3, bucket, deployment.capture_prefix, hours)
        result = reconciler.reconcile(files, show)
    if not (result.files or result.undated):
        result.nothing = nothing_found(s3, bucket, deployment.capture_prefix, hours)
    return result


def _document(result: Reconciliation) -> dict[str, Any]:
    return {
        "files": result.files,
        "hours": [asdict(counts) for counts in result.hours.values()],
        "total": {k: v for k, v in asdict(result.total()).items() if k != "hour"},
        "missing": [asdict(missing) for missing in result.missing],
        "undated": result.undated,
        "nothing": result.nothing,
    }


def _print(result: Reconciliation) -> None:
    if result.nothing:
        typer.secho(printable(result.nothing), fg="red", err=True)
    console = Console()
    table = Table()
    table.add_column("hour (UTC)", no_wrap=True)
    for name in _COLUMNS:
        table.add_column(name.replace("_", " ").replace("mlflow", "MLflow"), justify="right")
    for counts in result.hours.values():
        table.add_row(*_cells(counts))
    table.add_section()
    table.add_row(*_cells(result.total()))
    console.print(table)
    for missing in result.missing[:_SHOWN]:
        sys.stdout.write(f"missing: {_told(missing)}\n")
    if len(result.missing) > _SHOWN:
        sys.stdout.write(f"… and {len(result.missing) - _SHOWN} more; --json prints all\n")
    if result.undated:
        sys.stdout.write(
            f"{len(result.undated)} files were left out, their paths have no date: "
            f"{printable(result.undated[0])} …\n"
        )
    if result.missing:
        typer.secho(
            "see the failed executions of these files, then send them again: inference-monitor "
            "replay --from HOUR --to HOUR",
            err=True,
        )


def _cells(counts: HourCounts) -> list[Text]:
    red = "red" if counts.missing else ""
    numbers = [
        Text(str(getattr(counts, name)), red if name == "missing" else "") for name in _COLUMNS
    ]
    return [Text(counts.hour), *numbers]


def _told(missing: Missing) -> str:
    text = f"event {missing.event_id!r}, {missing.file} line {missing.line}: {missing.why}"
    return printable(text)
