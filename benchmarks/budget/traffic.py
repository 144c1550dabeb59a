"""The records that come at once, and what is expected of judging one."""

from __future__ import annotations

from datetime import UTC, datetime

from inference_monitor.domain import Record
from inference_monitor.inference import Choice, Inference, Kind, Request, Response, Source

RECORDS = 200
# About what is expected of a call, so that it is dearer as often as it is cheaper.
INPUT_TOKENS, OUTPUT_TOKENS = 1391, 7 * 150


def records() -> list[Record]:
    """Chats of about 1 KB."""
    source = Source("captures", "endpoint/AllTraffic/x.jsonl", "endpoint", "AllTraffic")
    request = Request("openai_chat", messages=[{"role": "user", "content": "Why? " * 100}])
    response = Response("openai_chat", choices=(Choice("Because it is. " * 40),))
    now = datetime.now(UTC)
    return [
        Record.of(Inference(f"e-{n}", now, Kind.LLM, "openai_chat", request, response), source)
        for n in range(RECORDS)
    ]
