"""The function's process in the local chain, with awslambdaric's native client and without."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.emulator.worker import Deployed, Worker

CODE = """
import os, runtime_client

def handler(event, context):
    if event.get("fail"):
        raise ValueError("asked to")
    if event.get("die"):
        os._exit(3)
    left = context.get_remaining_time_in_millis()
    return {"event": event, "native": hasattr(runtime_client, "__file__"), "left": 0 < left <= 9000}
"""
ARN = "arn:aws:lambda:us-east-1:111122223333:function:f"


@pytest.fixture(params=["native", "portable"])
def worker(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Worker]:
    """A worker; on macOS the native client cannot be imported, which is what a file hides here."""
    code, hiding = tmp_path / "code", tmp_path / "hiding"
    for folder in (code, hiding):
        folder.mkdir()
    (code / "function.py").write_text(CODE)
    if request.param == "portable":
        (hiding / "runtime_client.py").write_text("raise ImportError('built on macOS')")
    deployed = Deployed(
        "f", "function.handler", {"PYTHONPATH": str(hiding)}, 9, 128, "us-east-1"
    )  # fmt: skip
    worker = Worker(deployed, sys.executable, str(code), tmp_path / "log")
    yield worker
    worker.stop()


def test_the_function_answers_and_fails_alike(
    worker: Worker, request: pytest.FixtureRequest
) -> None:
    """Its answer, its time, its errors by name, and what follows when its process dies."""
    native = request.node.callspec.params["worker"] == "native"
    for text in ("ä", "b"):
        answer, _ = worker.invoke(f'{{"text": "{text}"}}'.encode(), ARN)
        assert answer.body == {"event": {"text": text}, "native": native, "left": True}
        assert not answer.is_error
    answer, log = worker.invoke(b'{"fail": true}', ARN)
    assert answer.is_error
    assert (answer.body["errorType"], answer.body["errorMessage"]) == ("ValueError", "asked to")
    assert "asked to" in log
    answer, _ = worker.invoke(b'{"die": true}', ARN)
    assert (answer.is_error, answer.body["errorType"]) == (True, "Runtime.ExitError")
