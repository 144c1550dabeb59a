"""Put capture files into the bucket and follow what becomes of them, up to the last execution."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from inference_monitor.ledger import Summary, ledger_key
from local.captures import CaptureFile
from local.chain import Chain, Deployment

# Every execution is some threads in the emulator; AWS would start thousands at once.
IN_FLIGHT = 12
POLL_SECONDS = 0.4
START_SECONDS = 60
STALL_SECONDS = 1200


class RunError(Exception):
    """The run does not come to an end; says what to look at."""


@dataclass
class FileRun:
    """One capture file on its way; `error` is what Step Functions says of a failed execution."""

    file: CaptureFile
    uri: str
    put_at: float = 0.0
    status: str = "WAITING"
    error: str | None = None
    records_done: int = 0
    ledger: Summary | None = None

    @property
    def done(self) -> bool:
        """Whether its execution has ended."""
        return self.status not in ("WAITING", "PUT", "RUNNING")


@dataclass
class Run:
    """The files of one run, and which execution belongs to which."""

    chain: Chain
    deployment: Deployment
    files: list[FileRun] = field(default_factory=list)
    _files_of: dict[str, FileRun] = field(default_factory=dict)

    @classmethod
    def of(cls, chain: Chain, deployment: Deployment, files: Sequence[CaptureFile]) -> Run:
        """A run of these files that has not begun."""
        bucket = deployment.bucket
        runs = [FileRun(file, f"s3://{bucket}/{file.key}") for file in files]
        return cls(chain, deployment, runs)

    def follow(self, show: Callable[[Run], None]) -> None:
        """Put the files, a few at a time, until every execution has ended; then read the ledgers.

        Raises:
            RunError: If a file starts no execution, or nothing happens for long.
        """
        last_change, before = time.monotonic(), ""
        while not all(run.done for run in self.files):
            self._put_more()
            self._update()
            show(self)
            now = repr([(run.status, run.records_done) for run in self.files])
            if now != before:
                last_change, before = time.monotonic(), now
            if time.monotonic() - last_change > STALL_SECONDS:
                raise RunError(f"nothing has happened for {STALL_SECONDS} s")
            time.sleep(POLL_SECONDS)
        for run in self.files:
            run.ledger = self._read_ledger(run.file)
        show(self)

    def count(self, *statuses: str) -> int:
        """How many files have one of these statuses."""
        return sum(run.status in statuses for run in self.files)

    def _put_more(self) -> None:
        room = IN_FLIGHT - self.count("PUT", "RUNNING")
        s3 = self.chain.emulated("s3")
        for run in [run for run in self.files if run.status == "WAITING"][: max(room, 0)]:
            with run.file.path.open("rb") as body:
                s3.put_object(Bucket=self.deployment.bucket, Key=run.file.key, Body=body)
            run.status, run.put_at = "PUT", time.monotonic()

    def _update(self) -> None:
        by_key = {run.file.key: run for run in self.files}
        for execution in self._executions():
            arn = execution["executionArn"]
            if arn not in self._files_of:
                self._files_of[arn] = by_key[self._key_of(arn)]
            run = self._files_of[arn]
            if not run.done:
                self._see(run, arn, execution["status"])
        for run in self.files:
            if run.status == "PUT" and time.monotonic() - run.put_at > START_SECONDS:
                raise RunError(
                    f"{run.uri} has started no execution of {self.deployment.state_machine_arn}: "
                    f"see {self.chain.settings.logs / 'emulator.log'}"
                )

    def _executions(self) -> Iterator[dict[str, Any]]:
        pages = self.chain.emulated("stepfunctions").get_paginator("list_executions")
        for page in pages.paginate(stateMachineArn=self.deployment.state_machine_arn):
            yield from page["executions"]

    def _key_of(self, arn: str) -> str:
        found = self.chain.emulated("stepfunctions").describe_execution(executionArn=arn)
        return str(json.loads(found["input"])["detail"]["object"]["key"])

    def _see(self, run: FileRun, arn: str, status: str) -> None:
        run.status = status
        sfn = self.chain.emulated("stepfunctions")
        if run.done:
            run.records_done = run.file.lines
            found = sfn.describe_execution(executionArn=arn)
            if status != "SUCCEEDED":
                run.error = f"{found.get('error', status)}: {found.get('cause', '')}"
            return
        for map_run in sfn.list_map_runs(executionArn=arn)["mapRuns"]:
            counts = sfn.describe_map_run(mapRunArn=map_run["mapRunArn"])["itemCounts"]
            run.records_done = counts["succeeded"] + counts["failed"]

    def _read_ledger(self, file: CaptureFile) -> Summary | None:
        s3 = self.chain.emulated("s3")
        key = ledger_key(self.deployment.bucket, file.key)
        try:
            body = s3.get_object(Bucket=self.deployment.results_bucket, Key=key)["Body"]
        except s3.exceptions.NoSuchKey:
            return None
        return Summary.from_dict(json.loads(body.read()))
