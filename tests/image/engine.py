"""Podman, with a storage of its own, so that nothing else on the machine is seen or touched."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / ".local/image"
"""Images and what is reported of them."""

BUILD_SECONDS = 900
QUOTAS = ("--ulimit=nofile=1024:1024", "--ulimit=nproc=1024:1024")
"""For `podman run`: Lambda's quotas of file descriptors, and of processes and threads."""

_PROGRAMS = ("podman", "runc")
_STORAGE = FOLDER / "storage"
# No systemd and no user session are needed this way; whatever the machine's podman is set to.
_COMMAND = (
    "podman", "--root", str(_STORAGE), "--runroot", str(FOLDER / "run"),
    "--storage-driver", "overlay", "--runtime", "runc", "--cgroup-manager", "cgroupfs",
    "--events-backend", "file",
)  # fmt: skip


class EngineError(Exception):
    """Podman has failed; says in which command and how."""


def whatever_is_missing() -> str | None:
    """Why no image can be built here, or None if it can."""
    if os.geteuid() != 0:
        return "building and running the image needs root (overlay mounts, a memory cgroup)"
    missing = [program for program in _PROGRAMS if not shutil.which(program)]
    if missing:
        return f"{' and '.join(missing)} not installed: run `make podman`, or install from Debian"
    return None


def podman(*arguments: str, seconds: float = 120) -> str:
    """Run podman; gives its output.

    Raises:
        EngineError: With the last lines it said, if it fails or takes longer than `seconds`.
    """
    try:
        done = subprocess.run(
            [*_COMMAND, *arguments], capture_output=True, text=True, timeout=seconds, check=False
        )
    except subprocess.TimeoutExpired:
        raise EngineError(f"podman {arguments[0]} takes longer than {seconds:.0f} s") from None
    if done.returncode:
        said = "\n".join((done.stdout + done.stderr).strip().splitlines()[-20:])
        raise EngineError(f"podman {arguments[0]} failed with status {done.returncode}:\n{said}")
    return done.stdout.strip()


def build(
    context: Path,
    tag: str,
    *,
    dockerfile: Path,
    mounts: Sequence[str],
    layers: bool = True,
    **arguments: str,
) -> None:
    """Build an image from a Dockerfile; `arguments` are its ARGs.

    `mounts` (`SOURCE:DESTINATION`) are there, read-only, while RUN runs, and not in the image.
    With `layers` what has not changed since the last build is not done again.
    """
    options = [f"--layers={str(layers).lower()}"]
    options += [f"--volume={mount}:ro" for mount in mounts]
    options += [f"--build-arg={name}={value}" for name, value in arguments.items()]
    podman(
        "build", "--isolation=chroot", "--pull=never", *options,
        "--tag", tag, "--file", str(dockerfile), str(context),
        seconds=BUILD_SECONDS,
    )  # fmt: skip


def run_python(image: str, code: str) -> str:
    """Run some Python with the interpreter of an image; gives what it prints."""
    options = ("--rm", "--network=host", "--pull=never", "--entrypoint=python")
    return podman("run", *options, *QUOTAS, image, "-c", code)


@contextmanager
def mounted(image: str) -> Iterator[Path]:
    """The files of an image, in a folder of this machine."""
    folder = podman("image", "mount", image)
    try:
        yield Path(folder)
    finally:
        podman("image", "unmount", image)


def inspect(image: str) -> dict[str, Any] | None:
    """What podman knows of an image, or None if there is no such image."""
    if not podman("images", "--quiet", image):
        return None
    (found,) = json.loads(podman("image", "inspect", image))
    return dict(found)
