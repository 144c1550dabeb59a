"""Functions deployed as an image, run under awslambdaric instead of in a container."""

from __future__ import annotations

import atexit
import json
import threading
from pathlib import Path
from typing import Any

from local.emulator.config import EmulatorConfig
from local.emulator.dockerfile import Image
from local.emulator.worker import Deployed, Worker


class _Pool:
    """The workers of one function as deployed; at most `size` at once, kept warm."""

    def __init__(self, function: Deployed, config: EmulatorConfig) -> None:
        self.function = function
        self._config = config
        self._free = threading.Semaphore(config.workers)
        self._lock = threading.Lock()
        self._idle: list[Worker] = []
        self._started = 0

    def invoke(self, event: bytes, arn: str) -> dict[str, Any]:
        # AWS would start one more instance, or throttle; a laptop lets the event wait its turn.
        with self._free:
            worker = self._take()
            try:
                answer, log = worker.invoke(event, arn)
            finally:
                self._give_back(worker)
        error = {"error": True} if answer.is_error else {}
        return {"body": answer.body, "log": log, **error}

    def stop(self) -> None:
        with self._lock:
            for worker in self._idle:
                worker.stop()

    def _take(self) -> Worker:
        with self._lock:
            while self._idle:
                worker = self._idle.pop()
                if worker.alive:
                    return worker
            self._started += 1
            log = Path(self._config.logs) / f"{self.function.name}-{self._started}.log"
        return Worker(self.function, self._config.python, self._config.code, log)

    def _give_back(self, worker: Worker) -> None:
        with self._lock:
            if worker.alive:
                self._idle.append(worker)


class Functions:
    """Stands in for ministack's Docker executor: `execute` has its arguments and its result."""

    def __init__(self, config: EmulatorConfig) -> None:
        self._config = config
        self._image = Image.read(Path(config.code) / "Dockerfile")
        self._pools: dict[str, _Pool] = {}
        self._lock = threading.Lock()
        atexit.register(self.stop)

    def execute(self, func: dict[str, Any], event: Any, request_id: str) -> dict[str, Any]:
        """Run one invocation.

        Returns:
            `body` (the JSON answer), `log`, and `error` when the function failed.
        """
        deployed = func.get("config") or func
        name = deployed["FunctionName"]
        if not name.startswith(self._config.function_prefix):
            body = {
                "errorType": "Emulator.UnknownImage",
                "errorMessage": f"{request_id}: no code is known for the image of {name}; "
                f"names must start with {self._config.function_prefix}",
            }
            return {"body": body, "error": True, "log": ""}
        return self._pool(deployed).invoke(json.dumps(event).encode(), deployed["FunctionArn"])

    def stop(self) -> None:
        """End every worker."""
        with self._lock:
            for pool in self._pools.values():
                pool.stop()

    def _pool(self, deployed: dict[str, Any]) -> _Pool:
        function = self._function(deployed)
        with self._lock:
            pool = self._pools.get(function.name)
            if pool is None or pool.function != function:
                if pool:
                    pool.stop()  # deployed again, with another environment
                pool = self._pools[function.name] = _Pool(function, self._config)
            return pool

    def _function(self, deployed: dict[str, Any]) -> Deployed:
        variables = (deployed.get("Environment") or {}).get("Variables") or {}
        command = (deployed.get("ImageConfigResponse") or {}).get("ImageConfig") or {}
        return Deployed(
            name=deployed["FunctionName"],
            handler=(command.get("Command") or [self._image.handler])[0],
            environment={**self._image.environment, **variables, **self._config.overrides},
            timeout=int(deployed.get("Timeout") or 3),
            memory_mb=int(deployed.get("MemorySize") or 128),
            region=deployed["FunctionArn"].split(":")[3],
        )
