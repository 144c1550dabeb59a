"""Find the missing scores of a range of hours, price them, and have them judged."""

from __future__ import annotations

import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from threading import Event
from typing import cast, get_args

import typer
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from inference_monitor.capture.s3 import read_entries
from inference_monitor.config.models import ModelTable, model_table, parse_prices
from inference_monitor.config.scorers import ScorersConfig, load_scorers
from inference_monitor.config.specs import bedrock_model_id
from inference_monitor.privacy.build import Mode
from inference_monitor.scoring.cost.forecast import Forecast
from inference_monitor.scoring.judge.calls import JudgeCall
from inference_monitor.scoring.judge.client import ConverseClient, Judge
from inference_monitor.traces.store import MlflowTraceStore
from inference_monitor_cli.backfill.batch.collection import Collector, tell
from inference_monitor_cli.backfill.batch.jobs import BatchJobs, follow, told
from inference_monitor_cli.backfill.batch.spool import Spool, create_jobs, find_terms, too_few
from inference_monitor_cli.backfill.missing_scores import Lacking, MissingScores
from inference_monitor_cli.captures import Hours
from inference_monitor_cli.deployment import Deployment
from inference_monitor_cli.executions import HoursReplay
from inference_monitor_cli.problems import CommandError
from inference_monitor_cli.project_files import find_scorers, redaction
from inference_monitor_cli.replay.command import send_and_tell
from inference_monitor_cli.results_bucket import without_budget
from inference_monitor_cli.sending import Plan
from inference_monitor_cli.stored_traces import NoExperimentError, StoredTraces
from inference_monitor_cli.terminal import printable


@dataclass(slots=True)
class Account:
    """Counts of what is lacking, with expected prices in USD.

    Of a `batch`, `others` and what has no trace are counted apart: it cannot judge them.
    `dear` are third-party scorers, whose calls are not known before; `unpriced` are models.
    `files` are the keys of the capture files, `under_way` scores that are left to others.
    """

    prices: ModelTable
    batch: bool = False
    inferences: int = 0
    untraced: int = 0
    under_way: int = 0
    calls: int = 0
    usd: float = 0.0
    files: list[str] = field(default_factory=list)
    missing: Counter[str] = field(default_factory=Counter)
    others: Counter[str] = field(default_factory=Counter)
    usd_of: dict[str, float] = field(default_factory=dict)
    dear: set[str] = field(default_factory=set)
    unpriced: set[str] = field(default_factory=set)

    def add(self, key: str, lacking: Lacking) -> None:
        """Count one inference of the file with this key."""
        others = [spec.name for spec in lacking.others]
        self.untraced += not lacking.traced
        if self.batch:
            self.others.update(others)
            if not lacking.traced or not lacking.calls:
                return
        else:
            self.missing.update(others)
            self.dear |= {spec.name for spec in lacking.others if spec.asks_judge}
        if key not in self.files[-1:]:
            self.files.append(key)
        self.inferences += 1
        self.missing.update(lacking.asked)
        for call in lacking.calls:
            self._add(call)

    def _add(self, call: JudgeCall) -> None:
        self.calls += 1
        usd = Forecast(self.prices).usd(call)
        if usd is None:
            self.unpriced.add(bedrock_model_id(call.model))
            return
        if self.batch:
            usd *= self.prices.batch
        self.usd += usd
        for name in call.names:
            self.usd_of[name] = self.usd_of.get(name, 0.0) + usd / len(call.names)

    def summary(self) -> str:
        """One line."""
        return (
            f"{sum(self.missing.values())} scores of {self.inferences} inferences in "
            f"{len(self.files)} files are missing: {self.calls} judge calls, {self.price()}"
        )

    def price(self) -> str:
        """What they cost, as far as it is known."""
        told = f"about {self.usd:.2f} USD" + (" at the price of batch jobs" if self.batch else "")
        unknown = sorted(self.unpriced)
        if self.dear:
            unknown.append(f"the calls of {', '.join(sorted(self.dear))}")
        return told + (f", without {' and '.join(unknown)}: no price is known" if unknown else "")

    def show(self, config: ScorersConfig) -> None:
        """Print a row for each scorer that is missing somewhere, in the order of the file."""
        table = Table("scorer", "version")
        table.add_column("missing", justify="right")
        table.add_column("USD", justify="right")
        for spec in config.scorers:
            if count := self.missing[spec.name]:
                usd = f"{self.usd_of.get(spec.name, 0.0):.2f}" if spec.asks_judge else "-"
                usd = "?" if spec.name in self.dear else usd
                table.add_row(Text(spec.name), Text(spec.version), str(count), usd)
        if self.missing:
            Console().print(table)


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


