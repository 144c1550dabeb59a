"""`inference-monitor doctor`: what people get wrong, before and after a deployment."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import Annotated, Any

import boto3
import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from inference_monitor_cli.doctor import (
    account,
    tools,
)
from inference_monitor_cli.doctor import (
    deployed as doctor_deployed,
)
from inference_monitor_cli.doctor.canary import Canary
from inference_monitor_cli.doctor.checks import Check, Context, Result, State, run
from inference_monitor_cli.problems import FAILED, CommandError, told_plainly
from inference_monitor_cli.terminal import printable

BEFORE = (*tools.CHECKS, *account.CHECKS)
AFTER = doctor_deployed.CHECKS
CANARY = "canary"
_STATE_WIDTH = 7
_NAME_WIDTH = 17
_STYLES = {State.FAILED: "red", State.UNKNOWN: "yellow", State.NOTE: "cyan", State.OK: "green"}


def doctor(
    prefix: Annotated[
        str | None,
        typer.Option("--prefix", envvar="STACK_PREFIX", help="By default STACK_PREFIX of .env."),
    ] = None,
    *,
    canary: Annotated[
        bool,
        typer.Option(help="Send a record through the chain, when deployed; judged for some cents."),
    ] = True,
    wait: Annotated[
        float, typer.Option(min=0.1, help="Minutes until the canary is given up.")
    ] = 15,
    live: Annotated[
        bool, typer.Option("--live", help="Also ask each judge once, for a fraction of a cent.")
    ] = False,
    only: Annotated[list[str] | None, typer.Option(help="This check; can be repeated.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Check settings, account and deployment, then send a canary record until it is a scored trace.

    Works before a deployment, too. Each failed check names the command that mends it. Exits with 1
    when a check has failed or could not look, with 2 when none could be made.

    The canary is a record of one harmless question with the variant `inference-monitor-canary`. Its
    capture file is deleted when it has arrived; its trace is found by
    `tags.variant = 'inference-monitor-canary'`.
    """
    with told_plainly("doctor"):
        context, progress = Context(boto3.Session(), prefix, live=live), Console(stderr=True)
        console, results = Console(), []
        with progress.status("looking") as status:

            def show_canary(where: str) -> None:
                status.update(f"canary: {printable(where)}")

            sent = Canary(context, wait * 60, show_canary)
            for result in run(_chosen(sent, only, canary=canary), context):
                results.append(result)
                if not as_json and result.finding.state is not State.SKIPPED:
                    _print(console, result)
        if as_json:
            sys.stdout.write(json.dumps(_document(results)) + "\n")
        else:
            _print_end(console, results)
    raise typer.Exit(FAILED if any(result.bad for result in results) else 0)


def _chosen(sent: Canary, only: Sequence[str] | None, *, canary: bool) -> list[Check]:
    """The checks that are asked for, in their order.

    Raises:
        CommandError: If there is no check of a name.
    """
    checks = [*BEFORE, *AFTER]
    if canary:
        checks.append(Check(CANARY, "a record becomes a scored trace", sent.look))
    names = [check.name for check in checks]
    if unknown := [name for name in only or () if name not in names]:
        raise CommandError(f"there is no check {unknown[0]!r}; there are {', '.join(names)}")
    return [check for check in checks if not only or check.name in only]


def _print(console: Console, result: Result) -> None:
    """A line for the check, and the command below it, unbroken so that it can be copied."""
    finding = result.finding
    row = Table.grid(padding=(0, 1))
    row.add_column(width=_STATE_WIDTH)
    row.add_column(width=_NAME_WIDTH)
    row.add_column(overflow="fold")
    style = _STYLES.get(finding.state, "")
    row.add_row(Text(finding.state, style), Text(result.check.name), Text(printable(finding.found)))
    console.print(row)
    if finding.mend:
        indent = " " * (_STATE_WIDTH + 1)
        console.print(Text(f"{indent}-> {printable(finding.mend)}"), soft_wrap=True)


def _print_end(console: Console, results: Sequence[Result]) -> None:
    """What was skipped, together for each reason, and how many checks ended in which way."""
    reasons: dict[str, list[str]] = {}
    for result in results:
        if result.finding.state is State.SKIPPED:
            reasons.setdefault(result.finding.found, []).append(result.check.name)
    for reason, names in reasons.items():
        skipped = Text(f"{', '.join(names)}: {printable(reason)}")
        row = Table.grid(padding=(0, 1))
        row.add_column(width=_STATE_WIDTH)
        row.add_row(Text(State.SKIPPED), skipped)
        console.print(row)
    states = [result.finding.state for result in results]
    counts = [f"{states.count(state)} {state}" for state in State if state in states]
    console.print(Text(f"{len(results)} checks: {', '.join(counts)}"), soft_wrap=True)


def _document(results: Sequence[Result]) -> dict[str, Any]:
    return {
        "fine": not any(result.bad for result in results),
        "checks": [result.document() for result in results],
    }
