"""What was found missing: shown, and judged one way or the other."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from threading import Event
from typing import TYPE_CHECKING

import typer

from inference_monitor_cli.backfill.account import Account
from inference_monitor_cli.backfill.batch.creation import create_jobs, find_terms, too_few
from inference_monitor_cli.backfill.batch.spool import Spool
from inference_monitor_cli.executions import HoursReplay
from inference_monitor_cli.ledgers import without_budget
from inference_monitor_cli.replay.command import send_and_tell
from inference_monitor_cli.report import printable
from inference_monitor_cli.sending import Plan

if TYPE_CHECKING:
    from inference_monitor_cli.backfill.work import Backfill


@dataclass(frozen=True)
class Found:
    """Counts and price of what is missing, and how to have it judged.

    `stays` is what belongs to no hour, or where nothing was found; `under_way` are batch jobs whose
    verdicts are not in MLflow yet.
    """

    work: Backfill
    account: Account
    spool: Spool
    replay: HoursReplay
    stopped: Event
    stays: list[str]
    under_way: list[str]

    def show(self) -> None:
        """Print what is missing, what it costs, and what is left out of it."""
        self.account.show(self.work.config)
        sys.stdout.write(f"{printable(self.account.summary())}\n")
        for note in self._notes():
            sys.stdout.write(f"{printable(note)}\n")

    @property
    def is_nothing(self) -> bool:
        """Whether there is nothing to be done."""
        if self.account.batch:
            return len(too_few(self.spool)) == len(self.spool.counts)
        return not self.account.files

    @property
    def is_left_out(self) -> bool:
        """Whether something is missing that batch jobs will not judge."""
        return self.account.batch and bool(
            too_few(self.spool) or self.account.others or self.account.untraced
        )

    def judge_now(self, in_flight: int) -> bool:
        """Have the files processed by the workflow; gives whether something was not."""
        plan = Plan("capture files", self.replay.of(self.account.files))
        left = send_and_tell(plan, in_flight, self.stopped)
        deployment = self.work.deployment
        exhausted = without_budget(
            deployment.session.client("s3"),
            deployment.results_bucket,
            deployment.capture_bucket,
            self.account.files,
        )
        if exhausted:
            typer.secho(
                f"the budget had no room for scores of {exhausted} inferences: run the same "
                "command again when it has",
                err=True,
            )
        return left or bool(exhausted)

    def judge_by_jobs(self) -> bool:
        """Create the jobs, wait for them and collect; gives whether something is still missing."""
        names = []
        for name in create_jobs(
            self.work.jobs,
            self.spool,
            terms=find_terms(self.work.judge, self.spool),
            config=self.work.config,
            default_model=self.work.default_model,
            prefix=self.work.deployment.prefix,
        ):
            sys.stdout.write(f"created job {name}\n")
            names.append(name)
        sys.stdout.flush()
        try:
            return self.work.collect(names) or self.is_left_out
        except KeyboardInterrupt:
            again = " ".join(f"--collect {name}" for name in names)
            typer.secho(f"the jobs go on; later: inference-monitor backfill {again}", err=True)
            return True

    def _notes(self) -> list[str]:
        account, notes = self.account, list(self.stays)
        if account.under_way:
            jobs = " ".join(f"--collect {name}" for name in self.under_way)
            notes.append(
                f"{account.under_way} scores are left to jobs under way: inference-monitor "
                f"backfill {jobs}"
            )
        if account.batch:
            notes += too_few(self.spool)
            notes += [
                f"{name}: {count} are missing; only the deployed function runs it, without --batch"
                for name, count in account.others.items()
            ]
            if account.untraced:
                notes.append(
                    f"{account.untraced} inferences have no trace to add a score to: leave out "
                    "--batch, or replay them first"
                )
        if any(rule.first_per_hour for rule in self.work.config.always):
            notes.append("what is judged for `first_per_hour` alone is not counted here")
        return notes
