"""The shapes of event the function takes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from inference_monitor.capture.source import ByteRange, source_of
from inference_monitor.errors import InvalidEventError
from inference_monitor.events import (
    EXECUTION_ENDED,
    Batch,
    CaptureFile,
    CutFile,
    FailedExecution,
    MapRun,
    parse_event,
)

S3_EVENT = {"detail": {"bucket": {"name": "b"}, "object": {"key": "p/a b+c.jsonl", "size": 5}}}
NOTIFICATION = {
    "Records": [{"s3": {"bucket": {"name": "b"}, "object": {"key": "p/a+b%2Bc.jsonl"}}}]
}
PAIR = {"bucket": "b", "key": "k"}
FILE = {"execution": None, "range": None, "scoring": True, "scorers": None}
ENDED = {"detail-type": EXECUTION_ENDED}


def read(event: Any) -> dict[str, Any]:
    """The request of an event, by the names of its members."""
    request = parse_event(event)
    told = request.model_dump(exclude={"file", "wanted"})
    told |= {"is": type(request), "bucket": request.bucket, "key": request.key}
    if isinstance(request, Batch | CaptureFile):
        told |= {"scoring": request.wanted.scoring, "scorers": request.wanted.scorers}
        told |= {"range": request.range} if isinstance(request, CaptureFile) else {}
    return told


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (PAIR, FILE),
        ({"s3_bucket": "b", "s3_key": "k"}, FILE),
        ({**PAIR, "scoring": "off"}, {**FILE, "scoring": False}),
        ({**PAIR, "scorers": ["safety"]}, {**FILE, "scorers": {"safety"}}),
        ({**PAIR, "scorers": []}, {**FILE, "scorers": frozenset()}),
        (
            {**PAIR, "request": {"scorers": ["safety"]}, "scoring": "off"},
            {**FILE, "scoring": False, "scorers": {"safety"}},
        ),
        ({**PAIR, "request": {"scoring": "off", "scorers": 5}, "scorers": None},
         {**FILE, "scoring": False}),
        ({**PAIR, "request": "anything"}, FILE),
        ({**PAIR, "execution": "arn"}, {**FILE, "execution": "arn"}),
        ({**PAIR, "execution": 5, "more": "members"}, FILE),
        ({**PAIR, "range": {"start": 5, "end": 9}}, {**FILE, "range": ByteRange(5, 9)}),
        ({"cut": PAIR}, {"is": CutFile}),
        ({"cut": {"s3_bucket": "b", "s3_key": "k"}}, {"is": CutFile}),
        (S3_EVENT, {**FILE, "key": "p/a b+c.jsonl"}),
        (NOTIFICATION, {**FILE, "key": "p/a b+c.jsonl"}),
        (
            {"BatchInput": {**PAIR, "execution": "arn"}, "Items": [{"a": 1}]},
            {
                "is": Batch, "items": [{"a": 1}], "execution": "arn",
                "scoring": True, "scorers": None,
            },
        ),
        (
            {"BatchInput": {**PAIR, "request": {"scorers": ["a"]}}, "Items": [], "scorers": ["b"]},
            {"is": Batch, "items": [], "execution": None, "scoring": True, "scorers": {"b"}},
        ),
        (
            {"ledger": {**PAIR, "results": {"Bucket": "r", "Key": "m"}, "map_run": "arn"}},
            {"is": MapRun, "manifest_bucket": "r", "manifest_key": "m", "map_run": "arn"},
        ),
        (
            {**ENDED, "detail": {"input": json.dumps(PAIR), "error": "States.Timeout"}},
            {"is": FailedExecution, "error": "States.Timeout"},
        ),
        (
            {**ENDED, "detail": {"input": json.dumps(NOTIFICATION), "error": None}},
            {"is": FailedExecution, "error": None, "key": "p/a b+c.jsonl"},
        ),
    ],
)  # fmt: skip
def test_every_documented_event_is_understood(event: Any, expected: dict[str, Any]) -> None:
    """The map's, the two by hand, EventBridge's and S3's; only S3's own keys are decoded."""
    assert read(event) == {"is": CaptureFile, **PAIR, **expected}


@pytest.mark.parametrize(
    ("event", "problem"),
    [
        ({}, "bucket is missing, key is missing"),
        ({"bucket": "b"}, "key is missing"),
        ({"bucket": "b", "key": ""}, "key is empty"),
        ({"bucket": 5, "key": "k"}, "bucket is not a text"),
        ({"bucket": "b", "s3_key": "k"}, "key is missing"),
        ({"s3_bucket": "b", "key": "k"}, "s3_key is missing"),
        ({"detail": {"bucket": "b"}}, "detail.bucket.name is missing, detail.object.key is"),
        ({"detail": None}, "detail.bucket.name is missing"),
        ({"Items": []}, "BatchInput is missing"),
        ({"Items": [], "BatchInput": "x"}, "BatchInput is not an object"),
        ({"Items": [], "BatchInput": S3_EVENT}, "BatchInput.bucket is missing"),
        ({"BatchInput": PAIR, "Items": "x"}, "Items is not a list"),
        ({"Records": [{}, {}]}, "exactly one record"),
        ({"Records": [{}]}, "Records.0.s3.bucket.name is missing"),
        ({"Records": "x"}, "exactly one record"),
        ({**PAIR, "range": {"start": 9, "end": 9}}, "range needs whole numbers, 0 <= start < end"),
        ({**PAIR, "range": {"start": "0", "end": 9}}, "range needs whole numbers"),
        ({**PAIR, "range": None}, "range needs whole numbers"),
        ({**PAIR, "scorers": "safety"}, "scorers is not a list"),
        ({**PAIR, "scorers": ["safety", 5]}, "scorers.1 is not a text"),
        ({**PAIR, "request": {"scorers": "safety"}}, "scorers is not a list"),
        ({"cut": S3_EVENT}, "cut.bucket is missing"),
        ({"cut": None}, "cut is not an object"),
        ({"ledger": PAIR}, "ledger.results.Bucket is missing, ledger.results.Key is missing"),
        ({**ENDED, "detail": {"input": "no JSON"}}, "detail.input is not a JSON object in a text"),
        ({**ENDED, "detail": {"input": "[]"}}, "detail.input is not an object"),
        ({**ENDED, "detail": {"input": "{}"}}, "detail.input.bucket is missing"),
        (ENDED, "detail.input is missing"),
        ("text", "not a JSON object"),
    ],
)
def test_a_wrong_event_says_what_is_missing(event: Any, problem: str) -> None:
    """The message names the member, and shows events that work."""
    with pytest.raises(InvalidEventError) as caught:
        parse_event(event)
    assert problem in str(caught.value)
    assert '; send {"bucket": "…", "key": "….jsonl"}' in str(caught.value)


@pytest.mark.parametrize(
    "event",
    [
        {"bucket": ["secret"], "key": {"secret": 1}},
        {**PAIR, "range": {"start": "secret", "end": "secret"}},
        {**PAIR, "scorers": ["a", {"secret": "secret"}]},
        {"BatchInput": "secret", "Items": "secret"},
        {**ENDED, "detail": {"input": "secret"}},
        {**ENDED, "detail": {"input": '{"bucket": {"secret": 1}}'}},
        {"Records": ["secret", "secret"]},
    ],
)
def test_a_wrong_event_is_not_quoted(event: Any) -> None:
    """An event holds what people typed; neither the message nor its cause shows a value."""
    with pytest.raises(InvalidEventError) as caught:
        parse_event(event)
    assert "secret" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


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
