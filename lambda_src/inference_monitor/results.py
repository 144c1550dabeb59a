"""The results bucket: ledgers and quarantined lines in, results of map runs out."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from inference_monitor.aws_errors import code_of
from inference_monitor.capture.reader import Entry
from inference_monitor.inference import Source
from inference_monitor.ledger import Summary, ledger_key, quarantine_key
from inference_monitor.transient_errors import s3_errors

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_EXISTS = ("PreconditionFailed", "ConditionalRequestConflict")


class S3Results:
    """Implements `ports.ResultsStore` and `ports.LedgerStore`."""

    def __init__(self, s3: S3Client, bucket: str) -> None:
        self._s3 = s3
        self._bucket = bucket

    def quarantine(self, source: Source, lines: Sequence[tuple[Entry, str]]) -> None:
        """Keep lines in one object, named by their digests so that a retry replaces it."""
        rows = [
            {
                "source": source.uri,
                "line": entry.number,
                "offset": entry.offset,
                "reason": reason,
                "sha256": entry.digest,
                "text": entry.text,
            }
            for entry, reason in lines
        ]
        digest = hashlib.sha256("".join(entry.digest for entry, _ in lines).encode()).hexdigest()
        body = "".join(json.dumps(row) + "\n" for row in rows)
        self._put(quarantine_key(source.bucket, source.key, digest[:32]), body)

    def write_ledger(self, source: Source, summary: Summary) -> None:
        """Keep the counts of a capture file; a later delivery replaces them."""
        self._put(ledger_key(source.bucket, source.key), _ledger(source, summary))

    def write_first_ledger(self, source: Source, summary: Summary) -> bool:
        """Keep the counts unless the file has a ledger; returns whether they were kept."""
        key = ledger_key(source.bucket, source.key)
        try:
            with s3_errors(f"s3://{self._bucket}/{key}"):
                body = _ledger(source, summary).encode()
                self._s3.put_object(Bucket=self._bucket, Key=key, Body=body, IfNoneMatch="*")
        except ClientError as error:
            # S3 answers 409 to the slower of two conditional writes at the same time.
            if code_of(error) in _EXISTS:
                return False
            raise
        return True

    def read_map_results(self, bucket: str, manifest_key: str) -> tuple[list[Any], list[Any]]:
        """Read the outputs of the batches that succeeded, and the executions that failed.

        The manifest names files of JSON lines: outputs as they are where batches succeeded
        (transformation COMPACT), execution records with their `Input` where they failed.
        """
        manifest = json.loads(self._get(bucket, manifest_key))
        succeeded, failed = (
            [json.loads(line) for f in manifest["ResultFiles"].get(status, ()) for line in
             self._get(bucket, f["Key"]).splitlines() if line]
            for status in ("SUCCEEDED", "FAILED")
        )  # fmt: skip
        return succeeded, failed

    def _put(self, key: str, body: str) -> None:
        with s3_errors(f"s3://{self._bucket}/{key}"):
            self._s3.put_object(Bucket=self._bucket, Key=key, Body=body.encode())

    def _get(self, bucket: str, key: str) -> bytes:
        with s3_errors(f"s3://{bucket}/{key}"):
            return self._s3.get_object(Bucket=bucket, Key=key)["Body"].read()


def _ledger(source: Source, summary: Summary) -> str:
    ledger = {
        "source": source.uri,
        "endpoint": source.endpoint,
        "variant": source.variant,
        "balanced": summary.balanced,
        **summary.as_dict(),
    }
    return json.dumps(ledger, indent=2)
