"""Files and envelopes as pipelines leave them: each record is read, and costs no other."""

from __future__ import annotations

import base64
import codecs
import gzip
import json
from typing import Any

import pytest

from inference_monitor.capture.lines import iter_lines
from inference_monitor.capture.reader import Quarantined, read_document, read_line
from inference_monitor.inference import Inference
from tests.unit.builders import capture

ANSWER = json.dumps({"choices": [{"message": {"role": "assistant", "content": "Aye é"}}]})
RECORD = capture({"messages": [{"role": "user", "content": "Ahoy?"}]}, ANSWER)
LINE = json.dumps(RECORD)
VERSION_FIRST = json.dumps({key: RECORD[key] for key in reversed(RECORD)})


def _read(raw: bytes) -> list[str | None]:
    """The answer of each record of a file, or that it was quarantined."""
    records = [read_line(line).record for line in iter_lines([raw])]
    return [r.output_text if isinstance(r, Inference) else "quarantined" for r in records]


FILES: dict[str, tuple[bytes, list[str]]] = {
    "marks between glued records": ((LINE + "\ufeff" + LINE).encode(), ["Aye é", "Aye é"]),
    "gzip with padding": (gzip.compress(LINE.encode()) + bytes(512), ["Aye é"]),
    "gzip within gzip": (gzip.compress(gzip.compress(LINE.encode())), ["Aye é"]),
    "a torn record in front of one": (
        (VERSION_FIRST[:-40] + VERSION_FIRST).encode(),
        ["quarantined", "Aye é"],
    ),
    "zeros between lines": (
        LINE.encode() + b"\n" + bytes(64) + b"\n" + LINE.encode(),
        ["Aye é", "quarantined", "Aye é"],
    ),
    "a record encoded twice": (json.dumps(LINE).encode(), ["Aye é"]),
}


@pytest.mark.parametrize("name", FILES)
def test_a_file_of_a_pipeline_is_read(name: str) -> None:
    """However records were put together, one that is broken costs no other."""
    raw, expected = FILES[name]
    assert _read(raw) == expected


@pytest.mark.parametrize("name", ["captureData", "eventMetadata"])
def test_an_object_may_have_become_text(name: str) -> None:
    """Pipelines that store tables write columns as JSON text."""
    record = read_document({**RECORD, name: json.dumps(RECORD[name])}).record
    assert isinstance(record, Inference)
    assert record.output_text == "Aye é"


@pytest.mark.parametrize(
    "time",
    [
        "Mon, 02 Mar 2026 09:00:00 GMT",
        "2026-03-02t09:00:00z",
        "2026-03-02 09:00:00 UTC",
        "2026/03/02 09:00:00",
        1772442000000,
    ],
)
def test_a_time_is_read_in_the_spelling_of_a_pipeline(time: Any) -> None:
    """All of these are the same moment."""
    record = read_document(capture("a", "b", inferenceTime=time)).record
    assert isinstance(record, Inference)
    assert record.inference_time.isoformat() == "2026-03-02T09:00:00+00:00"


@pytest.mark.parametrize("time", ["yesterday", "Mon, 99 Mar 2026", "02.03.2026"])
def test_a_time_that_is_none_is_told(time: str) -> None:
    """It is quarantined for that, not for anything else."""
    record = read_document(capture("a", "b", inferenceTime=time)).record
    assert isinstance(record, Quarantined)
    assert "inferenceTime" in record.reason


@pytest.mark.parametrize("name", ["InferenceComponentName", "targetInferenceComponentName"])
def test_the_inference_component_is_read_in_any_spelling(name: str) -> None:
    """As SageMaker's API and its request header name it."""
    record = read_document(capture("a", "b", **{name: "ic-1"})).record
    assert isinstance(record, Inference)
    assert record.inference_component == "ic-1"


@pytest.mark.parametrize("mark", [b"", codecs.BOM_UTF16_BE])
def test_big_endian_text_is_read(mark: bytes) -> None:
    """With a mark or without one."""
    document = capture({"inputs": "Ahoy?"}, "")
    data = base64.b64encode(mark + ANSWER.encode("utf-16-be")).decode()
    document["captureData"]["endpointOutput"] |= {"data": data, "encoding": "BASE64"}
    record = read_document(document).record
    assert isinstance(record, Inference)
    assert record.output_text == "Aye é"


def test_a_form_is_read_like_an_object() -> None:
    """A page may post its prompt as form fields."""
    document = capture("prompt=Ahoy+%C3%A9%3F&max_tokens=5", ANSWER)
    side = document["captureData"]["endpointInput"]
    side["observedContentType"] = "application/x-www-form-urlencoded"
    record = read_document(document).record
    assert isinstance(record, Inference)
    assert record.request
    assert record.request.messages == [{"role": "user", "content": "Ahoy é?"}]
