"""`inference-monitor load`: a load test of the endpoint and of everything behind it."""

from __future__ import annotations

import json
import sys
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import boto3
import typer
from rich.console import Console
from rich.text import Text

from inference_monitor_cli.deployment import Deployment
from inference_monitor_cli.load.following import Follower, Outcome, run_load
from inference_monitor_cli.load.limit import Step, doubled, find_limit
from inference_monitor_cli.load.prompts import RequestFormat, read_bodies
from inference_monitor_cli.load.report import as_document, as_lines, step_line, steps_document
from inference_monitor_cli.load.schedule import Schedule
from inference_monitor_cli.load.sending import Sender
from inference_monitor_cli.load.targets import (
    CaptureTarget,
    EndpointTarget,
    Target,
    check_capture,
)
from inference_monitor_cli.options import ExperimentName, Prefix, TrackingUri
from inference_monitor_cli.problems import FAILED, CommandError, needs_mlflow, told_plainly

ALL_PERCENT = 100
DEFAULT_COUNT = 100


@dataclass(frozen=True, kw_only=True)
class LoadTest:
    """What stays the same from one run to the next."""

    make_target: Callable[[], Target]
    bodies: Sequence[bytes]
    concurrency: int
    wait_seconds: float
    search: Callable[[str], set[str]]
    """The inference ids of a run that have a trace."""
    show: Callable[[int, int], None]

    def run(self, schedule: Schedule) -> Outcome:
        """Send everything that a schedule asks for and follow it."""
        run = f"load-{uuid.uuid4().hex[:12]}"
        sender = Sender(
            target=self.make_target(), bodies=self.bodies, run=run, concurrency=self.concurrency
        )
        follower = Follower(lambda: self.search(run))
        return run_load(sender, follower, schedule, wait_seconds=self.wait_seconds, show=self.show)


def load(  # noqa: PLR0913  # each is an option
    prefix: Prefix,
    prompts: Annotated[
        Path,
        typer.Argument(
            help="A file of prompts, one per line; or .jsonl: a string is a prompt, an object a "
            "request body.",
        ),
    ],
    *,
    rate: Annotated[float, typer.Option(min=0.01, help="Inferences per second.")] = 1.0,
    count: Annotated[
        int | None, typer.Option(min=1, help="How many; 100 by default. Prompts are repeated.")
    ] = None,
    duration: Annotated[
        float | None, typer.Option(min=0.1, help="Instead of --count: for so many seconds.")
    ] = None,
    ramp: Annotated[
        float, typer.Option(min=0, help="Seconds in which the rate rises from 0 to --rate.")
    ] = 0.0,
    concurrency: Annotated[
        int, typer.Option(min=1, max=500, help="The most requests at once.")
    ] = 10,
    find_limit_up_to: Annotated[
        float | None,
        typer.Option(
            "--find-limit",
            min=0.01,
            metavar="RATE",
            help="Double the rate from --rate up to this one, --duration seconds each (60 by "
            "default), until the lag grows.",
        ),
    ] = None,
    captures: Annotated[
        bool,
        typer.Option("--captures", help="Write synthetic captures instead of calling a model."),
    ] = False,
    request_format: Annotated[
        RequestFormat, typer.Option("--format", help="How a plain prompt is sent.")
    ] = "chat",
    wait: Annotated[
        float,
        typer.Option(min=0, help="Stop this many seconds after the last new trace."),
    ] = 300.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    tracking_uri: TrackingUri = None,
    experiment: ExperimentName = None,
) -> None:
    """Send inferences at a rate, follow each until it is a trace, and report the lag.

    Calls the monitored endpoint, which costs what any call costs; so does judging the traces.

    Exits with 1 when an inference has no trace or no answer.
    """
    with told_plainly("load"):
        _check(count, duration, find_limit_up_to, rate)
        bodies = read_bodies(prompts, request_format)
        with needs_mlflow("load looks for the traces in MLflow"):
            from inference_monitor_cli.load.traces import RunTraces  # noqa: PLC0415
        deployment = Deployment.find(boto3.Session(), prefix)
        endpoint = deployment.variable("MONITOR_ENDPOINT_NAME")
        traces = RunTraces(
            tracking_uri or deployment.variable("MONITOR_MLFLOW_TRACKING_URI"),
            experiment or deployment.variable("MONITOR_EXPERIMENT_NAME"),
        )
        console = Console(stderr=True, highlight=False)
        if not captures:
            _warn_of_sampling(console, check_capture(deployment.session, endpoint), endpoint)
        with _progress(console) as show:
            test = LoadTest(
                make_target=lambda: (
                    CaptureTarget.of(deployment, endpoint)
                    if captures
                    else EndpointTarget(deployment.session, endpoint, concurrency)
                ),
                bodies=bodies,
                concurrency=concurrency,
                wait_seconds=wait,
                search=traces.inference_ids,
                show=show,
            )
            if find_limit_up_to:
                steps = find_limit(
                    lambda step: test.run(Schedule.lasting(duration or 60.0, rate=step, ramp=ramp)),
                    doubled(rate, find_limit_up_to),
                )
            else:
                outcome = test.run(_schedule(rate, count, duration, ramp))
        if find_limit_up_to:
            failed = _report_steps(steps, as_json=as_json)
        else:
            failed = _report_run(outcome, as_json=as_json)
    raise typer.Exit(FAILED if failed else 0)


