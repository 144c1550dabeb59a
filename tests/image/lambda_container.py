"""The image, run as Lambda runs it: what Lambda forbids is forbidden here, too."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psutil

from local.emulator.runtime_api import Answer, Invocation, RuntimeApi
from tests.image.engine import QUOTAS, podman

FUNCTION = "image-under-test"
INIT_SECONDS = 60
_ARN = f"arn:aws:lambda:us-east-1:000000000000:function:{FUNCTION}"
# User and group of a function's process; nothing of the image belongs to them.
_USER = "993:990"
_SANDBOX = (
    "--network=host", "--read-only", "--read-only-tmpfs=false",
    "--tmpfs=/tmp:rw,size=512m,mode=1777", f"--user={_USER}", "--cap-drop=all",
    "--security-opt=no-new-privileges", "--ipc=none",
)  # fmt: skip


class _TimedApi(RuntimeApi):
    """Knows when the function has come to the end of its initialization."""

    def __init__(self) -> None:
        super().__init__()
        self.initialized = threading.Event()

    def next(self) -> Invocation | None:
        self.initialized.set()
        return super().next()


class LambdaContainer:
    """One instance of the function: a context manager from its start to its end.

    `init_seconds` is what Lambda reports as init duration: from the start of the process to its
    asking for an event.
    """

    def __init__(self, image: str, environment: Mapping[str, str], *, memory_mb: int) -> None:
        self._image = image
        self._memory_mb = memory_mb
        self._api = _TimedApi()
        self._environment = {
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_EXECUTION_ENV": "AWS_Lambda_Image",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(memory_mb),
            "AWS_LAMBDA_FUNCTION_NAME": FUNCTION,
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
            "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{FUNCTION}",
            "AWS_LAMBDA_LOG_STREAM_NAME": "image",
            "AWS_LAMBDA_RUNTIME_API": self._api.address,
            "AWS_REGION": "us-east-1",
            **environment,
        }

    def __enter__(self) -> Self:
        variables = [f"--env={name}={value}" for name, value in self._environment.items()]
        memory = [f"--memory={self._memory_mb}m", f"--memory-swap={self._memory_mb}m"]
        # Neither entrypoint nor command: the image's own are under test.
        sandbox = [*QUOTAS, *_SANDBOX, *memory, *variables]
        self._id = podman("run", "--detach", "--pull=never", *sandbox, self._image)
        try:
            self._pid = int(podman("inspect", "--format={{.State.Pid}}", self._id))
            self._wait()
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._end()

    def invoke(self, event: Any, *, seconds: float) -> Answer:
        """Let it handle an event; `seconds` is the function's timeout.

        Raises:
            queue.Empty: If it takes longer.
        """
        body = json.dumps(event).encode()
        self._api.send(Invocation(body, _ARN, time.time() + seconds))
        return self._api.answers.get(timeout=seconds)

    def python(self, code: str) -> str:
        """Run some Python in the running container, under the same restrictions."""
        return podman("exec", self._id, "python", "-c", code)

    def status(self) -> dict[str, str]:
        """The kernel's view of the function's process: `/proc/PID/status`."""
        lines = Path(f"/proc/{self._pid}/status").read_text().splitlines()
        return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}

    def peak_rss_mb(self) -> float:
        """The most memory that its process has held so far."""
        return int(re.sub(r"\D", "", self.status()["VmHWM"])) / 1024

    def memory_limit_mb(self) -> int:
        """What its control group may use, as the kernel enforces it."""
        return int(podman("inspect", "--format={{.HostConfig.Memory}}", self._id)) >> 20

    def log(self) -> str:
        """What it has written to stdout and stderr."""
        return podman("logs", self._id)

    def _wait(self) -> None:
        if not self._api.initialized.wait(INIT_SECONDS):
            raise TimeoutError(f"the function asks for no event:\n{self.log()}")
        self.init_seconds = time.time() - psutil.Process(self._pid).create_time()

    def _end(self) -> None:
        self._api.close()
        podman("rm", "--force", "--time=0", self._id)
