"""The envelope: what is an inference, what is skipped, what is quarantined and why."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import textwrap
import time
import tracemalloc
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference_monitor.capture.documents import is_cut_off
from inference_monitor.capture.lines import iter_lines
from inference_monitor.capture.reader import (
    Quarantined,
    Skipped,
    read_document,
    read_documents,
    read_line,
)
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
        ({"eventMetadata": {"eventId": "e", "inferenceTime": -1}}, "is before 1970"),
        ({"eventMetadata": {"eventId": "e", "inferenceTime": 10**40}}, "is not an ISO 8601 time"),
        ({"eventMetadata": {"eventId": "e", "inferenceTime": True}}, "inferenceTime is missing"),
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


@pytest.mark.parametrize(
    "told",
    [1772442000, 1772442000000, "1772442000", 1772442000.0, 1772442000000000, 1772442000 * 10**9],
)
def test_the_time_may_be_counted_since_1970(told: Any) -> None:
    """Pipelines write it as a number of seconds, or of smaller units."""
    assert read(ASK, inferenceTime=told).inference_time == datetime(2026, 3, 2, 9, tzinfo=UTC)


@pytest.mark.parametrize(
    ("told", "attributes"),
    [
        ({"session_id": "s-1", "n": 1}, ('{"session_id": "s-1", "n": 1}',)),
        ([{"session_id": "s-1"}], ('{"session_id": "s-1"}',)),
        ("session_id=s-1", ("session_id=s-1",)),
        (["a=1", None, 7, {}], ("a=1",)),
    ],
)
def test_custom_attributes_may_have_been_parsed(told: Any, attributes: tuple[str, ...]) -> None:
    """An object reads like the text it was parsed from."""
    assert read(ASK, customAttributes=told).custom_attributes == attributes


def test_the_inference_component_is_kept() -> None:
    """Where an endpoint has several, each answers for itself."""
    assert read(ASK, inferenceComponentName="adapter-3").inference_component == "adapter-3"
    assert read(ASK).inference_component is None


def test_records_without_the_outer_object_are_read() -> None:
    """Some pipelines store endpointInput and endpointOutput at the top."""
    document = capture(ASK, {"generated_text": "yo"})
    unwrapped = {**document.pop("captureData"), **document}
    record = read_document(unwrapped).record
    assert isinstance(record, Inference)
    assert record.output_text == "yo"


def test_an_array_that_step_functions_has_parsed_is_its_records() -> None:
    """One line may hold them all; an array of something else is one item, and quarantined."""
    records = [capture(ASK, eventId=event_id) for event_id in ("a", "b")]
    entries = list(read_documents([records, records[0], [1, 2]]))
    assert [entry.record.event_id for entry in entries] == ["a", "b", "a", None]
    assert entries[1].raw == records[1]
    assert isinstance(entries[-1].record, Quarantined)


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


def test_what_is_called_base64_and_is_nothing_else_is_quarantined() -> None:
    """The reason names the side."""
    document = capture("no base64!", None)
    document["captureData"]["endpointInput"]["encoding"] = "BASE64"
    record = read_document(document).record
    assert isinstance(record, Quarantined)
    assert record.reason == "endpointInput.data is not valid base64"


BODY = json.dumps([{"generated_text": "Schön, 好"}], ensure_ascii=False)
_BASE64 = base64.b64encode(BODY.encode()).decode()


@pytest.mark.parametrize(
    ("data", "encoding", "media_type"),
    [
        (BODY, "BASE64", "application/json"),
        (_BASE64, "JSON", "application/json"),
        (_BASE64, "CSV", None),
        (_BASE64, None, None),
        (_BASE64.rstrip("="), "BASE64", None),
        (_BASE64.translate({43: 45, 47: 95}), "BASE64", None),
        ("\n".join(textwrap.wrap(_BASE64, 20)), "BASE64", None),
        (
            base64.b64encode(gzip.compress(BODY.encode(), mtime=0)).decode(),
            "BASE64",
            "application/json",
        ),
        (base64.b64encode(BODY.encode("utf-16")).decode(), "BASE64", None),
        (base64.b64encode(BODY.encode("utf-16-le")).decode(), "BASE64", None),
        (base64.b64encode(_BASE64.encode()).decode(), "BASE64", None),
        (f"data:application/json;base64,{_BASE64}", "BASE64", None),
        (base64.b64encode(b"\xef\xbb\xbf" + BODY.encode()).decode(), "BASE64", None),
    ],
)
def test_a_body_is_read_however_it_was_stored(
    data: str, encoding: str | None, media_type: str | None
) -> None:
    """Mislabelled, unpadded, of another alphabet, compressed, or of another encoding."""
    document = capture(ASK, "")
    side = {"data": data, "encoding": encoding, "observedContentType": media_type}
    document["captureData"]["endpointOutput"] = side
    record = read_document(document).record
    assert isinstance(record, Inference), record
    assert (record.output_text, record.failure) == ("Schön, 好", None)


@pytest.mark.parametrize("declared", ["text/plain; charset=iso-8859-1", "text/plain", None])
def test_a_body_in_latin_1_is_read(declared: str | None) -> None:
    """As its charset says, and also where nothing does."""
    document = capture({"prompt": "hi"}, "")
    document["captureData"]["endpointOutput"] = {
        "data": base64.b64encode("Schöne Grüße".encode("latin-1")).decode(),
        "encoding": "BASE64",
        "observedContentType": declared,
    }
    record = read_document(document).record
    assert isinstance(record, Inference)
    assert record.output_text == "Schöne Grüße"


def test_base64_without_an_encoding_may_be_any_text() -> None:
    """Some pipelines leave the encoding out."""
    document = capture({"prompt": "hi"}, "")
    data = base64.b64encode(b"A sheet bend holds.").decode()
    document["captureData"]["endpointOutput"] = {"data": data, "observedContentType": None}
    record = read_document(document).record
    assert isinstance(record, Inference)
    assert record.output_text == "A sheet bend holds."


@given(JSON_VALUES, st.floats(0, 1))
def test_every_beginning_of_a_document_is_known_to_be_cut_off(value: Any, at: float) -> None:
    """Wherever it is cut: in a text, an escape, a number or a word; the whole is not."""
    text = json.dumps({"a": value, "é": [1.5e10, True, None]})
    cut = 1 + int(at * (len(text) - 2))
    assert is_cut_off(text[:cut])
    assert not is_cut_off(text)


@pytest.mark.parametrize("text", ["Okay", "data", "abcdefghijklmnop", "QUJD"])
def test_a_word_is_not_taken_for_base64(text: str) -> None:
    """Any word of four letters is valid base64."""
    assert read({"prompt": "hi"}, text).output_text == text


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
    """A compressed body that stands for more than any answer has is never inflated in memory."""
    bomb = gzip.compress(bytes(100_000_000))
    document = capture({"inputs": "hi"}, base64.b64encode(bomb).decode())
    document["captureData"]["endpointOutput"]["encoding"] = "BASE64"
    tracemalloc.start()
    record = read_document(document).record
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert isinstance(record, Inference)
    assert peak < 10_000_000


def test_a_record_of_five_megabytes_is_read() -> None:
    """Long prompts and base64 images are what they are."""
    prompt = "word " * 1_000_000
    assert read({"inputs": prompt}, {"generated_text": "ok"}).request.messages == [  # type: ignore[union-attr]
        {"role": "user", "content": prompt}
    ]
