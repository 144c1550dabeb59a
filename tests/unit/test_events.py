"""The shapes of event the function takes."""

from __future__ import annotations

from typing import Any

import pytest

from inference_monitor.capture.source import ByteRange, source_of
from inference_monitor.errors import InvalidEventError
from inference_monitor.events import (
    Batch,
    CaptureFile,
    CutFile,
    MapRun,
    Wanted,
    parse_event,
)

S3_EVENT = {"detail": {"bucket": {"name": "b"}, "object": {"key": "p/a b+c.jsonl", "size": 5}}}
NOTIFICATION = {
    "Records": [{"s3": {"bucket": {"name": "b"}, "object": {"key": "p/a+b%2Bc.jsonl"}}}]
}


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        ({"bucket": "b", "key": "k"}, CaptureFile("b", "k")),
        ({"s3_bucket": "b", "s3_key": "k"}, CaptureFile("b", "k")),
        (
            {"bucket": "b", "key": "k", "scoring": "off"},
            CaptureFile("b", "k", Wanted(scoring=False)),
        ),
        (
            {"bucket": "b", "key": "k", "scorers": ["safety"]},
            CaptureFile("b", "k", Wanted(scorers=frozenset({"safety"}))),
        ),
        (
            {"bucket": "b", "key": "k", "request": {"scorers": ["safety"]}, "scoring": "off"},
            CaptureFile("b", "k", Wanted(scoring=False, scorers=frozenset({"safety"}))),
        ),
        ({"bucket": "b", "key": "k", "execution": "arn"}, CaptureFile("b", "k", execution="arn")),
        (
            {"bucket": "b", "key": "k", "range": {"start": 5, "end": 9}},
            CaptureFile("b", "k", range=ByteRange(5, 9)),
        ),
        ({"cut": {"bucket": "b", "key": "k"}}, CutFile("b", "k")),
        (S3_EVENT, CaptureFile("b", "p/a b+c.jsonl")),
        (NOTIFICATION, CaptureFile("b", "p/a b+c.jsonl")),
        (
            {"BatchInput": {"bucket": "b", "key": "k", "execution": "arn"}, "Items": [{"a": 1}]},
            Batch("b", "k", [{"a": 1}], execution="arn"),
        ),
        (
            {"ledger": {"bucket": "b", "key": "k", "results": {"Bucket": "r", "Key": "m"}}},
            MapRun("b", "k", "r", "m"),
        ),
    ],
)
def test_every_documented_event_is_understood(event: Any, expected: Any) -> None:
    """The map's, the two by hand, EventBridge's and S3's; only S3's own keys are decoded."""
    assert parse_event(event) == expected


@pytest.mark.parametrize(
    ("event", "problem"),
    [
        ({}, "names no bucket"),
        ({"bucket": "b"}, "names no key"),
        ({"bucket": "b", "key": ""}, "names no key"),
        ({"detail": {"bucket": "b"}}, "no bucket object"),
        ({"Items": []}, "no BatchInput object"),
        ({"BatchInput": {"bucket": "b", "key": "k"}, "Items": "x"}, "Items is not a list"),
        ({"Records": [{}, {}]}, "exactly one record"),
        ({"bucket": "b", "key": "k", "range": {"start": 9, "end": 9}}, "0 <= start < end"),
        ("text", "not a JSON object"),
    ],
)
def test_a_wrong_event_says_what_is_missing(event: Any, problem: str) -> None:
    """The message names the member, and shows an event that works."""
    with pytest.raises(InvalidEventError, match=problem):
        parse_event(event)


@pytest.mark.parametrize(
    ("key", "endpoint", "variant"),
    [
        ("ep/AllTraffic/2026/01/07/22/18-03-869-500def08.jsonl", "ep", "AllTraffic"),
        ("some/prefix/ep/canary/2026/01/07/22/x.jsonl", "ep", "canary"),
        ("loose.jsonl", "default", None),
        ("ep/AllTraffic/x.jsonl", "default", None),
    ],
)
def test_endpoint_and_variant_come_from_the_path(
    key: str, endpoint: str, variant: str | None
) -> None:
    """SageMaker writes them nowhere else; other paths belong to the monitored endpoint."""
    source = source_of("b", key, "default")
    assert (source.endpoint, source.variant, source.uri) == (endpoint, variant, f"s3://b/{key}")
    assert source.foreign is (endpoint != "default")
