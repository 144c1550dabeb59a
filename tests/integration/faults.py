"""A front door before MLflow that counts requests and, where a test says so, answers by itself."""

from __future__ import annotations

import gzip
import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import requests

SILENT = 0
"""In place of a status: no answer comes within `SILENT_SECONDS`, then the connection is closed."""
SILENT_SECONDS = 3

_ANSWER = b'{"message": "answered by the front door"}'


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer of the front door's own."""

    status: int
    body: bytes = _ANSWER


Fault = Callable[[str, str, bytes], int | Reply | None]
"""Method, path and (uncompressed) body to what is answered, None to pass the request on."""


def mlflow_error(status: int, code: str, message: str = "no") -> Reply:
    """An answer as MLflow itself gives it."""
    return Reply(status, json.dumps({"error_code": code, "message": message}).encode())


class FrontDoor:
    """Passes requests on; `fault` may be set at any time.

    `counts` are of requests by method and path, `errors` the texts of MLflow's own bad answers.
    """

    def __init__(self, upstream: str) -> None:
        self.upstream = upstream
        self.fault: Fault | None = None
        self.counts: Counter[str] = Counter()
        self.errors: list[str] = []
        self.uri = ""
        self._lock = threading.Lock()

    @property
    def total(self) -> int:
        """How many requests were made so far."""
        return sum(self.counts.values())

    def verdict(self, method: str, path: str, body: bytes) -> int | Reply | None:
        """Count a request and say which status to answer it with, None to pass it on."""
        with self._lock:
            self.counts[f"{method} {path.partition('?')[0]}"] += 1
        return self.fault(method, path, body) if self.fault else None


@contextmanager
def front_door(upstream: str) -> Iterator[FrontDoor]:
    """Open a front door on a free port, for as long as the block lasts."""
    door = FrontDoor(upstream)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            """Stay quiet."""

        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            zipped = self.headers.get("Content-Encoding") == "gzip"
            plain = gzip.decompress(body) if zipped else body
            found = door.verdict(self.command, self.path, plain)
            if found is not None:
                return self._fail(found if isinstance(found, Reply) else Reply(found))
            headers = {k: v for k, v in self.headers.items() if k.lower() not in _OWN}
            answer = requests.request(
                self.command, door.upstream + self.path, data=body, headers=headers, timeout=60
            )
            if not answer.ok:
                door.errors.append(answer.text)
            return self._answer(answer.status_code, answer.content)

        def _fail(self, reply: Reply) -> None:
            if reply.status == SILENT:
                time.sleep(SILENT_SECONDS)
                self.close_connection = True
            else:
                self._answer(reply.status, reply.body)

        def _answer(self, status: int, content: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _serve  # noqa: N815 (http.server's names)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    door.uri = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield door
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


_OWN = {"host", "connection", "content-length"}
