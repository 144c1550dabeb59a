"""What a person is told of a collected job."""

from __future__ import annotations

import sys

import typer

from inference_monitor_cli.backfill.batch.collection import Collected
from inference_monitor_cli.report import printable

_SHOWN = 20


def tell(job: str, collected: Collected) -> bool:
    """Print the counts and what is left; gives whether something is."""
    told = (
        f"{job}: {collected.answered} of {collected.records} records answered, "
        f"{collected.written} assessments written, {collected.there} were there, "
        f"{collected.unreadable} of them unreadable, {collected.declined} declined, "
        f"{collected.usd:.4f} USD"
    )
    sys.stdout.write(f"{told}\n")
    _list("not judged", collected.failed)
    _list("not written", collected.not_written)
    if collected.failed:
        typer.secho("what is not judged is missing still: run backfill again", err=True)
    if collected.not_written:
        typer.secho("what is not written is kept: collect the job again", err=True)
    return bool(collected.failed or collected.not_written)


def _list(what: str, lines: list[str]) -> None:
    for line in lines[:_SHOWN]:
        typer.secho(f"{what}: {printable(line)}", fg="red", err=True)
    if len(lines) > _SHOWN:
        typer.secho(f"… and {len(lines) - _SHOWN} more", fg="red", err=True)
