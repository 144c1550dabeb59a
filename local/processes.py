"""Programs we start: in process groups of their own, awaited with a deadline, ended by their id."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import requests

LOOPBACK = "127.0.0.1"
_NO_PROXY = ("NO_PROXY", "no_proxy")
ATTACHED = Path(__file__).with_name("attached.py")


def bypass_proxies() -> None:
    """Reach what runs on this machine directly, whatever proxy the environment names.

    It is for this process and those it starts; every HTTP client looks at these variables.
    """
    if not any(name.lower().endswith("_proxy") for name in os.environ if name not in _NO_PROXY):
        return  # with nothing but exceptions, macOS would forget its own proxies
    told = ",".join(os.environ.get(name, "") for name in _NO_PROXY)
    hosts = dict.fromkeys([*filter(None, told.replace(" ", "").split(",")), LOOPBACK, "localhost"])
    os.environ |= dict.fromkeys(_NO_PROXY, ",".join(hosts))


# Everybody who talks to the local chain comes by here first.
bypass_proxies()


class StartError(Exception):
    """Something that the chain needs does not start; says where its log is."""


def free_port() -> int:
    """A port of the loopback interface on which nothing listens."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


class Program:
    """A program that runs until it ends or is stopped, with its output in a log file."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        env: Mapping[str, str],
        cwd: Path,
        log: Path,
    ) -> None:
        self.name = name
        self.log = log
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("wb") as output:
            # A group of its own: Ctrl-C reaches us alone, and we end what it has started with it.
            self._process = subprocess.Popen(
                [sys.executable, str(ATTACHED), *command],
                cwd=cwd,
                env=dict(env),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """The process id, which is also that of its group."""
        return self._process.pid

    def wait_until(self, ready: Callable[[], bool], seconds: float) -> None:
        """Wait until it is ready.

        Raises:
            StartError: If it ends before that, or takes longer than `seconds`.
        """
        deadline = time.monotonic() + seconds
        while not ready():
            status = self._process.poll()
            if status is not None:
                said = self.log.read_text(errors="replace").strip().rpartition("\n")[2]
                raise StartError(f"{self.name} ended with status {status}: {said}: see {self.log}")
            if time.monotonic() > deadline:
                raise StartError(f"{self.name} is not ready after {seconds:.0f} s: see {self.log}")
            time.sleep(0.1)

    def finish(self, seconds: float) -> int:
        """Wait until it ends by itself and give its exit status.

        Raises:
            StartError: If it takes longer than `seconds`; it is ended then, as when interrupted.
        """
        try:
            return self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise StartError(
                f"{self.name} takes longer than {seconds:.0f} s: see {self.log}"
            ) from None
        finally:
            self.stop()

    def kill(self) -> None:
        """End it and everything it started at once, unasked."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self._process.wait()

    def stop(self, patience: float = 5) -> None:
        """End it and everything it started: first asked to, then made to."""
        for sign in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, sign)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(patience)


def answers(url: str) -> bool:
    """Whether a GET of this URL succeeds."""
    try:
        return requests.get(url, timeout=5).ok
    except requests.RequestException:
        return False
