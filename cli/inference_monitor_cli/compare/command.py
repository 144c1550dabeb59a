"""`inference-monitor compare`: is B better than A, and how many records would show it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from inference_monitor_cli.captures import Hours
from inference_monitor_cli.compare.observations import Side
from inference_monitor_cli.compare.sources import Sources
from inference_monitor_cli.options import (
    DeploymentPrefix,
    ExperimentName,
    FirstHour,
    LastHour,
    TrackingUri,
)
from inference_monitor_cli.problems import CommandError, needs_statistics, told_plainly
from inference_monitor_cli.scorers_file import load_or_exit

SideA = Annotated[
    str,
    typer.Option("--a", help="What to compare with: a variant, endpoint:NAME or period:FROM..TO."),
]
SideB = Annotated[str, typer.Option("--b", help="The side in question, written in the same way.")]
Captures = Annotated[
    list[str] | None,
    typer.Option(
        "--captures", help="Compare these capture files (path, folder, s3://…), and not MLflow."
    ),
]
ScorersPath = Annotated[
    Path | None,
    typer.Option("--scorers", help="The scorers.yaml that says the order of categories."),
]


def compare(  # noqa: PLR0913  # each is an option
    *,
    a: SideA,
    b: SideB,
    captures: Captures = None,
    first: FirstHour = None,
    last: LastHour = None,
    prefix: DeploymentPrefix = None,
    tracking_uri: TrackingUri = None,
    experiment: ExperimentName = None,
    scorers_file: ScorersPath = None,
    share_effect: Annotated[
        float,
        typer.Option(min=0.001, max=0.5, help="The difference of two shares worth finding."),
    ] = 0.05,
    mean_effect: Annotated[
        float,
        typer.Option(
            min=0.001, max=10, help="The difference of numbers worth finding, as a part of A's."
        ),
    ] = 0.1,
    unpaired: Annotated[
        bool, typer.Option("--unpaired", help="Do not pair inferences that have the same id.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Compare two variants, endpoints or periods: scores, error rate, tokens and length.

    Each metric gets the difference with its 95 % interval, a verdict that is corrected for looking
    at several metrics, and the records that are still needed for a decision. Inferences of a shadow
    variant are compared in pairs, by their inference id.
    """
    with told_plainly("compare"):
        with needs_statistics():
            from inference_monitor_cli.compare import comparison, output  # noqa: PLC0415
        sides = Side.parse(a), Side.parse(b)
        sources = Sources(
            captures=captures or (),
            hours=parse_hours(first, last),
            prefix=prefix,
            tracking_uri=tracking_uri,
            experiment=experiment,
        )
        scales = comparison.Scales(load_or_exit(scorers_file) if scorers_file else None)
        side_a, side_b = sources.read(sides)
        found = comparison.compare(
            side_a,
            side_b,
            scales,
            share_effect=share_effect,
            mean_effect=mean_effect,
            pair=not unpaired,
        )
        if as_json:
            sys.stdout.write(output.as_json(sides, found) + "\n")
        else:
            output.show(Console(), sides, found)


def parse_hours(first: str | None, last: str | None) -> Hours | None:
    """The hours that --from and --to name; None where neither is given.

    Raises:
        CommandError: If only one is given, or one is no day or hour.
    """
    if first is None and last is None:
        return None
    if first is None or last is None:
        raise CommandError("--from and --to belong together")
    return Hours.parse(first, last)
