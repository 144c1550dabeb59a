"""Which requests came to the MLflow server, from its own access log.

A proxy in between would count as well, but on two cores its time would be added to every request,
and the method with more requests would be charged more.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

# uvicorn's access log: INFO:     127.0.0.1:41234 - "POST /v1/traces HTTP/1.1" 200 OK
_LINE = re.compile(r'"(?P<method>[A-Z]+) (?P<path>/[^ ?"]*)[^"]*" \d{3}')
_HEALTH = "/health"


@dataclass(frozen=True, slots=True)
class Requests:
    """How many requests, and how many of them change something: all but GET and searches."""

    total: int
    writes: int


def count(log: str) -> Requests:
    """Count the requests in a piece of the log; those that only ask for its health are ours."""
    seen = [(m["method"], m["path"]) for m in _LINE.finditer(log) if m["path"] != _HEALTH]
    reads = [p for method, p in seen if method in ("GET", "HEAD") or p.endswith("/search")]
    return Requests(len(seen), len(seen) - len(reads))


class AccessLog:
    """Reads what has been added to the server's log since it was read last."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read = 0

    def added(self) -> Requests:
        """The requests since the last call."""
        with self._path.open("rb") as log:
            log.seek(self._read)
            text = log.read()
        self._read += len(text)
        return count(text.decode(errors="replace"))
