"""A real MLflow server, for tests that need to know what MLflow makes of a trace."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

_STARTS_WITHIN_SECONDS = 120


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def mlflow_server(
    directory: Path, program: str | None = None, environment: Mapping[str, str] | None = None
) -> Iterator[str]:
    """Run MLflow on sqlite in a directory; gives its URI.

    `environment` has variables for it alone. `program` is the `mlflow` of another version. Without
    it, `MLFLOW_TEST_SERVER` may name one, and `MLFLOW_TEST_DATABASE` the SQLAlchemy URI of an empty
    database to use instead of sqlite.
    """
    database = f"sqlite:///{directory / 'mlflow.db'}"
    if program is None:
        own = str(Path(sys.executable).with_name("mlflow"))
        program = os.environ.get("MLFLOW_TEST_SERVER", own)
        database = os.environ.get("MLFLOW_TEST_DATABASE", database)
    port = free_port()
    command = [
        program, "server", "--workers", "1", "--host", "127.0.0.1", "--port", str(port),
        "--backend-store-uri", database, "--artifacts-destination", str(directory / "artifacts"),
    ]  # fmt: skip
    quiet = {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    log = directory / "server.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            stdout=output,
            stderr=output,
            env={**os.environ, **quiet, **(environment or {})},
            cwd=directory,
            start_new_session=True,  # its workers end with it
        )
        uri = f"http://127.0.0.1:{port}"
        try:
            _wait_until_healthy(uri, process, log)
            yield uri
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(30)


def _wait_until_healthy(uri: str, process: subprocess.Popen[bytes], log: Path) -> None:
    patient = requests.Session()
    patient.mount(
        "http://", HTTPAdapter(max_retries=Retry(10, backoff_factor=0.1, backoff_max=0.5))
    )
    for _ in range(_STARTS_WITHIN_SECONDS // 4):
        try:
            patient.get(f"{uri}/health", timeout=5).raise_for_status()
        except requests.RequestException:
            if process.poll() is None:
                continue
            break
        else:
            return
    raise RuntimeError(f"MLflow did not start: {log.read_text(errors='replace')[-2000:]}")
