# ruff: noqa: N803  # boto3 names its arguments so
"""Bedrock's batch jobs in memory: the stand-in's, without its server."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from local.judge.batch import StandInBatches
from local.judge.refusals import RefusedError
from tests.unit.aws import S3, refuse


@dataclass
class Bedrock:
    """A boto3 client of `bedrock`; `refuses` is the error of the next create."""

    s3: S3
    refuses: str | None = None
    created: list[dict[str, Any]] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.batches = StandInBatches(self.s3, "eu-west-1")

    def create_model_invocation_job(self, **asked: Any) -> dict[str, str]:
        """Take a job."""
        if self.refuses:
            raise refuse("CreateModelInvocationJob", self.refuses)
        self.created.append(asked)
        try:
            return {"jobArn": self.batches.create(asked)}
        except RefusedError as refused:
            error = refuse("CreateModelInvocationJob", refused.error, refused.message)
            raise error from refused

    def list_model_invocation_jobs(self, *, nameContains: str) -> dict[str, Any]:
        """The jobs with this in their name."""
        jobs = self.batches.jobs.values()
        return {"invocationJobSummaries": [j for j in jobs if nameContains in j["jobName"]]}

    def get_model_invocation_job(self, *, jobIdentifier: str) -> dict[str, Any]:
        """A job, which then goes on."""
        job = self.batches.jobs[jobIdentifier]
        told = dict(job)
        self.asked.append(job["status"])
        self.batches.advance(job)
        return told
