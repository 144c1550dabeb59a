"""InvokeEndpoint with data capture, which ministack does not have.

The model is a stand-in that gives one sentence to every chat. What SageMaker documents is kept
(API_DataCaptureConfig and botocore 1.44.5, read on 2026-11-26): data is BASE64 unless its content
type is listed, `inferenceTime` has whole seconds, and the sampling percentage is respected. An
endpoint here has two instances, each of which writes files of its own, so that a file does not hold
neighbours. When SageMaker writes a file is not documented; here after `FLUSH_SECONDS`.
"""

from __future__ import annotations

import base64
import json
import random
import re
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

FLUSH_SECONDS = 3.0
FLUSH_RECORDS = 50
MAX_BODY_BYTES = 6_291_456
MAX_INFERENCE_ID = 64
INSTANCES = 2
PATH = re.compile(r"/endpoints/([^/]+)/invocations")

_Answer = tuple[int, dict[str, str], bytes]


@dataclass
class _File:
    """The open capture file of one instance, by the folder that it will be written to."""

    destination: str
    lines: list[str] = field(default_factory=list)
    since: float = 0.0


class Invocations:
    """Answers InvokeEndpoint and captures what the endpoint's configuration says.

    `configuration` gives the DescribeEndpointConfig document of an endpoint, None if there is no
    such endpoint; `put` writes an object: bucket, key, body.
    """

    def __init__(
        self,
        configuration: Callable[[str], dict[str, Any] | None],
        put: Callable[[str, str, bytes], None],
    ) -> None:
        self._configuration = configuration
        self._put = put
        self._lock = threading.Lock()
        self._files: dict[tuple[str, int], _File] = {}
        self._next = 0

    def start(self) -> None:
        """Write files that are old enough, in the background, as long as the process runs."""
        threading.Thread(target=self._write_forever, daemon=True).start()

    def answer(self, endpoint: str, headers: dict[str, str], body: bytes) -> _Answer:
        """Answer one request, as SageMaker does or refuses to."""
        config = self._configuration(endpoint)
        if config is None:
            return _error(400, "ValidationError", f"Endpoint {endpoint} not found.")
        variants = [variant["VariantName"] for variant in config["ProductionVariants"]]
        variant = headers.get("x-amzn-sagemaker-target-variant", variants[0])
        if variant not in variants:
            return _error(400, "ValidationError", f"Variant {variant} not found.")
        inference_id = headers.get("x-amzn-sagemaker-inference-id")
        for name, size, limit in (
            ("body", len(body), MAX_BODY_BYTES),
            ("inferenceId", len(inference_id or ""), MAX_INFERENCE_ID),
        ):
            if size > limit:
                return _error(
                    400,
                    "ValidationError",
                    f"1 validation error detected: Value at '{name}' failed to satisfy "
                    f"constraint: Member must have length less than or equal to {limit}",
                )
        answered = _model(body)
        if answered is None:
            message = 'Received client error (400) from primary with message "invalid request".'
            return _error(424, "ModelError", message, OriginalStatusCode=400)
        content_type = headers.get("content-type", "application/octet-stream")
        self._capture(endpoint, config, variant, (inference_id, content_type, body, answered))
        told = {
            "Content-Type": "application/json",
            "x-Amzn-Invoked-Production-Variant": variant,
        }
        return 200, told, answered

    def flush(self, now: float) -> None:
        """Write the files that are old enough at this time, in seconds since the epoch."""
        with self._lock:
            ripe = {k: f for k, f in self._files.items() if now - f.since >= FLUSH_SECONDS}
            for key in ripe:
                del self._files[key]
        for file in ripe.values():
            self._write(file)

    def _capture(
        self,
        endpoint: str,
        config: dict[str, Any],
        variant: str,
        inference: tuple[str | None, str, bytes, bytes],
    ) -> None:
        capture = config.get("DataCaptureConfig") or {}
        percentage = capture.get("InitialSamplingPercentage", 0)
        if not capture.get("EnableCapture") or random.random() * 100 >= percentage:  # noqa: S311
            return
        destination = f"{capture['DestinationS3Uri'].rstrip('/')}/{endpoint}/{variant}"
        line = _record(capture, *inference)
        with self._lock:
            self._next = (self._next + 1) % INSTANCES
            key = (destination, self._next)
            file = self._files.setdefault(key, _File(destination, since=time.time()))
            file.lines.append(line)
            full = len(file.lines) >= FLUSH_RECORDS
            if full:
                del self._files[key]
        if full:
            self._write(file)

    def _write(self, file: _File) -> None:
        now = datetime.now(UTC)
        bucket, _, folder = file.destination.removeprefix("s3://").partition("/")
        name = f"{now:%M-%S}-{now.microsecond // 1000:03d}-{uuid.uuid4()}.jsonl"
        key = f"{folder}/{now:%Y/%m/%d/%H}/{name}"
        self._put(bucket, key, "".join(file.lines).encode())

    def _write_forever(self) -> None:
        while True:
            time.sleep(FLUSH_SECONDS / 10)
            self.flush(time.time())


def _model(body: bytes) -> bytes | None:
    """The stand-in model's answer; None for what is no request."""
    try:
        request = json.loads(body)
    except ValueError:
        return None
    if not isinstance(request, dict) or not (request.get("messages") or request.get("inputs")):
        return None
    text = "The stand-in model of the local endpoint answers every question with this sentence."
    if "messages" not in request:
        return json.dumps({"generated_text": text}).encode()
    message = {"role": "assistant", "content": text}
    tokens = {"prompt_tokens": len(body) // 4, "completion_tokens": 14}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    return json.dumps({"object": "chat.completion", "choices": [choice], "usage": tokens}).encode()


def _record(
    capture: dict[str, Any],
    inference_id: str | None,
    content_type: str,
    request: bytes,
    answer: bytes,
) -> str:
    listed = capture.get("CaptureContentTypeHeader", {})
    modes = {option["CaptureMode"] for option in capture["CaptureOptions"]}
    sides = {}
    for mode, declared, data in (
        ("Input", content_type, request),
        ("Output", "application/json", answer),
    ):
        if not modes & {mode, "InputAndOutput"}:
            continue
        encoding = "BASE64"
        for name in ("Json", "Csv"):
            if declared in listed.get(f"{name}ContentTypes", ()):
                encoding = name.upper()
        text = base64.b64encode(data) if encoding == "BASE64" else data
        sides[f"endpoint{mode}"] = {
            "observedContentType": declared,
            "mode": mode.upper(),
            "data": text.decode(),
            "encoding": encoding,
        }
    metadata = {
        "eventId": str(uuid.uuid4()),
        **({"inferenceId": inference_id} if inference_id else {}),
        "inferenceTime": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
    }
    record = {"captureData": sides, "eventMetadata": metadata, "eventVersion": "0"}
    return json.dumps(record) + "\n"


def _error(status: int, code: str, message: str, **more: Any) -> _Answer:
    headers = {"Content-Type": "application/json", "x-amzn-ErrorType": code}
    return status, headers, json.dumps({"Message": message, **more}).encode()
