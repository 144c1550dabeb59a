"""The results bucket: ledgers, and the lines in quarantine."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from inference_monitor.capture.documents import NOT_JSON, parse_json
from inference_monitor.capture.lines import Line
from inference_monitor.capture.reader import Entry, Quarantined, read_document, read_line
from inference_monitor.ledger import QUARANTINE_PREFIX, Summary, ledger_key, quarantine_key
from inference_monitor_cli.problems import CommandError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


ROOT = f"{QUARANTINE_PREFIX}/"


@dataclass(frozen=True, slots=True)
class QuarantineObject:
    """One object, and the capture file its lines are of."""

    name: str
    bucket: str
    key: str
    modified: datetime

    @property
    def folder(self) -> str:
        """Where all quarantined lines of the same capture file are."""
        return f"{ROOT}{self.bucket}/{self.key}/"


@dataclass(frozen=True, slots=True)
class QuarantinedLine:
    """A row as it is kept, and how its line reads now."""

    row: dict[str, Any]
    entry: Entry

    @property
    def reason(self) -> str | None:
        """Why it still cannot be read; None if it can."""
        record = self.entry.record
        return record.reason if isinstance(record, Quarantined) else None

    @property
    def place(self) -> str:
        """Where it stood in its file: files read by ranges have offsets, batches have neither."""
        if isinstance(number := self.row.get("line"), int):
            return f"line {number}"
        if isinstance(offset := self.row.get("offset"), int):
            return f"the line at byte {offset}"
        return "a line"


def quarantine_objects(s3: S3Client, results: str, prefix: str) -> Iterator[QuarantineObject]:
    """List the objects below a prefix of the results bucket."""
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=results, Prefix=prefix):
        for found in page.get("Contents", ()):
            path, _, digest = found["Key"].removeprefix(ROOT).rpartition("/")
            bucket, _, key = path.partition("/")
            if bucket and key and digest.endswith(".jsonl"):
                yield QuarantineObject(found["Key"], bucket, key, found["LastModified"])


def quarantined_lines(s3: S3Client, results: str, name: str) -> list[QuarantinedLine] | None:
    """Read an object, and its lines anew with the reader of this version; None if it is gone.

    Raises:
        CommandError: If it is not what the monitor writes.
    """
    try:
        body = s3.get_object(Bucket=results, Key=name)["Body"].read()
    except ClientError as error:
        if error.response.get("Error", {}).get("Code") == "NoSuchKey":
            return None
        raise
    lines = []
    for number, text in enumerate(body.split(b"\n"), start=1):
        if not text.strip():
            continue
        row = parse_json(text.decode("utf-8", "replace"))
        if not isinstance(row, dict) or not isinstance(row.get("text"), str):
            raise CommandError(
                f"s3://{results}/{name}: row {number} is no JSON object with a text: mend or "
                "delete it"
            )
        lines.append(QuarantinedLine(row, _read(row["text"])))
    return lines


def write_lines(
    s3: S3Client, results: str, of: QuarantineObject, lines: Sequence[QuarantinedLine]
) -> str:
    """Keep these lines of an object in one of their own; gives its name."""
    digests = "".join(str(line.row.get("sha256")) for line in lines)
    digest = hashlib.sha256(digests.encode("utf-8", "replace")).hexdigest()
    name = quarantine_key(of.bucket, of.key, digest[:32])
    body = "".join(json.dumps(line.row) + "\n" for line in lines)
    s3.put_object(Bucket=results, Key=name, Body=body.encode())
    return name


def _read(text: str) -> Entry:
    """Read a line; one that can be read becomes the document that is sent."""
    data = text.encode("utf-8", "surrogatepass")
    entry = read_line(Line(0, 0, data, len(data)))
    document = parse_json(text)
    if isinstance(entry.record, Quarantined) or document is NOT_JSON:
        return entry
    return read_document(document)


def without_budget(s3: S3Client, results: str, captures: str, keys: Iterable[str]) -> int:
    """How many inferences of these files the budget had no room for, when they came last."""
    ledgers = (_ledger(s3, results, ledger_key(captures, key)) for key in keys)
    return sum(ledger.budget_exhausted for ledger in ledgers if ledger)


def _ledger(s3: S3Client, bucket: str, key: str) -> Summary | None:
    try:
        body = s3.get_object(Bucket=bucket, Key=key)["Body"]
    except ClientError as error:
        if error.response.get("Error", {}).get("Code") != "NoSuchKey":
            raise
        return None
    return Summary.from_dict(json.loads(body.read()))
