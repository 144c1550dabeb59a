"""Send quarantined lines again, those that can be read by now, and keep the others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

from inference_monitor_cli.deployment import Deployment
from inference_monitor_cli.problems import CommandError
from inference_monitor_cli.replay.processor import MAX_BYTES, MAX_ITEMS, Processor
from inference_monitor_cli.results_bucket import (
    ROOT,
    QuarantinedLine,
    QuarantineObject,
    quarantine_objects,
    quarantined_lines,
    write_lines,
)
from inference_monitor_cli.sending import NotSentError, Plan, Sending

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_TOO_LARGE = (
    "it has more bytes than a request may have: replay the hour of its file with --from and --to"
)


@dataclass(frozen=True, slots=True)
class _Refused:
    """Lines of a batch that were quarantined once more, by digest, with the reason of now.

    `kept_in` are the objects the function has written for them.
    """

    reasons: dict[str, str]
    kept_in: set[str]


class QuarantineReplay:
    """The quarantined lines below a prefix of the results bucket.

    With a `reason`, those in whose reason it occurs; the others stay as they are.
    """

    def __init__(
        self, deployment: Deployment, where: str | None, reason: str | None = None
    ) -> None:
        self._s3: S3Client = deployment.session.client("s3")
        self._processor = Processor(deployment)
        self._results = deployment.results_bucket
        self._prefix = _prefix(deployment, where)
        self._reason = (reason or "").casefold()

    def plan(self) -> Plan:
        """Each object with a line that can be read is one thing to send."""
        plan = Plan("quarantined lines")
        plan.sendings = self._sendings(plan)
        return plan

    def _sendings(self, plan: Plan) -> Iterator[Sending]:
        for of in quarantine_objects(self._s3, self._results, self._prefix):
            try:
                lines = quarantined_lines(self._s3, self._results, of.name)
            except CommandError as error:
                plan.unusable.append(str(error))
                continue
            if lines is None:
                continue  # settled with another object since it was listed
            sendable = []
            for line in lines:
                if self._reason not in str(line.row.get("reason")).casefold():
                    continue
                place = f"{line.place} of s3://{of.bucket}/{of.key}"
                if line.reason:
                    plan.stays.append(f"{place}: {line.reason}")
                elif len(line.entry.text) > MAX_BYTES:
                    plan.unusable.append(f"{place}: {_TOO_LARGE}")
                else:
                    sendable.append(line)
            if sendable:
                what = f"{len(sendable)} of {len(lines)} lines of s3://{of.bucket}/{of.key}"
                yield Sending(what, partial(self._send, of, lines, sendable), len(sendable))

    def _send(
        self,
        of: QuarantineObject,
        lines: Sequence[QuarantinedLine],
        sendable: Sequence[QuarantinedLine],
    ) -> None:
        """Send what can be read; what is not accounted for stays, with the reason of now."""
        before = self._objects(of)
        taken: set[str] = set()
        problems: list[str] = []
        refused = _Refused({}, set())
        for batch in _batches(sendable):
            try:
                summary = self._processor.process(
                    of.bucket,
                    of.key,
                    [line.entry.text for line in batch],
                    execution=f"replay of {of.name}",
                )
            except NotSentError as error:
                problems.append(str(error))
                continue
            digests = {line.entry.digest for line in batch}
            if summary.quarantined:
                refused = self._refused(of, before, digests, refused)
                again = [x for x in batch if x.entry.digest in refused.reasons]
                problems.append(_refusals(refused, again, summary.quarantined))
                if len(again) != summary.quarantined:
                    continue  # nobody can tell which ones: all of them stay
            taken |= digests - refused.reasons.keys()
        self._settle(of, lines, taken, refused)
        if problems:
            raise NotSentError("; ".join(problems), sum(x.entry.digest in taken for x in sendable))

    def _settle(
        self,
        of: QuarantineObject,
        lines: Sequence[QuarantinedLine],
        taken: set[str],
        refused: _Refused,
    ) -> None:
        """Write what stays before anything is deleted."""
        if not taken and not refused.kept_in:
            return
        left = [
            replace(line, row={**line.row, "reason": reason})
            if (reason := refused.reasons.get(line.entry.digest))
            else line
            for line in lines
            if line.entry.digest not in taken
        ]
        kept = write_lines(self._s3, self._results, of, left) if left else None
        for name in {of.name, *refused.kept_in} - {kept}:
            self._s3.delete_object(Bucket=self._results, Key=name)

    def _objects(self, of: QuarantineObject) -> dict[str, datetime]:
        found = quarantine_objects(self._s3, self._results, of.folder)
        return {o.name: o.modified for o in found}

    def _refused(
        self, of: QuarantineObject, before: dict[str, datetime], sent: set[str], known: _Refused
    ) -> _Refused:
        """Which of the lines sent are in objects that the function has written since."""
        reasons, kept_in = dict(known.reasons), set(known.kept_in)
        for name, modified in self._objects(of).items():
            if before.get(name) == modified:
                continue
            rows = quarantined_lines(self._s3, self._results, name) or ()
            digests = {str(row.row.get("sha256")): str(row.row.get("reason")) for row in rows}
            if digests and digests.keys() <= sent:
                reasons |= digests
                kept_in.add(name)
        return _Refused(reasons, kept_in)


def _prefix(deployment: Deployment, where: str | None) -> str:
    """The part of the results bucket that a person means by a URI or a key of captures."""
    bucket, key = deployment.capture_bucket, where or ""
    if key.startswith("s3://"):
        bucket, _, key = key.removeprefix("s3://").partition("/")
    if bucket == deployment.results_bucket or key.startswith(ROOT):
        return key
    return f"{ROOT}{bucket}/{key}" if where else ROOT


def _batches(lines: Sequence[QuarantinedLine]) -> Iterator[list[QuarantinedLine]]:
    batch: list[QuarantinedLine] = []
    size = 0
    for line in lines:
        length = len(line.entry.text) + 2
        if batch and (len(batch) == MAX_ITEMS or size + length > MAX_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(line)
        size += length
    if batch:
        yield batch


def _refusals(refused: _Refused, again: Sequence[QuarantinedLine], count: int) -> str:
    if len(again) != count:
        return f"{count} lines were quarantined again; which ones cannot be told, so all stay"
    reasons = sorted({refused.reasons[line.entry.digest] for line in again})
    return f"{count} quarantined again: {'; '.join(reasons[:3])}"
