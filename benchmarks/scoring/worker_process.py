"""The workers' processes, each in the environment of its own packages."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
from pathlib import Path
from queue import Empty, Queue
from threading import Thread
from typing import cast

from benchmarks.scoring.worker import Order, Outcome
from local.processes import StartError
from local.settings import ENVIRONMENTS, MADE_UP, ROOT, environment_of

REGION = "us-east-1"
# A first run imports a lot, uncompiled; later ones take half a minute for 100 records at most.
_SECONDS_PER_ORDER = 600
_TOKENIZERS = "lib/python3*/site-packages/litellm/litellm_core_utils/tokenizers"


class WorkerProcess:
    """A worker that is given orders; it ends with its stdin, so also when we are killed."""

    def __init__(self, module: str, venv: Path, environment: dict[str, str], log: Path) -> None:
        python = venv / "bin/python"
        if not python.exists():
            raise StartError(f"{venv} is missing: run `make bench-scoring`")
        self._name, self._log = module, log
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                [str(python), "-m", module],
                cwd=ROOT,
                env={**_without_mlflow_and_aws(), **environment},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=output,
                text=True,
            )
        self._answers: Queue[str] = Queue()
        Thread(target=self._listen, daemon=True).start()

    def ask(self, order: Order) -> Outcome:
        """Have an order carried out.

        Raises:
            StartError: If the worker ends instead, or takes far too long; names its log.
        """
        assert self._process.stdin
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(json.dumps(order) + "\n")
            self._process.stdin.flush()
        try:
            answer = self._answers.get(timeout=_SECONDS_PER_ORDER)
        except Empty:
            raise StartError(f"{self._name} does not come back: see {self._log}") from None
        if not answer:
            raise StartError(f"{self._name} has ended: see {self._log}")
        return cast(Outcome, json.loads(answer))

    def stop(self) -> None:
        """End it: first by ending its stdin, then at once."""
        assert self._process.stdin
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _listen(self) -> None:
        assert self._process.stdout
        for line in self._process.stdout:
            self._answers.put(line)
        self._answers.put("")


def start_reference(judge: str, log: Path) -> WorkerProcess:
    """The reference's method; LiteLLM finds the judge by a variable of its own."""
    venv = ENVIRONMENTS / "venv-reference"
    environment = _environment(ROOT) | {
        "AWS_BEDROCK_RUNTIME_ENDPOINT": judge,
        # Otherwise LiteLLM fetches its price list and tiktoken its vocabulary, before any call.
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        "TIKTOKEN_CACHE_DIR": str(next(venv.glob(_TOKENIZERS), "")),
    }
    return WorkerProcess("benchmarks.scoring.reference", venv, environment, log)


def start_ours(judge: str, log: Path) -> WorkerProcess:
    """The monitor, with what the function has installed."""
    environment = _environment(ROOT, ROOT / "lambda_src")
    environment["AWS_ENDPOINT_URL_BEDROCK_RUNTIME"] = judge
    return WorkerProcess("benchmarks.scoring.ours", ENVIRONMENTS / "venv-lambda", environment, log)


def _environment(*path: Path) -> dict[str, str]:
    return {
        **environment_of(MADE_UP, REGION),
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "PYTHONPATH": os.pathsep.join(map(str, path)),
    }


def _without_mlflow_and_aws() -> dict[str, str]:
    """Our environment without what would change a worker's behaviour or reach somebody's AWS."""
    return {k: v for k, v in os.environ.items() if not k.startswith(("MLFLOW_", "AWS_", "PYTHON"))}
