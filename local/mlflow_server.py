"""A real MLflow server on sqlite, as small as it gets."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from local.processes import LOOPBACK, Program, answers, free_port

# A first start creates the database and compiles MLflow: a minute where cores are shared.
START_SECONDS = 180


class MlflowServer:
    """`mlflow server` with its database and artifacts in a folder, which outlives it.

    `python` is the interpreter of an environment with another version of MLflow, `database` the
    SQLAlchemy URI of another database. `artifacts` is where clients put them by themselves, as with
    SageMaker's managed MLflow; without it the server keeps them.
    """

    def __init__(
        self,
        folder: Path,
        log: Path,
        *,
        python: Path | None = None,
        database: str | None = None,
        artifacts: str | None = None,
        workers: int = 1,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        port = free_port()
        self.url = f"http://{LOOPBACK}:{port}"
        self._folder, self._log = folder, log
        kept = ["--artifacts-destination", str(folder / "artifacts")]
        put = ["--no-serve-artifacts", "--default-artifact-root", str(artifacts)]
        self._command = [
            str(python or sys.executable), "-m", "mlflow", "server",
            "--backend-store-uri", database or f"sqlite:///{folder / 'mlflow.db'}",
            *(put if artifacts else kept),
            "--host", LOOPBACK, "--port", str(port), "--workers", str(workers),
        ]  # fmt: skip
        self.start()

    def start(self) -> None:
        """Start it, or start it again at the same address after `stop`."""
        env = {name: value for name, value in os.environ.items() if not name.startswith("MLFLOW_")}
        env |= {
            "MLFLOW_DISABLE_TELEMETRY": "true",
            # A second worker process for jobs we do not have.
            "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        }
        self._program = Program(
            "MLflow server", self._command, env=env, cwd=self._folder, log=self._log
        )

    def wait(self) -> None:
        """Wait until it answers; raises StartError if it does not."""
        self._program.wait_until(lambda: answers(f"{self.url}/health"), START_SECONDS)

    @property
    def pid(self) -> int:
        """The process group of the server and its workers."""
        return self._program.pid

    def stop(self) -> None:
        """End the server."""
        self._program.stop()

    def kill(self) -> None:
        """End the server at once, in the middle of whatever it does."""
        self._program.kill()
