"""Find what a deployment's inferences lack. Imported only when asked for: it needs MLflow."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from threading import Event
from typing import cast, get_args

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from inference_monitor.capture.s3 import read_entries
from inference_monitor.config.models import model_table
from inference_monitor.config.own_prices import parse_prices
from inference_monitor.config.scorers import load_scorers
from inference_monitor.privacy.build import Mode
from inference_monitor.scoring.judge.client import ConverseClient, Judge
from inference_monitor.traces.store import MlflowTraceStore
from inference_monitor_cli.backfill.account import Account
from inference_monitor_cli.backfill.batch.collected_report import tell
from inference_monitor_cli.backfill.batch.collection import Collector
from inference_monitor_cli.backfill.batch.following import follow, told
from inference_monitor_cli.backfill.batch.jobs import BatchJobs
from inference_monitor_cli.backfill.batch.spool import Spool
from inference_monitor_cli.backfill.found import Found
from inference_monitor_cli.backfill.missing_scores import MissingScores
from inference_monitor_cli.capture_files import Hours
from inference_monitor_cli.deployment import Deployment
from inference_monitor_cli.executions import HoursReplay
from inference_monitor_cli.problems import CommandError
from inference_monitor_cli.project_files import find_scorers, redaction
from inference_monitor_cli.sending import Plan
from inference_monitor_cli.stored_traces import NoExperimentError, StoredTraces


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
