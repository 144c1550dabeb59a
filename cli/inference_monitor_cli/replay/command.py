"""`inference-monitor replay`: send again what was kept; what is written already stays as it is."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from threading import Event
from typing import Annotated

import boto3
import typer
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from inference_monitor_cli.captures import Hours
from inference_monitor_cli.deployment import Deployment
from inference_monitor_cli.executions import HoursReplay
from inference_monitor_cli.options import FirstHour, LastHour, Prefix
from inference_monitor_cli.problems import FAILED, CommandError, told_plainly
from inference_monitor_cli.replay.dead_letters import DeadLetterReplay
from inference_monitor_cli.replay.failed_batches import FailedBatchReplay
from inference_monitor_cli.replay.quarantined_lines import QuarantineReplay
from inference_monitor_cli.sending import Plan, Tally, send_all
from inference_monitor_cli.terminal import printable

_SHOWN = 20

MakePlan = Callable[[Deployment, Event], Plan]


def replay(  # noqa: PLR0913  # each is an option
    prefix: Prefix,
    where: Annotated[
        str | None,
        typer.Argument(
            help="With --quarantined or --from: a key of the capture bucket or the beginning of "
            "one, or s3://bucket/key. Everything by default.",
        ),
    ] = None,
    *,
    quarantined: Annotated[
        bool, typer.Option("--quarantined", help="Quarantined lines that can be read by now.")
    ] = False,
    reason: Annotated[
        str | None,
        typer.Option(
            help="With --quarantined: only lines whose reason has this text in it, in upper or "
            "lower case, for example QueuePool."
        ),
    ] = None,
    failed_batches: Annotated[
        bool, typer.Option("--failed-batches", help="Batches that Step Functions gave up.")
    ] = False,
    dlq: Annotated[
        bool, typer.Option("--dlq", help="Events that could not start the workflow.")
    ] = False,
    first: FirstHour = None,
    last: LastHour = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be sent; send nothing.")
    ] = False,
    in_flight: Annotated[
        int, typer.Option(min=1, max=100, help="How many are sent and not answered at once.")
    ] = 5,
) -> None:
    """Send quarantined lines, failed batches, undelivered events or whole days again.

    Exits with 1 when something was not taken, which then is where it was; the same command tries
    it again. Quarantined lines that still cannot be read are listed and are no failure.
    """
    with told_plainly("replay"):
        narrowed = Narrowed(where, reason)
        make = _chosen(
            narrowed, (first, last), quarantined=quarantined, failed_batches=failed_batches, dlq=dlq
        )
        stopped = Event()
        plan = make(Deployment.find(boto3.Session(), prefix), stopped)
        try:
            failed = _show(plan) if dry_run else send_and_tell(plan, in_flight, stopped)
        finally:
            plan.close()
    raise typer.Exit(FAILED if failed else 0)


@dataclass(frozen=True, slots=True)
class Narrowed:
    """What of the chosen things is meant: capture files, and reasons of quarantined lines."""

    where: str | None
    reason: str | None


def _chosen(narrowed: Narrowed, range_: tuple[str | None, str | None], **flags: bool) -> MakePlan:
    """What makes the plan of the one thing that was asked for."""
    where = narrowed.where
    chosen = [name for name, on in {**flags, "range": any(range_)}.items() if on]
    if len(chosen) != 1:
        raise CommandError(
            "choose one of --quarantined, --failed-batches, --dlq, or --from with --to"
        )
    if where is not None and chosen[0] in ("failed_batches", "dlq"):
        raise CommandError(f"{where!r}: only --quarantined and --from can be narrowed down")
    if narrowed.reason is not None and chosen[0] != "quarantined":
        raise CommandError("--reason: only --quarantined has reasons")
    if chosen[0] == "range":
        if not all(range_):
            raise CommandError(
                "--from and --to belong together, for example --from 2026-03-02 --to 2026-03-02"
            )
        hours = Hours.parse(str(range_[0]), str(range_[1]))
        return lambda deployment, stopped: HoursReplay(deployment, where, hours, stopped).plan()
    plans: dict[str, MakePlan] = {
        "quarantined": lambda deployment, _: QuarantineReplay(
            deployment, where, narrowed.reason
        ).plan(),
        "failed_batches": lambda deployment, _: FailedBatchReplay(deployment).plan(),
        "dlq": lambda deployment, stopped: DeadLetterReplay(deployment, stopped).plan(),
    }
    return plans[chosen[0]]


def _show(plan: Plan) -> bool:
    count = 0
    for sending in plan.sendings:
        count += sending.size
        sys.stdout.write(f"would send {printable(sending.what)}\n")
    _print_rest(plan)
    sys.stdout.write(f"{count} {plan.noun} would be sent; nothing was\n")
    return bool(plan.unusable)


def send_and_tell(plan: Plan, in_flight: int, stopped: Event) -> bool:
    """Send everything, with a count that grows; gives whether something could not be sent."""
    console = Console(stderr=True)
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as progress:
        task = progress.add_task(f"sending {plan.noun}", total=None)

        def show(tally: Tally) -> None:
            text = f"{tally.sent} {plan.noun} sent, {tally.not_sent} not"
            progress.update(task, description=text)

        tally = send_all(plan, in_flight, show, stopped)
    _print_rest(plan)
    for line in tally.problems[:_SHOWN]:
        typer.secho(f"not sent: {printable(line)}", fg="red", err=True)
    if len(tally.problems) > _SHOWN:
        typer.secho(f"… and {len(tally.problems) - _SHOWN} more", fg="red", err=True)
    sys.stdout.write(f"{tally.sent} {plan.noun} sent, {tally.not_sent} not sent\n")
    if tally.not_sent:
        advice = "they are where they were: mend what is said above, then run the same command"
        typer.secho(advice, err=True)
    return bool(tally.not_sent or plan.unusable)


def _print_rest(plan: Plan) -> None:
    for line in plan.stays:
        sys.stdout.write(f"stays: {printable(line)}\n")
    for line in plan.unusable:
        typer.secho(f"cannot be sent: {printable(line)}", fg="red", err=True)
