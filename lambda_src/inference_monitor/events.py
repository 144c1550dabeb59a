"""The events that the function accepts, each read into a request.

* from the map: `{"BatchInput": {"bucket", "key", "execution"?}, "Items": [record, …]}`
* by hand: `{"bucket", "key"}` or `{"s3_bucket", "s3_key"}`
* an S3 event: EventBridge's `{"detail": {"bucket": {"name"}, "object": {"key"}}}`, or an S3
  notification's `{"Records": [{"s3": …}]}` with one record
* before a map over a whole file: `{"cut": {"bucket", "key"}}`
* after a map: `{"ledger": {"bucket", "key", "results": {"Bucket", "Key"}, "map_run"?}}`
* after an execution that ended badly: EventBridge's "Step Functions Execution Status Change"

The first three may have `"scoring": "off"` for traces without scores, or `"scorers": ["name", …]`
for the scores of these scorers only. The workflow adds `execution`, the ARN of the execution, which
is the same in all its attempts, and `request`, the input that the execution was started with, which
may have both members, too. It sends `"range": {"start", "end"}` for the lines that begin in these
bytes.

Other members are ignored. Errors name members and never quote values, because events hold what
people typed.
"""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal
from urllib.parse import unquote_plus

from pydantic import (
    AliasPath,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_core import ErrorDetails, PydanticCustomError

from inference_monitor.capture.source import ByteRange
from inference_monitor.errors import InvalidEventError

EXECUTION_ENDED = "Step Functions Execution Status Change"
"""The `detail-type` of the events of Step Functions about its executions."""

_EXPECTED = (
    'send {"bucket": "…", "key": "….jsonl"}, an S3 event, '
    'or {"BatchInput": {"bucket": "…", "key": "…"}, "Items": […]}'
)
_PROBLEMS = {
    "list_type": "is not a list",
    "missing": "is missing",
    "model_type": "is not an object",
    "string_too_short": "is empty",
    "string_type": "is not a text",
}
"""Messages for pydantic's error types; its own are used for others."""

Name = Annotated[str, Field(min_length=1)]
OptionalName = Annotated[
    str | None, BeforeValidator(lambda value: value if isinstance(value, str) and value else None)
]


class _Model(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True, strict=True)


class Location(_Model):
    """A capture file, as the function is invoked by hand."""

    bucket: Name
    key: Name


class _S3Location(Location):
    """The same under other names."""

    bucket: Name = Field(validation_alias="s3_bucket")
    key: Name = Field(validation_alias="s3_key")


class _EventBridgeLocation(Location):
    """An event of S3 through EventBridge."""

    bucket: Name = Field(validation_alias=AliasPath("detail", "bucket", "name"))
    key: Name = Field(validation_alias=AliasPath("detail", "object", "key"))


class _NotificationLocation(Location):
    """An event notification of S3."""

    bucket: Name = Field(validation_alias=AliasPath("Records", 0, "s3", "bucket", "name"))
    key: Name = Field(validation_alias=AliasPath("Records", 0, "s3", "object", "key"))

    @model_validator(mode="before")
    @classmethod
    def _has_one_record(cls, event: dict[str, Any]) -> dict[str, Any]:
        if not isinstance(event["Records"], list) or len(event["Records"]) != 1:
            raise PydanticCustomError("records", "an S3 notification must hold exactly one record")
        return event

    @field_validator("key")
    @classmethod
    def _decode(cls, key: str) -> str:
        """S3's own notifications encode the key as in a URL; EventBridge does not."""
        return unquote_plus(key)


def _shape_of_pair(where: Any) -> Literal["pair", "s3_pair"]:
    return "s3_pair" if isinstance(where, dict) and "s3_bucket" in where else "pair"


def _shape_of_file(event: Any) -> Literal["pair", "s3_pair", "event_bridge", "notification"]:
    if isinstance(event, dict) and "detail" in event:
        return "event_bridge"
    if isinstance(event, dict) and "Records" in event:
        return "notification"
    return _shape_of_pair(event)


_Pair = Annotated[
    Annotated[Location, Tag("pair")] | Annotated[_S3Location, Tag("s3_pair")],
    Discriminator(_shape_of_pair),
]
_File = Annotated[
    Annotated[Location, Tag("pair")]
    | Annotated[_S3Location, Tag("s3_pair")]
    | Annotated[_EventBridgeLocation, Tag("event_bridge")]
    | Annotated[_NotificationLocation, Tag("notification")],
    Discriminator(_shape_of_file),
]
_INTERNAL = {"file", "wanted", "pair", "s3_pair", "event_bridge", "notification"}
"""Parts of pydantic's locations that the event does not have."""


class Wanted(_Model):
    """Whether records are scored, and by which scorers."""

    mode: Any = Field(default=None, validation_alias="scoring")
    names: list[str] | None = Field(default=None, validation_alias="scorers")

    @property
    def scoring(self) -> bool:
        """Whether any scorer runs."""
        return bool(self.mode != "off")

    @property
    def scorers(self) -> frozenset[str] | None:
        """The only scorers that run; None for all."""
        return None if self.names is None else frozenset(self.names)


class _Request(_Model):
    file: Location

    @property
    def bucket(self) -> str:
        """The bucket of the capture file."""
        return self.file.bucket

    @property
    def key(self) -> str:
        """The key of the capture file."""
        return self.file.key


class Batch(_Request):
    """Records of a capture file, parsed by Step Functions."""

    file: _Pair = Field(validation_alias="BatchInput")
    items: list[Any] = Field(validation_alias="Items")
    execution: OptionalName = Field(
        default=None, validation_alias=AliasPath("BatchInput", "execution")
    )
    wanted: Wanted

    @model_validator(mode="before")
    @classmethod
    def _merge(cls, event: dict[str, Any]) -> dict[str, Any]:
        batch_input = event.get("BatchInput")
        request = batch_input.get("request") if isinstance(batch_input, dict) else None
        return {**event, "wanted": _merged(request, event)}


class CaptureFile(_Request):
    """A capture file to be read by the function, whole or a range of it."""

    file: _File
    execution: OptionalName = None
    wanted: Wanted
    range: ByteRange | None = None

    @model_validator(mode="before")
    @classmethod
    def _merge(cls, event: dict[str, Any]) -> dict[str, Any]:
        return {**event, "file": event, "wanted": _merged(event.get("request"), event)}

    @field_validator("range", mode="before")
    @classmethod
    def _read_range(cls, limits: Any) -> ByteRange:
        start, end = (limits.get(n) if isinstance(limits, dict) else None for n in ("start", "end"))
        if not isinstance(start, int) or not isinstance(end, int) or not 0 <= start < end:
            raise PydanticCustomError("range", "needs whole numbers, 0 <= start < end")
        return ByteRange(start, end)


class CutFile(_Request):
    """A capture file to be cut into ranges."""

    file: _Pair = Field(validation_alias="cut")


class MapRun(_Request):
    """A finished map over a capture file: the manifest of its results, and the ARN of the run."""

    file: _Pair = Field(validation_alias="ledger")
    manifest_bucket: Name = Field(validation_alias=AliasPath("ledger", "results", "Bucket"))
    manifest_key: Name = Field(validation_alias=AliasPath("ledger", "results", "Key"))
    map_run: OptionalName = Field(default=None, validation_alias=AliasPath("ledger", "map_run"))


def _parse_input(text: Any) -> Any:
    """The input of an execution, which its event has as JSON text."""
    try:
        return json.loads(text)
    except (TypeError, ValueError, RecursionError):
        raise PydanticCustomError("input", "is not a JSON object in a text") from None


class FailedExecution(_Request):
    """An execution over a capture file that failed, timed out or was stopped, and its error."""

    file: Annotated[_File, BeforeValidator(_parse_input)] = Field(
        validation_alias=AliasPath("detail", "input")
    )
    error: OptionalName = Field(default=None, validation_alias=AliasPath("detail", "error"))


Request = Batch | CaptureFile | CutFile | MapRun | FailedExecution


def parse_event(event: Any) -> Request:
    """Read the event of an invocation.

    Raises:
        InvalidEventError: If the event has none of the shapes above; names the members that are
            wrong, and shows events that are right.
    """
    if not isinstance(event, dict):
        raise InvalidEventError(f"the event is not a JSON object; {_EXPECTED}")
    try:
        return _model_of(event).model_validate(event)
    except ValidationError as error:
        problems = [_describe(e) for e in error.errors(include_url=False, include_input=False)]
    raise InvalidEventError(f"the event cannot be used: {', '.join(problems)}; {_EXPECTED}")


def _model_of(event: dict[str, Any]) -> type[Request]:
    """The kind of request that an event is, by the members that it has."""
    if "Items" in event:
        return Batch
    if "ledger" in event:
        return MapRun
    if event.get("detail-type") == EXECUTION_ENDED:
        return FailedExecution
    return CutFile if "cut" in event else CaptureFile


def _merged(request: Any, event: dict[str, Any]) -> dict[str, Any]:
    """What to score: as the execution's input says, unless the event says otherwise."""
    return {**request, **event} if isinstance(request, dict) else event


def _describe(error: ErrorDetails) -> str:
    where = ".".join(str(part) for part in error["loc"] if part not in _INTERNAL)
    return f"{where} {_PROBLEMS.get(error['type'], error['msg'])}".lstrip()
