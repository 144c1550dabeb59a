"""Builders of captures for unit tests."""

from __future__ import annotations

import io
import json
from typing import Any

from botocore.response import StreamingBody

from inference_monitor.capture.reader import read_document
from inference_monitor.inference import Inference


def capture(request: Any = None, response: Any = None, **metadata: Any) -> dict[str, Any]:
    """A capture document; payloads that are no text are written as JSON, None leaves a side out."""
    sides = {}
    for side, payload in (("endpointInput", request), ("endpointOutput", response)):
        if payload is not None:
            data = payload if isinstance(payload, str) else json.dumps(payload)
            sides[side] = {
                "observedContentType": "application/json",
                "data": data,
                "encoding": "JSON",
            }
    told = {"eventId": "e-1", "inferenceTime": "2026-03-02T09:00:00Z", **metadata}
    return {"captureData": sides, "eventMetadata": told, "eventVersion": "0"}


def read(request: Any = None, response: Any = None, **metadata: Any) -> Inference:
    """The inference that a capture of these payloads is read as."""
    record = read_document(capture(request, response, **metadata)).record
    assert isinstance(record, Inference), record
    return record


def s3_body(data: bytes) -> dict[str, Any]:
    """What GetObject answers for an object with this content."""
    return {"Body": StreamingBody(io.BytesIO(data), len(data))}
