"""The function's image: build it and say what it is like."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path

from tests.image import base
from tests.image.engine import FOLDER, build, inspect, mounted
from tests.image.lambda_container import LambdaContainer
from tests.image.pip_settings import mounts

TAG = "localhost/inference-monitor:latest"
MEMORY_MB = 1024
"""The least that the deploy settings allow."""


@dataclass(frozen=True, slots=True)
class FunctionImage:
    """A built image; sizes in MB (10⁶ bytes, as registries count, uncompressed)."""

    base: str
    real_base: bool
    build_seconds: float
    size_mb: float
    base_mb: float

    def __str__(self) -> str:
        kind = "the real one" if self.real_base else "A STAND-IN: its registry cannot be reached"
        return (
            f"base   {self.base} ({kind}), {self.base_mb:.0f} MB\n"
            f"image  {TAG}, {self.size_mb:.0f} MB with its base, made in {self.build_seconds:.0f} s"
        )


def build_image() -> FunctionImage:
    """Build the image from the Dockerfile as it is, and the folder it is deployed from.

    Raises:
        EngineError: If the base cannot be had, or the build fails.
    """
    FOLDER.mkdir(parents=True, exist_ok=True)
    real = base.provide()
    started = time.monotonic()
    dockerfile = base.DOCKERFILE
    build(dockerfile.parent, TAG, dockerfile=dockerfile, mounts=mounts(FOLDER))
    seconds = time.monotonic() - started
    return FunctionImage(base.name(), real, seconds, _size(TAG), _size(base.name()))


def init_seconds(*, cold: bool) -> float:
    """How long the function takes until it asks for an event; `cold`: with its files not cached."""
    if cold:
        _forget_files()
    with LambdaContainer(TAG, {}, memory_mb=MEMORY_MB) as container:
        return container.init_seconds


def _forget_files() -> None:
    """Drop the image's files from the page cache, and nobody else's."""
    os.sync()
    with mounted(TAG) as root:
        for path in root.rglob("*"):
            if path.is_file() and not path.is_symlink():
                _forget(path)


def _forget(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    finally:
        os.close(descriptor)


def _size(image: str) -> float:
    found = inspect(image)
    return found["Size"] / 1e6 if found else 0.0
