"""The envelope: what is an inference, what is skipped, what is quarantined and why."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import time
import tracemalloc
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference_monitor.capture.lines import iter_lines
from inference_monitor.capture.reader import Quarantined, Skipped, read_document, read_line
from inference_monitor.inference import Inference
from tests.unit.builders import capture, read

ASK = {"inputs": "hi"}
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=12,
)


def _reason(line: bytes) -> str:
    (only,) = iter_lines([line])
    record = read_line(only).record
    assert isinstance(record, Quarantined), record
    return record.reason


@given(st.binary(min_size=1, max_size=200))
def test_no_bytes_crash_the_reader(data: bytes) -> None:
    """Every line, whatever it holds, becomes an inference, a skipped or a quarantined record."""
    for line in iter_lines([data]):
        assert isinstance(read_line(line).record, (Inference, Skipped, Quarantined))


@given(JSON_VALUES, JSON_VALUES)
def test_no_payload_crashes_the_families(request_body: Any, response_body: Any) -> None:
    """Any JSON on either side is an inference; nothing is refused for its payload."""
    assert read(json.dumps(request_body), json.dumps(response_body)).family


@given(JSON_VALUES)
def test_no_document_crashes_the_envelope(document: Any) -> None:
    """Any JSON document in place of a capture is told apart without an exception."""
    assert read_document(document).record
    assert read_document({"captureData": document, "eventMetadata": document}).record


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"eventMetadata": None}, "eventMetadata is missing"),
        ({"eventMetadata": {"inferenceTime": "2026-03-02T09:00:00Z"}}, "eventId is missing"),
        ({"eventMetadata": {"eventId": "e"}}, "inferenceTime is missing"),
        ({"eventMetadata": {"eventId": "e", "inferenceTime": "soon"}}, "is not an ISO 8601 time"),
        (
            {"eventMetadata": {"eventId": "e", "inferenceTime": "0001-01-01T00:00:00+14:00"}},
            "inferenceTime is",
        ),
        ({"captureData": {}}, "neither endpointInput nor endpointOutput"),
        ({"captureData": [1]}, "captureData is an array"),
        ({"captureData": {"endpointInput": "x"}}, "endpointInput is a string"),
    ],
)
def test_a_broken_envelope_is_quarantined_with_its_reason(change: Any, reason: str) -> None:
    """The reason names the member that is wrong."""
    assert reason in _reason(json.dumps({**capture(ASK), **change}).encode())


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b'{"captureData": {"x":', "not JSON: Expecting value at character 21"),
        (b'{"a": "\xff"}', "not UTF-8: byte 7"),
        (b'{"level": "INFO"}', "not a capture"),
        (b"[1, 2]", "not an array"),
        (b"[" * 5000 + b"]" * 5000, "nested too deeply"),
        (b"1" * 5000, "too many digits"),
    ],
)
def test_a_foreign_line_is_quarantined_with_its_reason(line: bytes, reason: str) -> None:
    """The reason says what is wrong, and never quotes the line."""
    assert reason in _reason(line)


def test_a_quarantined_line_is_kept_whole() -> None:
    """Text and digest are those of the line, so that it can be replayed."""
    (line,) = iter_lines([b'\n{"x": \xff'])
    entry = read_line(line)
    assert (entry.text, entry.number, entry.offset) == ('{"x": \\xff', 2, 1)
    assert entry.digest == hashlib.sha256(b'{"x": \xff').hexdigest()


@pytest.mark.parametrize(
    "document",
    [
        {"groundTruthData": {"data": "1", "encoding": "CSV"}, "eventMetadata": {"eventId": "x"}},
        {
            "output": 0,
            "SageMakerInferenceId": "1f1d",
            "SageMakerInferenceTime": "2022-08-30T00:49:15Z",
        },
        [{"prefix": "s3://bucket/input/"}, "part-1.csv"],
    ],
)
def test_known_files_beside_captures_are_skipped(document: Any) -> None:
    """Ground truth, batch transform rows and manifests are no inferences and no errors."""
    assert isinstance(read_document(document).record, Skipped)


def test_metadata_is_read_as_it_stands() -> None:
    """Ids, custom attributes and the time, also with milliseconds or another zone."""
    inference = read(
        ASK,
        inferenceId="98",
        customAttributes=["a=1"],
        inferenceTime="2026-03-02T10:00:00.250+01:00",
    )
    assert (inference.inference_id, inference.custom_attributes) == ("98", ("a=1",))
    assert inference.inference_time == datetime(2026, 3, 2, 9, 0, 0, 250000, tzinfo=UTC)


def test_records_without_the_outer_object_are_read() -> None:
    """Some pipelines store endpointInput and endpointOutput at the top."""
    document = capture(ASK, {"generated_text": "yo"})
    unwrapped = {**document.pop("captureData"), **document}
    record = read_document(unwrapped).record
    assert isinstance(record, Inference)
    assert record.output_text == "yo"


@pytest.mark.parametrize("encoding", ["BASE64", "base64", None])
def test_base64_is_decoded_whatever_the_content_type(encoding: str | None) -> None:
    """A successful answer may come in base64 with a null content type: no error for that alone."""
    answer = base64.b64encode(json.dumps([{"generated_text": "fine"}]).encode()).decode()
    document = capture(ASK, answer)
    side = document["captureData"]["endpointOutput"]
    side |= {"encoding": encoding, "observedContentType": None}
    record = read_document(document).record
    assert isinstance(record, Inference)
    assert (record.output_text, record.failure) == ("fine", None)


def test_what_is_called_base64_and_is_not_is_quarantined() -> None:
    """The reason names the side."""
    document = capture(ASK)
    document["captureData"]["endpointInput"]["encoding"] = "BASE64"
    record = read_document(document).record
    assert isinstance(record, Quarantined)
    assert record.reason.startswith("endpointInput.data is not valid base64")


@pytest.mark.parametrize(
    "data",
    [
        "[" + "{}," * 2_000_000 + "{}]",
        '{"a":1,' * 2_000_000,
        "{" + ",".join(f'"{key:x}":0' for key in range(3_100_000)) + "}",
        "data: 1\n" * 3_100_000,
        "," * 3_100_000,
    ],
)
def test_a_flood_of_tiny_values_is_quarantined(data: str) -> None:
    """A few megabytes of them would take hundreds of megabytes; they are not taken apart."""
    document = capture({"inputs": "hi"}, data)
    started = time.process_time()
    record = read_document(document).record
    assert isinstance(record, Quarantined)
    assert record.reason == "endpointOutput.data holds more than 3,000,000 values"
    assert time.process_time() - started < 2


def test_a_gzip_bomb_is_kept_as_it_is() -> None:
    """A compressed body is bytes like any others: nothing here ever inflates what was captured."""
    bomb = gzip.compress(bytes(100_000_000))
    document = capture({"inputs": "hi"}, base64.b64encode(bomb).decode())
    document["captureData"]["endpointOutput"]["encoding"] = "BASE64"
    tracemalloc.start()
    record = read_document(document).record
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert isinstance(record, Inference)
    assert peak < 10_000_000


def test_a_compressed_line_is_quarantined() -> None:
    """A file that somebody has compressed is not inflated either, and the reason says so."""
    assert _reason(gzip.compress(bytes(1000), mtime=0)) == "not UTF-8: byte 1 of the line"


def test_a_record_of_five_megabytes_is_read() -> None:
    """Long prompts and base64 images are what they are."""
    prompt = "word " * 1_000_000
    assert read({"inputs": prompt}, {"generated_text": "ok"}).request.messages == [  # type: ignore[union-attr]
        {"role": "user", "content": prompt}
    ]