class Backfill:
    """A deployment with its scorers, its prices and its MLflow."""

    def __init__(
        self,
        deployment: Deployment,
        scorers_file: Path | None,
        tracking_uri: str | None,
        experiment: str | None,
    ) -> None:
        """What is None is as the deployment has it; `scorers_file` as this project has it.

        Raises:
            InvalidScorersError, InvalidModelsError: If a file cannot be used.
            CommandError: If MLflow does not answer or has no experiment of a name that was given,
                or the stack is an older one.
        """
        self.deployment = deployment
        self.file = scorers_file or find_scorers()
        self.config = load_scorers(self.file)
        self.default_model = deployment.variable("MONITOR_JUDGE_MODEL")
        own = parse_prices(deployment.function_environment.get("MONITOR_JUDGE_PRICES", ""))
        self.prices = model_table().with_own(own)
        self._mlflow = (
            tracking_uri or deployment.variable("MONITOR_MLFLOW_TRACKING_URI"),
            experiment or deployment.variable("MONITOR_EXPERIMENT_NAME"),
        )
        self._traces = self._open_traces(may_be_new=experiment is None)

    @cached_property
    def jobs(self) -> BatchJobs:
        """The batch jobs of the deployment."""
        return BatchJobs(self.deployment)

    @cached_property
    def judge(self) -> Judge:
        """Whoever asks the models of batch jobs what they take, with the caller's credentials."""
        client = self.deployment.session.client("bedrock-runtime")
        return Judge(cast(ConverseClient, client), models=self.prices)

    @contextmanager
    def looked_for(
        self, where: str | None, hours: Hours, only: Sequence[str], *, batch: bool
    ) -> Iterator[Found]:
        """What the inferences of these hours lack, until the work is done.

        Args:
            where: A part of the capture bucket, all that is watched if None.
            hours: When the captures were written.
            only: Names of scorers; none for all.
            batch: Whether to get the calls ready for batch jobs.

        Raises:
            CommandError: If a name is not in `scorers.yaml`.
            MonitorError: If S3 or MLflow fails.
        """
        known = [spec.name for spec in self.config.scorers]
        if unknown := [name for name in only if name not in known]:
            raise CommandError(
                f"{self.file} has no scorer {', '.join(unknown)}; it has {', '.join(known)}"
            )
        under_way = self.jobs.under_way() if batch else {}
        search = MissingScores(
            self.config,
            self.default_model,
            self._traces.stored if self._traces else lambda _ids: {},
            redact=redaction(self._redaction),
            only=only,
            under_way=frozenset().union(*under_way.values()),
        )
        stopped, plan = Event(), Plan("capture files")
        asked = {"scorers": list(only)} if only else {}
        replay = HoursReplay(self.deployment, where, hours, stopped, asked)
        account = Account(self.prices, batch)
        with tempfile.TemporaryDirectory() as folder, Spool(Path(folder)) as spool:
            self._look(replay.files(plan), search, account, spool if batch else None)
            account.under_way = search.left_to_others
            yield Found(
                self,
                account,
                spool,
                replay,
                stopped,
                [*plan.stays, *plan.unusable],
                list(under_way),
            )

    def collect(self, names: Sequence[str]) -> bool:
        """Wait for jobs and put their verdicts into MLflow; gives whether something is missing.

        Raises:
            CommandError: If there is no such job, here or at Bedrock.
            MonitorError: If MLflow fails.
        """
        manifests = {name: self.jobs.manifest(name) for name in names}
        left = False
        for job in follow(self.jobs, names):
            traces = MlflowTraceStore(*self._mlflow)
            collector = Collector(manifests[job.name], traces, self.prices)
            collected = collector.collect(self.jobs.answers(job.name))
            left |= tell(told(job), collected)
            if not collected.not_written:
                self.jobs.close(job.name, collected)
        return left

    def _open_traces(self, *, may_be_new: bool) -> StoredTraces | None:
        """What asks MLflow. Before anything was traced there is no experiment, and no trace."""
        try:
            return StoredTraces(*self._mlflow)
        except NoExperimentError:
            if not may_be_new:
                raise
            return None

    @property
    def _redaction(self) -> Mode:
        told = self.deployment.variable("MONITOR_REDACTION")
        for mode in get_args(Mode):
            if mode == told:
                return cast(Mode, mode)
        raise CommandError(f"the deployed function redacts by {told!r}, which is not known here")

    def _look(
        self, keys: Iterable[str], search: MissingScores, account: Account, spool: Spool | None
    ) -> None:
        s3, bucket = self.deployment.session.client("s3"), self.deployment.capture_bucket
        console = Console(stderr=True)
        columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
        with Progress(
            *columns, console=console, transient=True, disable=not console.is_terminal
        ) as progress:
            task = progress.add_task("looking", total=None)
            for key in keys:
                source = self.deployment.source_of(key)
                if source.foreign:
                    continue
                if self._traces:
                    source = replace(source, experiment_id=self._traces.experiment_id)
                for lacking in search.of_file(source, read_entries(s3, bucket, key)):
                    account.add(key, lacking)
                    if spool:
                        spool.add(lacking)
                progress.update(task, description=f"{account.summary()} so far")
