"""The envelope SageMaker data capture puts around one inference.

    {"captureData": {"endpointInput": {"observedContentType", "mode", "data", "encoding"},
                     "endpointOutput": {…}},
     "eventMetadata": {"eventId", "inferenceTime", "inferenceId"?, "customAttributes"?: [str]},
     "eventVersion": "0"}

Sides, `mode` and key order vary: capture options may leave out a side, and merge jobs add
`groundTruthData`. Other files of the same tools (ground truth, batch transform) lie beside captures
and hold no inference: they are told apart here, as skipped.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

from inference_monitor.capture.documents import NOT_JSON, parse_json
from inference_monitor.capture.payload import Payload, decode
from inference_monitor.errors import MalformedCaptureError

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_COMPONENT_NAMES = (
    "inferenceComponentName", "InferenceComponentName", "inferenceComponent",
    "targetInferenceComponent", "targetInferenceComponentName",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Envelope:
    """An opened capture: its metadata, and the payload of each side that was captured."""

    event_id: str
    inference_time: datetime
    inference_id: str | None
    custom_attributes: tuple[str, ...]
    inference_component: str | None
    request: Payload | None
    response: Payload | None


def not_an_inference(document: Any) -> str | None:
    """Why a JSON line is a known thing other than an inference; None if it is not such a thing."""
    if isinstance(document, list) and any(isinstance(d, dict) and "prefix" in d for d in document):
        return "manifest of a batch transform capture"
    if not isinstance(document, dict) or "captureData" in document or "endpointInput" in document:
        return None
    if "groundTruthData" in document:
        return "ground truth without a capture"
    if "SageMakerInferenceId" in document:
        return "row of a batch transform output"
    return None


def open_envelope(document: Any) -> Envelope:
    """Read one capture document.

    Raises:
        MalformedCaptureError: If it is no capture or lacks what identifies and dates an inference.
    """
    if not isinstance(document, dict):
        raise MalformedCaptureError(f"a capture is a JSON object, not {_json_type(document)}")
    # Some pipelines unwrap captureData before they store the record.
    sides = _parsed(document.get("captureData", document))
    if not isinstance(sides, dict):
        raise MalformedCaptureError(f"captureData is {_json_type(sides)}, not an object")
    request, response = _side(sides, "endpointInput"), _side(sides, "endpointOutput")
    if request is None and response is None:
        raise MalformedCaptureError("not a capture: neither endpointInput nor endpointOutput")
    metadata = _parsed(document.get("eventMetadata"))
    if not isinstance(metadata, dict):
        raise MalformedCaptureError("eventMetadata is missing")
    return Envelope(
        event_id=_event_id(metadata),
        inference_time=_inference_time(metadata.get("inferenceTime")),
        inference_id=_text(metadata.get("inferenceId")),
        custom_attributes=_custom_attributes(metadata.get("customAttributes")),
        inference_component=_component(document, sides, metadata),
        request=request,
        response=response,
    )


def _parsed(value: Any) -> Any:
    """The object that a text is: pipelines that store tables write columns as JSON text."""
    if not isinstance(value, str) or not value.lstrip().startswith("{"):
        return value
    parsed = parse_json(value)
    return value if parsed is NOT_JSON else parsed


def _side(sides: dict[str, Any], name: str) -> Payload | None:
    side = _parsed(sides.get(name))
    if side is None:
        return None
    if not isinstance(side, dict):
        raise MalformedCaptureError(f"{name} is {_json_type(side)}, not an object")
    return decode(side, name)


def _event_id(metadata: dict[str, Any]) -> str:
    event_id = _text(metadata.get("eventId"))
    if not event_id:
        raise MalformedCaptureError("eventMetadata.eventId is missing: the record has no identity")
    return event_id


def _inference_time(value: Any) -> datetime:
    """The time as SageMaker writes it, or as pipelines do: counted since 1970, in any unit."""
    if value is None or value == "" or isinstance(value, (bool, dict, list)):
        raise MalformedCaptureError("eventMetadata.inferenceTime is missing")
    try:
        moment = _since_epoch(float(value))
    except ValueError:
        moment = _iso_time(str(value).strip())
    except OverflowError:
        moment = None
    if moment is None:
        raise MalformedCaptureError("eventMetadata.inferenceTime is not an ISO 8601 time")
    if moment <= _EPOCH:
        raise MalformedCaptureError("eventMetadata.inferenceTime is before 1970")
    return moment


def _since_epoch(count: float) -> datetime | None:
    """The time of a count of seconds, or thousandths, millionths, … of one; None if it is none."""
    for unit in (1, 1e3, 1e6, 1e9):
        if abs(count / unit) < 1e10:  # the year 2286
            return _EPOCH + timedelta(seconds=count / unit)
    return None


def _iso_time(text: str) -> datetime | None:
    text = text.upper().removesuffix(" UTC").replace("/", "-")
    try:
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            moment = parsedate_to_datetime(text)  # as in HTTP headers
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _custom_attributes(value: Any) -> tuple[str, ...]:
    """The header as it was sent: text, in a list or not; some pipelines have parsed it."""
    values = value if isinstance(value, list) else [value]
    texts = (json.dumps(v, ensure_ascii=False) if isinstance(v, dict) else v for v in values)
    return tuple(v for v in texts if isinstance(v, str) and v not in ("", "{}"))


def _component(*objects: dict[str, Any]) -> str | None:
    """The name of the inference component that answered, wherever it is written."""
    named = (_text(o[name]) for o in objects for name in _COMPONENT_NAMES if name in o)
    return next((name for name in named if name), None)


def _text(value: Any) -> str | None:
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value if isinstance(value, str) and value else None


def _json_type(value: Any) -> str:
    names = {dict: "an object", list: "an array", str: "a string", bool: "a boolean"}
    return "null" if value is None else names.get(type(value), "a number")
