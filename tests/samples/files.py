"""The sample capture files in SageMaker's folder layout, and what must be read from each line."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from typing import Any

from tests.samples import chats, generations, others, servers
from tests.samples.record import Sample, as_capture, llm

NAMESPACE = uuid.UUID("5ca1ab1e-0000-4000-8000-000000000000")
ASSISTANT, LAB, MODELS = "shop-assistant/AllTraffic", "shop-lab/canary", "shop-models/AllTraffic"

# Above 256 KiB, the limit of a Step Functions state: the whole file goes to the function at once.
_LONG = "Summarise this manual: " + "Tighten the bolt, then check the torque again. " * 6000
LARGE = Sample(
    {"inputs": _LONG},
    {"generated_text": "Tighten bolts and check the torque of the manual."},
    llm(_LONG, "Tighten bolts and check the torque of the manual."),
)
NOT_INFERENCES = (
    '{"groundTruthData": {"data": "1", "encoding": "CSV"}, "eventMetadata": {"eventId": "order 3"}}',
    '{"output": 0, "SageMakerInferenceId": "1f1d57b1", "SageMakerInferenceTime": "2026-03-02T11:00:15Z"}',
)
BROKEN = (
    '{"captureData": {"endpointInput": {"data": "cut off in the mid',
    '{"level": "INFO", "message": "a log line that strayed into the folder"}',
)

# folder, hour and minute, and what the file holds: samples, or lines as they are.
FILES: tuple[tuple[str, str, str, tuple[Sample | str, ...]], ...] = (
    (ASSISTANT, "09", "02-11-482", chats.TALKS[:8]),
    (ASSISTANT, "10", "17-45-019", chats.TALKS[8:]),
    (ASSISTANT, "11", "40-03-777", (*chats.SPECIAL, *NOT_INFERENCES)),
    (ASSISTANT, "12", "26-30-451", chats.CONVERSATION),
    (LAB, "09", "31-20-105", generations.LMI_AND_TGI),
    (LAB, "10", "05-58-630", (*generations.OTHERS, *others.PARTIAL)),
    (LAB, "11", "12-34-567", (others.FAILURES[0], *BROKEN, others.FAILURES[1])),
    (LAB, "12", "00-00-001", (generations.LMI_AND_TGI[0], LARGE)),
    (LAB, "13", "48-09-244", others.FAILURES[2:]),
    (LAB, "14", "21-07-310", generations.OTHER_APIS),
    (LAB, "15", "33-41-618", servers.SERVERS),
    (LAB, "16", "02-50-077", servers.FAILURES),
    (MODELS, "09", "55-13-902", others.MODELS),
    (MODELS, "10", "19-28-456", servers.MODELS),
)


def capture_files() -> dict[str, list[tuple[str, dict[str, Any]]]]:
    """Every sample file by its key: its lines, each with the fields `inspect` must report."""
    return {
        f"{folder}/2026/03/02/{hour}/{name}-{_uuid(folder + hour)}.jsonl": list(
            _lines(folder, hour, content)
        )
        for folder, hour, name, content in FILES
    }


def _lines(
    folder: str, hour: str, content: tuple[Sample | str, ...]
) -> Iterator[tuple[str, dict[str, Any]]]:
    for number, sample in enumerate(content):
        if isinstance(sample, str):
            yield sample, {"status": "quarantined" if sample in BROKEN else "skipped"}
            continue
        event_id, time = _uuid(f"{folder}/{hour}/{number}"), f"2026-03-02T{hour}:{number:02d}:07Z"
        told = {"status": "inference", "event_id": event_id, "inference_time": time}
        yield json.dumps(as_capture(sample, event_id, time)), {**told, **sample.expected}


def _uuid(name: str) -> str:
    return str(uuid.uuid5(NAMESPACE, name))
