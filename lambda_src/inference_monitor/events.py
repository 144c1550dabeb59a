"""The shapes of event the function takes, each read into what it asks for.

* from the map: `{"BatchInput": {"bucket", "key", "execution"?}, "Items": [record, …]}`
* by hand: `{"bucket", "key"}` or `{"s3_bucket", "s3_key"}`
* an S3 event: EventBridge's `{"detail": {"bucket": {"name"}, "object": {"key"}}}`, or an S3
  notification's `{"Records": [{"s3": …}]}` with one record
* before a map over a whole file: `{"cut": {"bucket", "key"}}`
* after a map: `{"ledger": {"bucket", "key", "results": {"Bucket", "Key"}, "map_run"?}}`
* after an execution that ended badly: EventBridge's "Step Functions Execution Status Change"

`"scoring": "off"` beside the first three asks for traces without scores, `"scorers": ["name", …]`
for the scores of these scorers only. `execution` is the ARN of the execution, the same in all its
attempts, and `request` the input that somebody started it with, where both may stand, too; the
workflow sends these two with files as well, and with `"range": {"start", "end"}` it asks for the
lines that begin in these bytes.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_plus

from inference_monitor.capture.source import ByteRange
from inference_monitor.errors import InvalidEventError

EXECUTION_ENDED = "Step Functions Execution Status Change"
"""The `detail-type` of the events of Step Functions about its executions."""

_EXPECTED = (
    'send {"bucket": "…", "key": "….jsonl"}, an S3 event, '
    'or {"BatchInput": {"bucket": "…", "key": "…"}, "Items": […]}'
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Whether records are to be scored, and by which scorers; None: by all."""

    scoring: bool = True
    scorers: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class Batch:
    """Records of a capture file, parsed by Step Functions."""

    bucket: str
    key: str
    items: list[Any]
    wanted: Wanted = Wanted()
    execution: str | None = None


@dataclass(frozen=True, slots=True)
class CaptureFile:
    """A capture file to be read here, whole or a range of it."""

    bucket: str
    key: str
    wanted: Wanted = Wanted()
    execution: str | None = None
    range: ByteRange | None = None


@dataclass(frozen=True, slots=True)
class CutFile:
    """A capture file to be cut into ranges."""

    bucket: str
    key: str


@dataclass(frozen=True, slots=True)
class MapRun:
    """A finished map over a capture file: the manifest of its results, and the ARN of the run."""

    bucket: str
    key: str
    manifest_bucket: str
    manifest_key: str
    map_run: str | None = None


@dataclass(frozen=True, slots=True)
class FailedExecution:
    """An execution over a capture file that failed, timed out or was stopped, and its error."""

    bucket: str
    key: str
    error: str | None


Request = Batch | CaptureFile | CutFile | MapRun | FailedExecution


def parse_event(event: Any) -> Request:
    """Read the event of an invocation.

    Raises:
        InvalidEventError: If the event has none of the shapes above; says which there are.
    """
    if not isinstance(event, dict):
        raise InvalidEventError(f"the event is not a JSON object; {_EXPECTED}")
    if "Items" in event:
        batch_input = _object(event, "BatchInput")
        if not isinstance(event["Items"], list):
            raise InvalidEventError("Items is not a list of records")
        execution = _optional_text(batch_input, "execution")
        wanted = _wanted(batch_input.get("request"), event)
        return Batch(*_location(batch_input), event["Items"], wanted, execution)
    if "ledger" in event:
        ledger = _object(event, "ledger")
        results = _object(ledger, "results")
        manifest = _text(results, "Bucket"), _text(results, "Key")
        return MapRun(*_location(ledger), *manifest, _optional_text(ledger, "map_run"))
    if event.get("detail-type") == EXECUTION_ENDED:
        detail = _object(event, "detail")
        return FailedExecution(
            *_file_location(_json_object(detail, "input")), _optional_text(detail, "error")
        )
    if "cut" in event:
        return CutFile(*_location(_object(event, "cut")))
    execution = _optional_text(event, "execution")
    wanted = _wanted(event.get("request"), event)
    return CaptureFile(*_file_location(event), wanted, execution, _range(event))


def _wanted(*asked: Any) -> Wanted:
    """What the input of the execution or the event itself asks for; the latter counts more."""
    told: dict[str, Any] = {}
    for document in asked:
        told |= document if isinstance(document, dict) else {}
    names = told.get("scorers")
    if names is None:
        return Wanted(told.get("scoring") != "off")
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise InvalidEventError('scorers must be a list of names, as in {"scorers": ["safety"]}')
    return Wanted(told.get("scoring") != "off", frozenset(names))


def _range(event: dict[str, Any]) -> ByteRange | None:
    if "range" not in event:
        return None
    limits = _object(event, "range")
    start, end = limits.get("start"), limits.get("end")
    if not isinstance(start, int) or not isinstance(end, int) or not 0 <= start < end:
        raise InvalidEventError("range needs whole numbers, 0 <= start < end")
    return ByteRange(start, end)


def _file_location(event: dict[str, Any]) -> tuple[str, str]:
    if "detail" in event:
        detail = _object(event, "detail")
        return _text(_object(detail, "bucket"), "name"), _text(_object(detail, "object"), "key")
    if "Records" in event:
        records = event["Records"]
        if not isinstance(records, list) or len(records) != 1 or not isinstance(records[0], dict):
            raise InvalidEventError("an S3 notification must hold exactly one record")
        s3 = _object(records[0], "s3")
        # S3's own notifications encode the key as in a URL; EventBridge does not.
        key = unquote_plus(_text(_object(s3, "object"), "key"))
        return _text(_object(s3, "bucket"), "name"), key
    return _location(event)


def _location(where: dict[str, Any]) -> tuple[str, str]:
    if "s3_bucket" in where:
        return _text(where, "s3_bucket"), _text(where, "s3_key")
    return _text(where, "bucket"), _text(where, "key")


def _object(where: dict[str, Any], name: str) -> dict[str, Any]:
    value = where.get(name)
    if not isinstance(value, dict):
        raise InvalidEventError(f"the event has no {name} object; {_EXPECTED}")
    return value


def _json_object(where: dict[str, Any], name: str) -> dict[str, Any]:
    """An object that stands there as text."""
    try:
        value = json.loads(_text(where, name))
    except ValueError:
        value = None
    return _object({name: value}, name)


def _text(where: dict[str, Any], name: str) -> str:
    value = where.get(name)
    if not isinstance(value, str) or not value:
        raise InvalidEventError(f"the event names no {name}; {_EXPECTED}")
    return value


def _optional_text(where: dict[str, Any], name: str) -> str | None:
    value = where.get(name)
    return value if isinstance(value, str) and value else None
