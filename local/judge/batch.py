"""The stand-in judge's batch jobs, as Amazon Bedrock serves them: create, get, list, stop.

A job goes on whenever it is asked about: Submitted, InProgress, then done. There is nothing else to
wait for, so whoever follows a job sees each state.
"""

from __future__ import annotations

import json
import random
import string
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from local.http_service import Handler, HttpService
from local.judge.batch_records import answered
from local.judge.behaviour import Behaviour
from local.judge.refusals import RefusedError, model_behind
from local.settings import ACCOUNT

LEAST_RECORDS = 100
_JOBS = "/model-invocation-job"
_RUNNING = ("Submitted", "InProgress")
_COUNTS = ("totalRecordCount", "processedRecordCount", "successRecordCount", "errorRecordCount")


@dataclass(slots=True)
class BatchStats:
    """Since the start: jobs that were created, and records that were answered."""

    jobs: int = 0
    answered: int = 0


@dataclass
class StandInBatches(HttpService):
    """`url` is what AWS_ENDPOINT_URL_BEDROCK takes; `s3` is a boto3 client for its files.

    Of each job begun from now on, `unprocessed` records are left out, as when its time has run out.
    `behaviour` is that of the model.
    """

    s3: Any
    region: str
    unprocessed: int = 0
    behaviour: Behaviour = field(default_factory=Behaviour)
    stats: BatchStats = field(default_factory=BatchStats)
    jobs: dict[str, dict[str, Any]] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.handler = _Handler

    def create(self, asked: dict[str, Any]) -> str:
        """Take a job, and give its ARN; a request that is repeated by its token is one job.

        Raises:
            RefusedError: If the model cannot be called, as when it is called directly.
        """
        for arn, job in self.jobs.items():
            if job["clientRequestToken"] == asked["clientRequestToken"]:
                return arn
        model_behind(asked["modelId"], self.behaviour)
        name = "".join(random.choices(string.ascii_lowercase + string.digits, k=12))  # noqa: S311
        arn = f"arn:aws:bedrock:{self.region}:{ACCOUNT}:model-invocation-job/{name}"
        now = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
        self.jobs[arn] = {**asked, "jobArn": arn, "status": "Submitted", "submitTime": now}
        self.stats.jobs += 1
        return arn

    def advance(self, job: dict[str, Any]) -> None:
        """Take a job one state further."""
        if job["status"] == "InProgress":
            self._process(job)
        elif job["status"] == "Submitted":
            lines = len(self._records(job))
            job["status"] = "InProgress"
            if lines < LEAST_RECORDS:
                job["status"] = "Failed"
                job["message"] = (
                    f"Batch job {job['jobArn'].rpartition('/')[2]} contains less records ({lines}) "
                    f"than the required minimum of: {LEAST_RECORDS}"
                )

    def _records(self, job: dict[str, Any]) -> list[bytes]:
        bucket, key = _place(job["inputDataConfig"]["s3InputDataConfig"]["s3Uri"])
        body: bytes = self.s3.get_object(Bucket=bucket, Key=key)["Body"].read()
        return [line for line in body.split(b"\n") if line.strip()]

    def _process(self, job: dict[str, Any]) -> None:
        lines = self._records(job)
        taken = lines[: len(lines) - self.unprocessed]
        rows = [answered(job["modelId"], line, self.behaviour) for line in taken]
        errors = sum("error" in row for row in rows)
        counts = (len(lines), len(rows), len(rows) - errors, errors)
        job |= dict(zip(_COUNTS, counts, strict=True))
        # Bedrock does not keep the order of the records.
        random.Random(0).shuffle(rows)  # noqa: S311  # no secret
        bucket, folder = _place(job["outputDataConfig"]["s3OutputDataConfig"]["s3Uri"])
        folder = f"{folder.rstrip('/')}/{job['jobArn'].rpartition('/')[2]}"
        name = job["inputDataConfig"]["s3InputDataConfig"]["s3Uri"].rpartition("/")[2]
        # Only control characters are escaped, so that a line holds other separators as they are.
        out = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        usage = [row["modelOutput"]["usage"] for row in rows if "modelOutput" in row]
        manifest = dict(zip(_COUNTS, counts, strict=True)) | {
            "inputTokenCount": sum(used["inputTokens"] for used in usage),
            "outputTokenCount": sum(used["outputTokens"] for used in usage),
        }
        for key, text in {f"{name}.out": out, "manifest.json.out": json.dumps(manifest)}.items():
            self.s3.put_object(Bucket=bucket, Key=f"{folder}/{key}", Body=text.encode())
        self.stats.answered += len(rows) - errors
        job["status"] = "PartiallyCompleted" if self.unprocessed else "Completed"


class _Handler(Handler["StandInBatches"]):
    def serve(self) -> None:
        batches = self.service
        body = self.body()
        url = urlsplit(self.path)
        with batches.lock:
            if (self.command, url.path) == ("POST", _JOBS):
                self._create(batches, json.loads(body))
            elif (self.command, url.path) == ("GET", f"{_JOBS}s"):
                wanted = parse_qs(url.query).get("nameContains", [""])[0]
                found = [job for job in batches.jobs.values() if wanted in job["jobName"]]
                self.reply_json(200, {"invocationJobSummaries": found})
            else:
                self._one(batches, url.path)

    def _create(self, batches: StandInBatches, asked: dict[str, Any]) -> None:
        try:
            self.reply_json(200, {"jobArn": batches.create(asked)})
        except RefusedError as refused:
            error = {"x-amzn-ErrorType": refused.error}
            self.reply_json(refused.status, {"message": refused.message}, error)

    def _one(self, batches: StandInBatches, path: str) -> None:
        """Get or stop a job, named by its ARN or the end of it."""
        name, _, rest = path.removeprefix(f"{_JOBS}/").partition("/")
        name = unquote(name)
        job = next((j for arn, j in batches.jobs.items() if name in (arn, arn[-12:])), None)
        if job is None:
            message = {"message": "The provided model invocation job was not found"}
            self.reply_json(404, message, {"x-amzn-ErrorType": "ResourceNotFoundException"})
        elif rest == "stop":
            if job["status"] in _RUNNING:
                job["status"] = "Stopped"
            self.reply_json(200, {})
        else:
            told = dict(job)
            batches.advance(job)
            self.reply_json(200, told)


def _place(uri: str) -> tuple[str, str]:
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return bucket, key