def _check(count: int | None, duration: float | None, limit: float | None, rate: float) -> None:
    if count and duration:
        raise CommandError("give --count or --duration, not both")
    if limit and count:
        raise CommandError("--find-limit takes --duration, the seconds of each step, not --count")
    if limit and limit < rate:
        raise CommandError(f"--find-limit {limit:g} is below --rate {rate:g}")


def _schedule(rate: float, count: int | None, duration: float | None, ramp: float) -> Schedule:
    if duration:
        return Schedule.lasting(duration, rate=rate, ramp=ramp)
    return Schedule(rate=rate, count=count or DEFAULT_COUNT, ramp=ramp)


def _warn_of_sampling(console: Console, percentage: int, endpoint: str) -> None:
    if percentage < ALL_PERCENT:
        console.print(
            Text(
                f"{endpoint} captures {percentage} % of its inferences: the others will be "
                "reported as missing",
                "yellow",
            )
        )


@contextmanager
def _progress(console: Console) -> Iterator[Callable[[int, int], None]]:
    """Show the counts on stderr, in place on a terminal and nowhere else."""
    with console.status("sending") as status:
        yield lambda sent, traced: status.update(f"{sent} sent, {traced} traced")


def _report_run(outcome: Outcome, *, as_json: bool) -> bool:
    """Print the outcome; whether something is missing or was not answered."""
    document = as_document(outcome)
    _print(document, as_lines(document), as_json=as_json)
    return bool(outcome.missing or document["errors"])


def _report_steps(steps: Sequence[Step], *, as_json: bool) -> bool:
    """Print the steps and the limit; whether the search ended for another reason than the lag."""
    document = steps_document(steps)
    lines = [step_line(step) for step in steps]
    if (limit := document["falls_behind_at"]) is not None:
        kept = document["keeps_up_at"]
        up_to = "no rate that was tried" if kept is None else f"{kept:g} per second"
        lines.append(f"The monitor keeps up with {up_to} and falls behind at {limit:g}.")
    elif steps[-1].verdict == "keeps up":
        lines.append(f"The monitor keeps up with {steps[-1].rate:g} per second, the highest tried.")
    else:
        lines.append(f"No limit found: {steps[-1].verdict} at {steps[-1].rate:g} per second.")
    _print(document, lines, as_json=as_json)
    return document["falls_behind_at"] is None and steps[-1].verdict != "keeps up"


def _print(document: dict[str, Any], lines: Sequence[str], *, as_json: bool) -> None:
    sys.stdout.write(json.dumps(document, indent=2) if as_json else "\n".join(lines))
    sys.stdout.write("\n")
