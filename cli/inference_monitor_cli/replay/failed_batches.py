"""Send the batches again that Step Functions has given up, and put their map runs' results right.

`map-results/<run>/manifest.json` names the files of records of executions that have FAILED, or were
still PENDING when the run was ended, each with its `Input` ("ResultWriter" in the Step Functions
developer guide). When every one of a run is taken, their answers join its results, the manifest no
longer calls them failed, and the function closes the file's ledger anew, which then balances.
"""

from __future__ import annotations

import json
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from threading import Condition, Lock
from typing import IO, TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from inference_monitor.capture.lines import iter_lines
from inference_monitor.capture.s3 import CHUNK_BYTES
from inference_monitor.errors import InvalidEventError
from inference_monitor.events import Batch, CaptureFile, parse_event
from inference_monitor.ledger import MAP_RESULTS_PREFIX, Summary, ledger_key
from inference_monitor.results import S3Results
from inference_monitor_cli.deployment import Deployment
from inference_monitor_cli.replay.processor import Processor
from inference_monitor_cli.sending import Plan, Sending

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

NOT_DONE = ("FAILED", "PENDING")
MANIFEST = "manifest.json"
_IN_MEMORY = 32 * 1024 * 1024


@dataclass
class _MapRun:
    """A run with failed batches: what its manifest says, and the answers of this replay."""

    manifest_key: str
    manifest: dict[str, Any]
    file: tuple[str, str] | None = None
    planned: int = 0
    answers: list[Summary] = field(default_factory=list)
    lock: Lock = field(default_factory=Lock)

    @property
    def folder(self) -> str:
        return self.manifest_key.removesuffix(MANIFEST)

    @property
    def is_done(self) -> bool:
        return len(self.answers) == self.planned


class _Turns:
    """Lets the batches of one run go side by side, but not those of two runs over the same file.

    A file whose batches failed was read again in ranges, and these are the same records: sent at
    the same time, one of them would be refused.
    """

    def __init__(self) -> None:
        self._changed = Condition()
        self._busy: defaultdict[tuple[str, str] | None, list[str]] = defaultdict(list)

    @contextmanager
    def of(self, run: _MapRun) -> Iterator[None]:
        """The time in which this run's batches may be sent."""
        with self._changed:
            busy = self._busy[run.file]
            self._changed.wait_for(lambda: set(busy) <= {run.manifest_key})
            busy.append(run.manifest_key)
        try:
            yield
        finally:
            with self._changed:
                busy.remove(run.manifest_key)
                self._changed.notify_all()


class FailedBatchReplay:
    """The failed batches of all map runs whose results are still kept."""

    def __init__(self, deployment: Deployment) -> None:
        self._s3: S3Client = deployment.session.client("s3")
        self._processor = Processor(deployment)
        self._results = deployment.results_bucket
        self._turns = _Turns()

    def plan(self) -> Plan:
        """Each batch is one thing to send."""
        plan = Plan("failed batches")
        plan.sendings = self._sendings(plan)
        return plan

    def _sendings(self, plan: Plan) -> Iterator[Sending]:
        for key in self._manifests():
            manifest = json.loads(self._s3.get_object(Bucket=self._results, Key=key)["Body"].read())
            run = _MapRun(key, manifest)
            # One behind, so that the run cannot look done before its last batch is planned.
            before: Sending | None = None
            for record in self._records(manifest):
                try:
                    following = self._sending(run, record)
                except (InvalidEventError, KeyError, TypeError, ValueError) as error:
                    # With one batch unsent the run stays as it is.
                    run.planned += 1
                    plan.unusable.append(
                        f"a batch of s3://{self._results}/{key}: no Input to send ({error!r})"
                    )
                    continue
                run.planned += 1
                if before:
                    yield before
                before = following
            if before:
                yield before

    def _manifests(self) -> Iterator[str]:
        pages = self._s3.get_paginator("list_objects_v2").paginate(
            Bucket=self._results, Prefix=f"{MAP_RESULTS_PREFIX}/"
        )
        for page in pages:
            for found in page.get("Contents", ()):
                if found["Key"].endswith(f"/{MANIFEST}"):
                    yield found["Key"]

    def _records(self, manifest: dict[str, Any]) -> Iterator[bytes]:
        """Records of executions as JSON; files of them may have gigabytes: this disk keeps one."""
        for status in NOT_DONE:
            for file in manifest["ResultFiles"].get(status, ()):
                with tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY) as copy:
                    self._s3.download_fileobj(self._results, file["Key"], copy)
                    copy.seek(0)
                    yield from (line.data for line in iter_lines(_chunks(copy)))

    def _sending(self, run: _MapRun, data: bytes) -> Sending:
        """One batch, or one range of a file that was cut up; its event goes out as it was."""
        record = json.loads(data)
        event = parse_event(json.loads(record["Input"]))
        if isinstance(event, Batch):
            records, what = len(event.items), f"{len(event.items)} records of "
        elif isinstance(event, CaptureFile) and event.range:
            records, what = None, f"bytes {event.range.start} to {event.range.end} of "
        else:
            raise InvalidEventError("neither a batch nor a range")
        run.file = event.bucket, event.key
        what += f"s3://{event.bucket}/{event.key} ({record.get('Error') or 'not started'})"
        return Sending(what, partial(self._send, run, record["Input"], records))

    def _send(self, run: _MapRun, event: str, records: int | None) -> None:
        with self._turns.of(run):
            answer = self._processor.repeat(event, records)
        with run.lock:
            run.answers.append(answer)
            if run.is_done:
                self._settle(run)

    def _settle(self, run: _MapRun) -> None:
        body = "".join(json.dumps(answer.as_dict()) + "\n" for answer in run.answers).encode()
        key = f"{run.folder}REPLAYED_0.jsonl"
        self._s3.put_object(Bucket=self._results, Key=key, Body=body)
        files = run.manifest["ResultFiles"]
        run.manifest["Replayed"] = {status: files.get(status, []) for status in NOT_DONE}
        files["SUCCEEDED"] = [*files.get("SUCCEEDED", ()), {"Key": key, "Size": len(body)}]
        files.update({status: [] for status in NOT_DONE})
        manifest = json.dumps(run.manifest).encode()
        self._s3.put_object(Bucket=self._results, Key=run.manifest_key, Body=manifest)
        if run.file and self._is_worth_a_ledger(run, *run.file):
            self._processor.close_ledger(*run.file, (self._results, run.manifest_key))

    def _is_worth_a_ledger(self, run: _MapRun, bucket: str, key: str) -> bool:
        """Unless a later delivery has accounted for as much, or this was a part of the file."""
        try:
            found = self._s3.get_object(Bucket=self._results, Key=ledger_key(bucket, key))
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") != "NoSuchKey":
                raise
            return True
        ledger = json.loads(found["Body"].read())
        results = S3Results(self._s3, self._results)
        answers, _ = results.read_map_results(self._results, run.manifest_key)
        captured = sum(answer["captured"] for answer in answers)
        accounted = ledger["captured"] if ledger["balanced"] else ledger["captured"] - 1
        return bool(captured > accounted)


def _chunks(file: IO[bytes]) -> Iterator[bytes]:
    while chunk := file.read(CHUNK_BYTES):
        yield chunk
