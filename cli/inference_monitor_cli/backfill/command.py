"""`inference-monitor backfill`: have judged what is missing, by the deployment or by batch jobs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import boto3
import typer

from inference_monitor_cli.captures import Hours
from inference_monitor_cli.deployment import Deployment
from inference_monitor_cli.options import (
    ExperimentName,
    FirstHour,
    LastHour,
    Prefix,
    TrackingUri,
)
from inference_monitor_cli.problems import FAILED, CommandError, needs_mlflow, told_plainly

if TYPE_CHECKING:
    from inference_monitor_cli.backfill.work import Backfill


def backfill(  # noqa: PLR0913  # each is an option
    prefix: Prefix,
    where: Annotated[
        str | None,
        typer.Argument(
            help="A key of the capture bucket or the beginning of one, or s3://bucket/key. "
            "Everything by default.",
        ),
    ] = None,
    *,
    first: FirstHour = None,
    last: LastHour = None,
    scorer: Annotated[
        list[str] | None, typer.Option(help="Only this scorer; can be given several times.")
    ] = None,
    scorers_file: Annotated[
        Path | None,
        typer.Option(help="The deployed scorers.yaml; by default this project's."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what is missing and its price; do nothing.")
    ] = False,
    batch: Annotated[
        bool, typer.Option("--batch", help="Judge by Bedrock batch jobs: half the price, hours.")
    ] = False,
    collect: Annotated[
        list[str] | None,
        typer.Option(help="Wait for this batch job and put its verdicts into MLflow."),
    ] = None,
    in_flight: Annotated[
        int, typer.Option(min=1, max=100, help="How many files are judged at once.")
    ] = 5,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    tracking_uri: TrackingUri = None,
    experiment: ExperimentName = None,
) -> None:
    """Judge what is missing: a new scorer, a new version, what the budget or an outage left out.

    What is there stays and costs nothing. Exits with 1 when something is still missing.
    """
    with told_plainly("backfill"):
        range_ = (first, last)
        if (any(range_) or batch) if collect else not all(range_):
            raise CommandError(
                "say what to judge, for example --from 2026-03-02 --to 2026-03-02, or which job's "
                "verdicts to collect, with --collect JOB"
            )
        work = _opened(prefix, scorers_file, tracking_uri, experiment)
        if collect:
            left = work.collect(collect)
        else:
            hours = Hours.parse(str(first), str(last))
            with work.looked_for(where, hours, scorer or [], batch=batch) as found:
                found.show()
                if found.is_nothing:
                    left = found.is_left_out
                elif dry_run or not (yes or typer.confirm("Have them judged?")):
                    left = False
                else:
                    left = found.judge_by_jobs() if batch else found.judge_now(in_flight)
    raise typer.Exit(FAILED if left else 0)


def _opened(
    prefix: str, scorers_file: Path | None, tracking_uri: str | None, experiment: str | None
) -> Backfill:
    """What does the work; it needs MLflow's client, which looking at files does not."""
    with needs_mlflow("backfill asks MLflow"):
        from inference_monitor_cli.backfill.work import Backfill  # noqa: PLC0415
    deployment = Deployment.find(boto3.Session(), prefix)
    return Backfill(deployment, scorers_file, tracking_uri, experiment)
