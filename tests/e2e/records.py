"""Capture records for these tests: small chats whose content says which one they are."""

from __future__ import annotations

import json
from typing import Any

from tests.samples.record import Sample, as_capture

TIME = "2026-03-02T09:00:00Z"


def chat(event_id: str, question: str = "Which oil is good for a chain?") -> dict[str, Any]:
    """An OpenAI-style chat, 21 tokens in and 12 out, that every scorer is content with."""
    request = {
        "messages": [{"role": "user", "content": f"{question} ({event_id})"}],
        "temperature": 0.2,
    }
    answer = {"role": "assistant", "content": "A dry oil is good for a chain in summer."}
    response = {
        "choices": [{"index": 0, "message": answer, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 21, "completion_tokens": 12, "total_tokens": 33},
    }
    return as_capture(Sample(request, response, {}), event_id, TIME)


def failure(event_id: str) -> dict[str, Any]:
    """A chat the model server failed on."""
    request = {"messages": [{"role": "user", "content": "Which oil?"}]}
    error = {"code": 424, "message": "invoke handler failure", "error": "CUDA out of memory"}
    return as_capture(Sample(request, error, {}), event_id, TIME)


def lines(*records: dict[str, Any] | str) -> bytes:
    """A capture file; texts stand for themselves."""
    written = (record if isinstance(record, str) else json.dumps(record) for record in records)
    return "".join(f"{line}\n" for line in written).encode()
