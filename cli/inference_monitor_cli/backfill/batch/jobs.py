"""Batch jobs on Bedrock: create, find, wait for them."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import IO, Any, Self

from botocore.exceptions import ClientError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from inference_monitor.capture.lines import iter_lines
from inference_monitor.capture.s3 import CHUNK_BYTES
from inference_monitor.config.specs import bedrock_model_id
from inference_monitor.scoring.batch.jobs import (
    BATCH_JUDGING_PREFIX,
    collected_key,
    input_key,
    job_of,
    manifest_key,
    output_folder,
)
from inference_monitor.scoring.batch.manifest import Manifest
from inference_monitor_cli.backfill.batch.collection import Collected
from inference_monitor_cli.backfill.missing_scores import Score
from inference_monitor_cli.deployment import Deployment
from inference_monitor_cli.problems import CommandError
from inference_monitor_cli.terminal import printable

_RUNNING = ("Submitted", "Validating", "Scheduled", "InProgress", "Stopping")
_ANSWERED = ("Completed", "PartiallyCompleted")


@dataclass(frozen=True, slots=True)
class Job:
    """A job as Bedrock describes it."""

    name: str
    arn: str
    status: str
    message: str
    processed: int
    total: int

    @classmethod
    def of(cls, told: dict[str, Any]) -> Self:
        """Read an answer of GetModelInvocationJob, or a summary."""
        counts = told.get("processedRecordCount", 0), told.get("totalRecordCount", 0)
        return cls(
            told["jobName"], told["jobArn"], told["status"], told.get("message", ""), *counts
        )

    @property
    def has_ended(self) -> bool:
        """Whether nothing more comes of it; what it has answered so far can be collected."""
        return self.status not in _RUNNING

    @property
    def answers(self) -> bool:
        """Whether its records are judged, or will be."""
        return self.status in (*_RUNNING, *_ANSWERED)


class BatchJobs:
    """The jobs by their names. A job is there when its manifest is, even if Bedrock knows none."""

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment
        self._bucket = deployment.results_bucket
        self._s3 = deployment.session.client("s3")
        self._bedrock = deployment.session.client("bedrock")
        self._arns: dict[str, str] = {}

    def create(self, job: str, model: str, manifest: IO[bytes], records: IO[bytes]) -> None:
        """Put the files of a job where they belong, and start it.

        The manifest comes first: with it, the job is found again whatever happens then.
        """
        keys = {manifest_key(job): manifest, input_key(job): records}
        for key, body in keys.items():
            self._s3.put_object(Bucket=self._bucket, Key=key, Body=body)
        root = f"s3://{self._bucket}/"
        try:
            created = self._bedrock.create_model_invocation_job(
                jobName=job,
                clientRequestToken=job,
                roleArn=self._deployment.batch_judging_role,
                modelId=bedrock_model_id(model),
                modelInvocationType="Converse",
                inputDataConfig={"s3InputDataConfig": {"s3Uri": root + input_key(job)}},
                outputDataConfig={"s3OutputDataConfig": {"s3Uri": root + output_folder(job)}},
            )
        except ClientError:
            for key in keys:
                self._s3.delete_object(Bucket=self._bucket, Key=key)
            raise
        self._arns[job] = created["jobArn"]

    def find(self, name: str) -> Job | None:
        """What Bedrock says of a job; None if it knows none of this name.

        A job that was created a moment ago may be in no list yet.
        """
        if name in self._arns:
            return self.state(self._arns[name])
        found = self._bedrock.list_model_invocation_jobs(nameContains=name)
        jobs = [Job.of(told) for told in found.get("invocationJobSummaries", ())]
        return next((job for job in jobs if job.name == name), None)

    def state(self, arn: str) -> Job:
        """What Bedrock says of a job it knows."""
        return Job.of(self._bedrock.get_model_invocation_job(jobIdentifier=arn))

    def manifest(self, job: str) -> Manifest:
        """What the records of a job stand for.

        Raises:
            CommandError: If there is no such job here.
        """
        try:
            return Manifest.read(self._lines(manifest_key(job)))
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") != "NoSuchKey":
                raise
            raise CommandError(
                f"there is no job {job!r} in s3://{self._bucket}/{BATCH_JUDGING_PREFIX}/, where "
                "jobs stay for 30 days"
            ) from error

    def under_way(self) -> dict[str, frozenset[Score]]:
        """The scores that jobs are judging, or have judged and wait to be collected, by job."""
        keys = set(self._keys(f"{BATCH_JUDGING_PREFIX}/"))
        names = sorted(job_of(key) for key in keys if key == manifest_key(job_of(key)))
        open_ = [name for name in names if collected_key(name) not in keys]
        jobs = {name: job for name in open_ if (job := self.find(name))}
        return {name: self._scores(name) for name, job in jobs.items() if job.answers}

    def answers(self, job: str) -> Iterator[Any]:
        """The lines that Bedrock has written about the records of a job; None for a broken one."""
        for key in self._keys(output_folder(job)):
            if key.endswith(".jsonl.out"):
                for line in self._lines(key):
                    try:
                        yield json.loads(line)
                    except ValueError:
                        yield None

    def close(self, job: str, collected: Collected) -> None:
        """Note that a job is collected, so that what it left out is missing again."""
        body = json.dumps(asdict(collected)).encode()
        self._s3.put_object(Bucket=self._bucket, Key=collected_key(job), Body=body)

    def _scores(self, job: str) -> frozenset[Score]:
        manifest = self.manifest(job)
        return frozenset(
            (asked.trace_id, name, manifest.spec(name).version)
            for asked in manifest.asked.values()
            for name in asked.criteria
        )

    def _keys(self, folder: str) -> Iterator[str]:
        pages = self._s3.get_paginator("list_objects_v2").paginate(
            Bucket=self._bucket, Prefix=folder
        )
        for page in pages:
            yield from (found["Key"] for found in page.get("Contents", ()))

    def _lines(self, key: str) -> Iterator[bytes]:
        body = self._s3.get_object(Bucket=self._bucket, Key=key)["Body"]
        return (line.data for line in iter_lines(body.iter_chunks(CHUNK_BYTES)))


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
