"""Capture files whose fate only AWS can tell, and what the product promises about each."""

from __future__ import annotations

import json
from dataclasses import dataclass

BOM = b"\xef\xbb\xbf"
KIB = 1024


@dataclass(frozen=True, slots=True)
class Capture:
    """A file, and the counts that its ledger must show; without a line it need have no ledger."""

    name: str
    body: bytes
    captured: int
    quarantined: int = 0
    duplicate: int = 0


def first(prefix: str) -> Capture:
    """The file that is put until it starts an execution."""
    return Capture("first", _chat(f"{prefix}-first"), 1)


def captures(prefix: str) -> list[Capture]:
    """One file for each question; event ids are those of this run."""

    def record(name: str, padding: int = 0) -> bytes:
        return _failed(f"{prefix}-{name}", padding) if padding else _chat(f"{prefix}-{name}")

    return [
        Capture("plain", record("plain"), 1),
        Capture("delivered-again", record("plain"), 1, duplicate=1),
        Capture("above-256-kib", record("large", 300 * KIB) + record("beside-large"), 2),
        # Above the limit of a batch (BATCH_MAX_BYTES, 200 KiB) and below that of a state.
        Capture("between-limits", record("between", 225 * KIB) + record("beside-between"), 2),
        Capture("byte-order-mark", BOM + record("bom") + record("after-bom"), 2),
        Capture("blank-line", record("blank-1") + b"\n" + record("blank-2"), 2),
        Capture("broken-line", record("broken-1") + b'{"captureData": \n' + record("broken-2"),
                3, quarantined=1),
        Capture("empty-file", b"", 0),
    ]  # fmt: skip


def _chat(event_id: str) -> bytes:
    request = {"messages": [{"role": "user", "content": "Which oil is good for a chain?"}]}
    answer = {"role": "assistant", "content": "A dry oil is good for a chain in summer."}
    response = {
        "choices": [{"index": 0, "message": answer, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 9, "completion_tokens": 12, "total_tokens": 21},
    }
    return _line(event_id, request, response)


def _failed(event_id: str, padding: int) -> bytes:
    """A failed inference, which is not judged: the size costs nothing."""
    request = {"messages": [{"role": "user", "content": "word " * (padding // 5)}]}
    return _line(event_id, request, {"code": 424, "message": "made up for a smoke test"})


def _line(event_id: str, request: object, response: object) -> bytes:
    sides = {
        f"endpoint{side}": {
            "observedContentType": "application/json",
            "mode": side.upper(),
            "data": json.dumps(payload),
            "encoding": "JSON",
        }
        for side, payload in (("Input", request), ("Output", response))
    }
    document = {
        "captureData": sides,
        "eventMetadata": {"eventId": event_id, "inferenceTime": "2026-03-02T09:00:00Z"},
        "eventVersion": "0",
    }
    return json.dumps(document).encode() + b"\n"
