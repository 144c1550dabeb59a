"""The Lambda Runtime API of one worker: what awslambdaric asks for its events, and answers to.

https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html, version 2018-06-01.
"""

from __future__ import annotations

import json
import queue
import threading
import time
import uuid
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class Invocation:
    """One event for a worker; `deadline` is in seconds since the epoch."""

    event: bytes
    function_arn: str
    deadline: float
    request_id: str = field(default_factory=lambda: str(uuid.uuid4()))


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of an invocation: a JSON document, and whether that is an error."""

    body: Any
    is_error: bool = False

    @classmethod
    def error(cls, error_type: str, message: str) -> Self:
        """An error of the platform."""
        return cls({"errorType": error_type, "errorMessage": message}, is_error=True)


class RuntimeApi:
    """Serves one worker on a port of its own; `address` goes to it in AWS_LAMBDA_RUNTIME_API."""

    def __init__(self) -> None:
        self.answers: queue.Queue[Answer] = queue.Queue()
        self._invocations: queue.Queue[Invocation | None] = queue.Queue()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self._server.api = self  # type: ignore[attr-defined]
        self.address = f"127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def send(self, invocation: Invocation) -> None:
        """Hand an invocation to the worker as soon as it asks for the next one."""
        self._invocations.put(invocation)

    def next(self) -> Invocation | None:
        """The next invocation, waited for; None when the worker is to go."""
        return self._invocations.get()

    def close(self) -> None:
        """Let go of a worker that waits, and stop serving."""
        self._invocations.put(None)
        self._server.shutdown()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """`/runtime/invocation/next`."""
        invocation = self.server.api.next()  # type: ignore[attr-defined]
        if invocation is None:
            self._reply(410, b"")
            return
        trace = f"Root=1-{int(time.time()):08x}-{uuid.uuid4().hex[:24]};Sampled=0"
        self._reply(
            200,
            invocation.event,
            {
                "Lambda-Runtime-Aws-Request-Id": invocation.request_id,
                "Lambda-Runtime-Deadline-Ms": str(int(invocation.deadline * 1000)),
                "Lambda-Runtime-Invoked-Function-Arn": invocation.function_arn,
                "Lambda-Runtime-Trace-Id": trace,
            },
        )

    def do_POST(self) -> None:
        """`/runtime/invocation/ID/response`, `…/ID/error` or `/runtime/init/error`."""
        body = self._body()
        answer = Answer(json.loads(body or b"null"), is_error=self.path.endswith("/error"))
        self.server.api.answers.put(answer)  # type: ignore[attr-defined]
        self._reply(202, b'{"status":"OK"}')

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        chunks = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            chunks.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(chunks)

    def _reply(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the base class's name
        """Stay quiet: the function writes its own log."""
