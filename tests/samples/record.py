"""One sample: what was sent, what came back, and what must be read from it."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from typing import Any

JSON, SSE, LINES = "application/json", "text/event-stream", "application/jsonlines"


@dataclass(frozen=True, slots=True)
class Sample:
    """A captured inference and the fields `inspect --json` must report for it.

    Payloads that are no text are written as JSON; None leaves the side out. `hidden` captures the
    answer as SageMaker does where its content type is not listed: base64, content type null.
    """

    request: Any
    response: Any
    expected: dict[str, Any]
    types: tuple[str | None, str | None] = (JSON, JSON)
    hidden: bool = False
    metadata: dict[str, Any] = field(default_factory=dict)
    extra: dict[str, Any] = field(default_factory=dict)


def llm(
    messages: Any,
    text: str | None,
    tokens: tuple[int | None, int | None] = (None, None),
    **more: Any,
) -> dict[str, Any]:
    """Expected fields of an answered prompt; a text as `messages` is one user message."""
    if isinstance(messages, str):
        messages = [{"role": "user", "content": messages}]
    fields = {"kind": "llm", "messages": messages, "output_text": text, "finish_reason": None}
    fields |= {"input_tokens": tokens[0], "output_tokens": tokens[1]}
    return {**fields, "is_error": False, "status_code": 200, **more}


def failed(messages: Any, status: int | None, message: str, **more: Any) -> dict[str, Any]:
    """Expected fields of a failed prompt."""
    told = {"is_error": True, "status_code": status, "error_message": message, **more}
    return llm(messages, None) | told


def model(kind: str, **more: Any) -> dict[str, Any]:
    """Expected fields of an answer that is no text."""
    return llm(None, None) | {"kind": kind, **more}


def events(*documents: Any, end: str = "\n\n", space: str = " ") -> str:
    """Server-sent events, as servers write them."""
    written = (d if isinstance(d, str) else json.dumps(d) for d in documents)
    return "".join(f"data:{space}{w}{end}" for w in written)


def lines(*documents: Any) -> str:
    """JSON lines."""
    return "".join(json.dumps(d) + "\n" for d in documents)


def as_capture(sample: Sample, event_id: str, time: str) -> dict[str, Any]:
    """The document SageMaker writes for a sample."""
    sides = {}
    payloads = (sample.request, sample.response)
    for side, payload, declared in zip(("Input", "Output"), payloads, sample.types, strict=True):
        if payload is None:
            continue
        text = payload if isinstance(payload, (str, bytes)) else json.dumps(payload)
        encoding = "CSV" if declared and "csv" in declared else "JSON"
        if isinstance(text, bytes) or (sample.hidden and side == "Output"):
            raw = text if isinstance(text, bytes) else text.encode()
            text, encoding = base64.b64encode(raw).decode(), "BASE64"
        sides[f"endpoint{side}"] = {
            "observedContentType": None if sample.hidden and side == "Output" else declared,
            "mode": side.upper(),
            "data": text,
            "encoding": encoding,
        }
    metadata = {"eventId": event_id, "inferenceTime": time, **sample.metadata}
    return {"captureData": sides, "eventMetadata": metadata, "eventVersion": "0", **sample.extra}
