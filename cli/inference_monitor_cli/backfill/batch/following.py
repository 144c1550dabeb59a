"""Wait for batch jobs, and say how far they are."""

from __future__ import annotations

import time
from collections.abc import Sequence

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from inference_monitor_cli.backfill.batch.jobs import BatchJobs, Job
from inference_monitor_cli.problems import CommandError
from inference_monitor_cli.report import printable

FIRST_PAUSE_SECONDS = 2.0
LONGEST_PAUSE_SECONDS = 60.0
"""Jobs take minutes to hours; Bedrock's own deadline for one is a day or more."""


def follow(jobs: BatchJobs, names: Sequence[str]) -> list[Job]:
    """Wait until all of these jobs have ended, in whatever way.

    Raises:
        CommandError: If Bedrock does not know one.
    """
    found = {name: jobs.find(name) for name in names}
    if unknown := [name for name, job in found.items() if job is None]:
        raise CommandError(f"Bedrock has no job {', '.join(unknown)} in this account and region")
    states = [job for job in found.values() if job]
    pause = FIRST_PAUSE_SECONDS
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    )  # fmt: skip
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as bar:
        tasks = [bar.add_task(told(job), total=None) for job in states]
        while True:
            for task, job in zip(tasks, states, strict=True):
                total = job.total or None
                bar.update(task, description=told(job), completed=job.processed, total=total)
            if all(job.has_ended for job in states):
                return states
            time.sleep(pause)
            pause = min(pause * 1.5, LONGEST_PAUSE_SECONDS)
            states = [job if job.has_ended else jobs.state(job.arn) for job in states]


def told(job: Job) -> str:
    """A job and its state, with Bedrock's reason if it has one."""
    return printable(f"{job.name}: {job.status}" + (f": {job.message}" if job.message else ""))
