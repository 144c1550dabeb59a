"""One instance of a function: an awslambdaric process with the environment that was deployed."""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from local.emulator.behaviour import Behaviour
from local.emulator.runtime_api import Answer, Invocation, RuntimeApi

RUNTIME = Path(__file__).with_name("lambda_runtime.py")
# Set by the machine, not by Lambda, and still needed to run at all. Nothing else of the
# environment of whoever started the emulator reaches a function.
_INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "SSL_CERT_FILE", "SSL_CERT_DIR")


@dataclass(frozen=True)
class Deployed:
    """A function as it was deployed: seconds, MB, and its whole environment."""

    name: str
    handler: str
    environment: dict[str, str]
    timeout: int
    memory_mb: int
    region: str


class Worker:
    """Handles one invocation at a time; starts at once, so that imports overlap with waiting."""

    def __init__(self, function: Deployed, python: str, code: str, log: Path) -> None:
        self._function = function
        self._api = RuntimeApi()
        self._log = log
        with log.open("ab") as output:
            # In the emulator's process group, which is ended as one.
            self._process = subprocess.Popen(
                [python, str(RUNTIME), function.handler],
                cwd=code,
                env=_environment(function, self._api.address, code),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        threading.Thread(target=self._watch, daemon=True).start()

    @property
    def alive(self) -> bool:
        """Whether it can take another invocation."""
        return self._process.poll() is None

    def invoke(self, event: bytes, function_arn: str) -> tuple[Answer, str]:
        """Let the function handle an event.

        Returns:
            Its answer, or what Lambda reports when it takes too long or dies; and what it logged.
        """
        start = self._log.stat().st_size
        deadline = time.time() + self._function.timeout
        invocation = Invocation(event, function_arn, deadline)
        self._api.send(invocation)
        try:
            answer = self._api.answers.get(timeout=self._function.timeout)
        except queue.Empty:
            self.stop()
            seconds = f"{self._function.timeout:.2f}"
            answer = Answer.error(
                "Sandbox.Timedout",
                f"RequestId: {invocation.request_id} Error: Task timed out after {seconds} seconds",
            )
        with self._log.open("rb") as log:
            log.seek(start)
            return answer, log.read().decode("utf-8", "replace")

    def stop(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.wait()

    def _watch(self) -> None:
        status = self._process.wait()
        error, said = "Runtime.ExitError", f"exit status {status}"
        if status == -signal.SIGKILL:
            error, said = Behaviour.now().killed, "signal: killed"
        # After an error while importing, awslambdaric has reported it: that answer comes first.
        self._api.answers.put(Answer.error(error, f"Runtime exited with error: {said}"))
        self._api.close()


def _environment(function: Deployed, runtime_api: str, code: str) -> dict[str, str]:
    """What Lambda sets in every function, and then what was deployed."""
    return {
        **{name: os.environ[name] for name in _INHERITED if name in os.environ},
        "AWS_DEFAULT_REGION": function.region,
        "AWS_EXECUTION_ENV": "AWS_Lambda_Image",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory_mb),
        "AWS_LAMBDA_FUNCTION_NAME": function.name,
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{function.name}",
        "AWS_LAMBDA_LOG_STREAM_NAME": "local",
        "AWS_LAMBDA_RUNTIME_API": runtime_api,
        "AWS_REGION": function.region,
        "LAMBDA_TASK_ROOT": code,
        "PYTHONDONTWRITEBYTECODE": "1",  # the image's file system is read-only, too
        "PYTHONUNBUFFERED": "1",
        "TZ": ":UTC",
        "_HANDLER": function.handler,
        **function.environment,
    }
