"""Answers what the function asks of MLflow, at once, and keeps no more than ids."""

from __future__ import annotations

import json
import re
import threading
from typing import Any

from mlflow.tracing.constant import TraceTagKey

from local.http_service import Handler, HttpService

_ID = re.compile(r"tr-[0-9a-f]{32}")
_EXPERIMENT = {
    "experiment_id": "1",
    "lifecycle_stage": "active",
    "artifact_location": "mlflow-artifacts:/1",
}


class StubMlflow(HttpService):
    """Takes spans and records; `records` counts those written, `again` those written before."""

    def __init__(self) -> None:
        self.handler = _Handler
        self.again = 0
        self._infos: dict[str, dict[str, Any]] = {}
        self._lock = threading.Lock()

    @property
    def records(self) -> int:
        """How many different traces there are."""
        return len(self._infos)

    def start_trace(self, info: dict[str, Any]) -> dict[str, Any]:
        """Write the record of a trace; gives it as MLflow answers it, spans and all."""
        name = info["trace_id"]
        kept = {key: info[key] for key in ("trace_id", "client_request_id") if key in info}
        written = {"tags": {TraceTagKey.SPANS_LOCATION: "TRACKING_STORE"}}
        with self._lock:
            self.again += name in self._infos
            self._infos[name] = kept | written
        return {**info, "tags": {**info.get("tags", {}), **written["tags"]}}

    def search(self, text: str) -> list[dict[str, Any]]:
        """The traces among those that a filter names."""
        with self._lock:
            return [self._infos[name] for name in _ID.findall(text) if name in self._infos]


class _Handler(Handler["StubMlflow"]):
    def serve(self) -> None:
        stub = self.service
        path, body = self.path.partition("?")[0], self.body()
        match path:
            case "/api/2.0/mlflow/experiments/get-by-name":
                self.reply_json(200, {"experiment": _EXPERIMENT})
            case "/v1/traces":
                self.reply_json(200, {})
            case "/api/3.0/mlflow/traces/search":
                self.reply_json(200, {"traces": stub.search(json.loads(body)["filter"])})
            case "/api/3.0/mlflow/traces":
                info = stub.start_trace(json.loads(body)["trace"]["trace_info"])
                self.reply_json(200, {"trace": {"trace_info": info}})
            case _:
                self.reply_json(404, {"message": f"not stubbed: {self.command} {path}"})
