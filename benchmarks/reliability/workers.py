"""The function's workers as processes of this machine."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path

import psutil

from local.chain import Chain, Deployment
from local.settings import ROOT

RUNTIME = str(ROOT / "local/emulator/lambda_runtime.py")
"""The script that every worker runs; started with its whole path."""


def workers(chain: Chain, deployment: Deployment) -> list[psutil.Process]:
    """The running workers of a deployed function, oldest first."""
    name = deployment.function_arn.rpartition(":")[2]
    found = []
    for process in psutil.Process(chain.aws.pid).children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess, psutil.ZombieProcess):
            if RUNTIME in process.cmdline():
                environment = process.environ()
                if environment.get("AWS_LAMBDA_FUNCTION_NAME") == name:
                    found.append(process)
    return sorted(found, key=psutil.Process.create_time)


def kill(victims: list[psutil.Process]) -> None:
    """End workers as the kernel does when memory runs out: at once, by their ids."""
    for victim in victims:
        victim.kill()
    psutil.wait_procs(victims, timeout=10)


def peak_megabytes(process: psutil.Process) -> float:
    """The most memory a process has ever had resident (VmHWM, proc(5))."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    found = re.search(r"^VmHWM:\s+(\d+) kB", status, re.MULTILINE)
    assert found, f"no VmHWM for process {process.pid}"
    return int(found[1]) / 1024
