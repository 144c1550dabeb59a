"""Capture files in S3: whole, in ranges, counted; and which errors are temporary."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from dataclasses import asdict
from itertools import pairwise
from typing import Any

import boto3
import pytest
from botocore.stub import ANY, Stubber
from hypothesis import given
from hypothesis import strategies as st

from inference_monitor.capture.lines import iter_lines
from inference_monitor.capture.s3 import RANGE_BYTES, count_entries, cut_file, read_entries
from inference_monitor.capture.source import ByteRange
from inference_monitor.errors import MissingFileError, TransientError
from tests.unit.builders import capture, s3_body


def test_a_file_is_read_line_by_line(s3: tuple[Any, Stubber]) -> None:
    """Entries come with their line numbers."""
    client, stub = s3
    lines = f"{json.dumps(capture({'inputs': 'hi'}))}\n\nbroken\n".encode()
    stub.add_response("get_object", s3_body(lines), {"Bucket": "b", "Key": "k"})
    assert [(e.number, type(e.record).__name__) for e in read_entries(client, "b", "k")] == [
        (1, "Inference"),
        (3, "Quarantined"),
    ]


@given(st.lists(st.integers(0, 40), min_size=1, max_size=12), st.integers(1, 60))
def test_every_line_is_in_exactly_one_range(lengths: list[int], step: int) -> None:
    """Wherever a file is cut, its ranges together hold each line once, at its true offset."""
    data = b"\n".join(b"x" * length for length in lengths)
    whole = [(line.offset, line.data) for line in iter_lines([data])]
    client = boto3.client("s3", "eu-west-1", aws_access_key_id="x", aws_secret_access_key="x")
    found = []
    for start in range(0, len(data), step):
        with Stubber(client) as stub:
            stub.add_response("get_object", s3_body(data[max(0, start - 1) :]))
            part = ByteRange(start, min(start + step, len(data)))
            found += [(e.offset, e.raw) for e in read_entries(client, "b", "k", part)]
    assert found == whole


@pytest.mark.parametrize(
    "data",
    [
        b'{"captureData": {}}\n\nbroken\n{"a": 1}{"captureData": {}}\n',
        b'{\n  "captureData": {}\n}\n{\n  "captureData": {}\n}\n',
        gzip.compress(b'{"captureData": {}}\n' * 3),
        "{}\n".encode("utf-16") * 9,
        gzip.compress(b'{"captureData": {}}\n' * 3)[:-9],
    ],
)
def test_counting_gives_as_many_as_reading(data: bytes) -> None:
    """Whatever a file holds, and in each of its ranges; none of it is parsed for that."""
    client = boto3.client("s3", "eu-west-1", aws_access_key_id="x", aws_secret_access_key="x")
    parts = [ByteRange(start, start + 20) for start in range(0, len(data), 20)]
    for part in [None, *parts]:
        sent = data if part is None else data[max(0, part.start - 1) :]
        with Stubber(client) as stub:
            for _ in range(2):
                stub.add_response("get_object", s3_body(sent))
            read = [*read_entries(client, "b", "k", part)]
            assert count_entries(client, "b", "k", part) == len(read)


def test_a_file_is_cut_into_what_a_state_can_carry(s3: tuple[Any, Stubber]) -> None:
    """Ranges cover the file without a gap, and never more of them than fit into 256 KiB."""
    client, stub = s3
    for size in (0, 1, RANGE_BYTES, RANGE_BYTES + 1, 50_000_000_000):
        stub.add_response("head_object", {"ContentLength": size}, {"Bucket": "b", "Key": "k"})
        if size > RANGE_BYTES:
            stub.add_response("get_object", s3_body(b'{"captureData": {}}\n'))
        ranges = cut_file(client, "b", "k")
        limits = [(part.start, part.end) for part in ranges]
        assert all(before[1] == after[0] for before, after in pairwise(limits))
        assert (limits[0][0] if limits else 0) == 0
        assert (limits[-1][1] if limits else 0) == size
        assert len(json.dumps([asdict(part) for part in ranges])) < 240 * 1024


@pytest.mark.parametrize(
    "head",
    [b'{\n  "captureData": {', b"[\n{", gzip.compress(bytes(100)), "{}".encode("utf-16") * 9],
)
def test_a_file_that_has_no_lines_is_one_range(s3: tuple[Any, Stubber], head: bytes) -> None:
    """Compressed, of another encoding or pretty-printed: it is read from its beginning."""
    client, stub = s3
    stub.add_response("head_object", {"ContentLength": 5 * RANGE_BYTES})
    stub.add_response("get_object", s3_body(head), {"Bucket": "b", "Key": "k", "Range": ANY})
    assert cut_file(client, "b", "k") == [ByteRange(0, 5 * RANGE_BYTES)]


@pytest.mark.parametrize("write", [gzip.compress, lambda data: data.decode().encode("utf-16")])
def test_the_one_range_of_such_a_file_holds_all_of_it(write: Callable[[bytes], bytes]) -> None:
    """However much longer its text is than the file."""
    lines = "".join(json.dumps(capture({"inputs": n}, eventId=n)) + "\n" for n in ("a", "b", "c"))
    data = write(lines.encode())
    client = boto3.client("s3", "eu-west-1", aws_access_key_id="x", aws_secret_access_key="x")
    with Stubber(client) as stub:
        stub.add_response("get_object", s3_body(data), {"Bucket": "b", "Key": "k"})
        found = list(read_entries(client, "b", "k", ByteRange(0, len(data) // 2)))
    assert [entry.record.event_id for entry in found] == ["a", "b", "c"]


def test_records_that_share_a_line_stay_in_its_range() -> None:
    """A lost line break loses no record, wherever the file is cut."""
    records = [json.dumps(capture({"inputs": n}, eventId=n)) for n in ("a", "b", "c", "d")]
    data = f"{records[0]}{records[1]}\n{records[2]}{records[3]}\n".encode()
    client = boto3.client("s3", "eu-west-1", aws_access_key_id="x", aws_secret_access_key="x")
    for step in (50, len(records[0]) - 5, len(records[0]) + 5, 600):
        found = []
        for start in range(0, len(data), step):
            with Stubber(client) as stub:
                stub.add_response("get_object", s3_body(data[max(0, start - 1) :]))
                part = ByteRange(start, min(start + step, len(data)))
                found += [e.record.event_id for e in read_entries(client, "b", "k", part)]
        assert found == ["a", "b", "c", "d"]


@pytest.mark.parametrize(
    ("code", "status", "error"),
    [
        ("NoSuchKey", 404, MissingFileError),
        ("SlowDown", 503, TransientError),
        ("x", 500, TransientError),
    ],
)
def test_errors_name_the_object_and_whether_they_pass(
    s3: tuple[Any, Stubber], code: str, status: int, error: type[Exception]
) -> None:
    """A missing file is permanent, a slow S3 is not."""
    client, stub = s3
    stub.add_client_error("get_object", code, http_status_code=status)
    with pytest.raises(error, match="s3://b/k"):
        list(read_entries(client, "b", "k"))
