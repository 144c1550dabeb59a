"""A small HTTP server on the loopback interface, in threads of this process."""

from __future__ import annotations

import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Generic, Self, TypeVar

from local.processes import LOOPBACK

ServiceT = TypeVar("ServiceT", bound="HttpService")


class _Server(ThreadingHTTPServer, Generic[ServiceT]):
    # A map of functions connects all at once; the default of 5 would refuse most of them.
    request_queue_size = 512

    def __init__(self, service: ServiceT, handler: type[Handler[Any]]) -> None:
        self.service = service
        super().__init__((LOOPBACK, 0), handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a client that has gone before it was answered."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class HttpService:
    """Serves from `start` to `stop` on a free port; subclasses name their handler."""

    handler: type[Handler[Any]]

    def start(self) -> Self:
        """Listen."""
        self._server = _Server(self, self.handler)
        self.url = f"http://{LOOPBACK}:{self._server.server_port}"
        # Looks for the end of serving more often than by default, which is what stopping waits for.
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def stop(self) -> None:
        """Stop listening; requests in progress are abandoned."""
        self._server.shutdown()
        self._server.server_close()


class Handler(BaseHTTPRequestHandler, Generic[ServiceT]):
    """One connection to a service, kept alive; subclasses answer its requests in `serve`."""

    protocol_version = "HTTP/1.1"
    # Headers and body leave as two packets; with Nagle the second waits 40 ms for the client.
    disable_nagle_algorithm = True
    timeout = 300
    server: _Server[ServiceT]

    @property
    def service(self) -> ServiceT:
        """The service that the connection was made to."""
        return self.server.service

    def serve(self) -> None:
        """Answer one request: `command` and `path` say which."""
        raise NotImplementedError

    def do_GET(self) -> None:
        """Called by the base class, as are the others."""
        self.serve()

    do_POST = do_PUT = do_PATCH = do_DELETE = do_GET  # noqa: N815  # the base class's names

    def lower_headers(self) -> dict[str, str]:
        """All request headers, names in lower case, whitespace as a signature sees it."""
        return {name.lower(): " ".join(value.split()) for name, value in self.headers.items()}

    def body(self) -> bytes:
        """The whole request body."""
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def reply_json(self, status: int, document: Any, headers: dict[str, str] | None = None) -> None:
        """Answer with a JSON document."""
        body = json.dumps(document).encode()
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the base class's name
        """Stay quiet: these services stand in the middle of a terminal's display."""
