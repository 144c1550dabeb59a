"""Run awslambdaric, also where its native HTTP client is not: it is built on Linux only.

Started as a script by the function's own Python, in the folder of the function's code; knows
nothing but awslambdaric and the standard library.
"""

from __future__ import annotations

import http.client
import os
import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

_INVOCATION = "/2018-06-01/runtime/invocation"
_DEADLINE = "Lambda-Runtime-Deadline-Ms"


class RuntimeClient(ModuleType):
    """The native module `runtime_client` in Python: the calls of the Lambda Runtime API."""

    def initialize_client(self, user_agent: str) -> None:
        """Remember who calls; the address is in the environment, as in Lambda."""
        self._headers = {"User-Agent": user_agent}

    def next(self) -> tuple[bytes, dict[str, str | int]]:
        """Wait for an event; gives it with its headers.

        Raises:
            RuntimeError: If there is none any more, and the process is to end.
        """
        body, headers = self._call("GET", f"{_INVOCATION}/next", 200)
        # The one that awslambdaric calculates with.
        return body, {**headers, _DEADLINE: int(headers[_DEADLINE])}

    def post_invocation_result(
        self, request_id: str, result: bytes, content_type: str, *_further: Any
    ) -> None:
        """Answer an event."""
        headers = {"Content-Type": content_type}
        self._call("POST", f"{_INVOCATION}/{request_id}/response", 202, result, headers)

    def post_error(self, request_id: str, error: str, xray_cause: str, *_further: Any) -> None:
        """Say why there is no answer."""
        headers = {
            "Content-Type": "application/json",
            "Lambda-Runtime-Function-XRay-Error-Cause": xray_cause,
        }
        self._call("POST", f"{_INVOCATION}/{request_id}/error", 202, error.encode(), headers)

    def _call(
        self,
        method: str,
        path: str,
        expected: int,
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
    ) -> tuple[bytes, dict[str, str]]:
        connection = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
        try:
            connection.request(method, path, body, {**self._headers, **(headers or {})})
            response = connection.getresponse()
            answer = response.read()
        finally:
            connection.close()
        if response.status != expected:
            raise RuntimeError(f"the Runtime API answered {response.status} to {method} {path}")
        return answer, dict(response.headers)


def main() -> None:
    """What `python -m awslambdaric HANDLER` does."""
    # The folder of this file is not one to import the function's modules from.
    sys.path[0] = str(Path.cwd())
    try:
        import_module("runtime_client")
    except ImportError:
        sys.modules["runtime_client"] = RuntimeClient("runtime_client")
    from awslambdaric.__main__ import main as run  # noqa: PLC0415  # it imports the client

    run(sys.argv)


if __name__ == "__main__":
    main()
