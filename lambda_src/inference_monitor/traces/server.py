"""What the MLflow server can do, by the version it says it has."""

from __future__ import annotations

import re
import threading

from inference_monitor.traces.api import MlflowApi

_RECOMPUTES = (3, 15)


class Server:
    """Asks for the version once, when it is first needed."""

    def __init__(self, api: MlflowApi) -> None:
        self._api = api
        self._version: tuple[int, ...] | None = None
        self._lock = threading.Lock()

    def takes_spans_after_the_record(self) -> bool:
        """Whether spans that come after their record change nothing of it.

        Servers before 3.15 add the tokens of the spans to those of the record.
        """
        with self._lock:
            if self._version is None:
                answer = self._api.request("GET", "/version", retries=0)
                found = re.match(r"(\d+)\.(\d+)", answer.text) if answer.ok else None
                self._version = tuple(map(int, found.groups())) if found else ()
            return self._version >= _RECOMPUTES
