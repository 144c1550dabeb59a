"""The base image: AWS's own where it can be pulled, else a stand-in of the same name.

The stand-in is this machine's Debian (mmdebstrap) with a CPython 3.12 of this machine, or with
Debian's own Python where there is none. It carries the label `stand-in`.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import requests
from uv import find_uv_bin

from tests.image.engine import FOLDER, ROOT, EngineError, build, inspect, podman
from tests.image.pip_settings import mounts

DOCKERFILE = ROOT / "lambda_src/Dockerfile"
PROBE_SECONDS = 5
PULL_SECONDS = 600
PYTHON = "3.12"
_STAND_IN = Path(__file__).parent / "stand_in"
# What CPython's extension modules and manylinux wheels are linked to; apt knows them on any Debian.
_LIBRARIES = (
    "ca-certificates", "libbz2-1.0", "libexpat1", "libffi8", "liblzma5", "libsqlite3-0", "libssl3",
    "libstdc++6", "libuuid1", "zlib1g",
)  # fmt: skip
_DEBIAN_PYTHON = ("python3", "python3-pip")
_NOT_NEEDED = (
    "site-packages",
    "test",
    "idlelib",
    "tkinter",
    "turtledemo",
    "config-*",
    "*.a",
    "man",
)


def name() -> str:
    """The image that the Dockerfile is made from."""
    found = re.search(r"^FROM (\S+)$", DOCKERFILE.read_text(), re.MULTILINE)
    if not found:
        raise EngineError(f"{DOCKERFILE}: no FROM line")
    return found[1]


def provide() -> bool:
    """Have the base image here; says whether it is the real one.

    Raises:
        EngineError: If the registry answers but does not give it, or the stand-in cannot be made.
    """
    base = name()
    there = inspect(base)
    if there and not is_stand_in(there):
        return True
    if _registry_answers(base):
        podman("pull", "--quiet", base, seconds=PULL_SECONDS)
        return True
    if not there:
        _make_stand_in(base)
    return False


def is_stand_in(image: dict[str, object]) -> bool:
    """Whether an inspected image is our stand-in, or made from it."""
    labels = image.get("Labels")
    return isinstance(labels, dict) and "stand-in" in labels


def _registry_answers(image: str) -> bool:
    """A registry says which API it speaks, also to those it does not know; a proxy does not."""
    registry = image.partition("/")[0]
    try:
        answer = requests.get(f"https://{registry}/v2/", timeout=PROBE_SECONDS)
    except requests.RequestException:
        return False
    return "Docker-Distribution-Api-Version" in answer.headers


def _make_stand_in(tag: str) -> None:
    if not shutil.which("mmdebstrap"):
        raise EngineError(f"{tag} cannot be pulled, and mmdebstrap is not there to replace it")
    context = FOLDER / "stand-in"
    shutil.rmtree(context, ignore_errors=True)
    context.mkdir(parents=True)
    lang = context / "lang"
    if prefix := _python_prefix():
        shutil.copytree(prefix, lang, symlinks=True, ignore=shutil.ignore_patterns(*_NOT_NEEDED))
    else:
        lang.mkdir()
    _debian(context / "rootfs.tar", () if prefix else _DEBIAN_PYTHON)
    shutil.copy(_STAND_IN / "lambda-entrypoint.sh", context)
    build(
        context,
        tag,
        dockerfile=_STAND_IN / "Containerfile",
        mounts=mounts(FOLDER),
        layers=False,
        RUNTIME_CLIENT=_runtime_client(),
    )
    shutil.rmtree(context)


def _python_prefix() -> Path | None:
    """Where a CPython of the right version lives that can be moved elsewhere, if there is one."""
    versions = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    folders = [str(path.parent) for path in versions.glob(f"{PYTHON}.*/bin/python{PYTHON}")]
    found = subprocess.run(
        [
            find_uv_bin(),
            "python",
            "find",
            "--no-python-downloads",
            "--no-project",
            "--system",
            PYTHON,
        ],
        env={**os.environ, "PATH": os.pathsep.join([*folders, os.environ["PATH"]])},
        capture_output=True,
        text=True,
        check=False,
    )
    prefix = Path(found.stdout.strip()).resolve().parents[1] if found.returncode == 0 else None
    # A distribution's own Python is spread over /usr among everything else.
    return None if prefix in (None, Path("/usr"), Path("/usr/local")) else prefix


def _debian(archive: Path, packages: tuple[str, ...]) -> None:
    """A small root file system from where this machine's own packages come from."""
    sources = [path for path in Path("/etc/apt").rglob("*") if path.suffix in (".list", ".sources")]
    network = subprocess.run(
        ["apt-config", "dump", "Acquire"], capture_output=True, text=True, check=True
    )
    options = archive.with_name("apt.conf")
    options.write_text(network.stdout)
    command = [
        "mmdebstrap", "--quiet", "--variant=essential", "--skip=output/dev",
        f"--include={','.join([*_LIBRARIES, *packages])}", f"--aptopt={options}",
        "--dpkgopt=path-exclude=/usr/share/doc/*", "--dpkgopt=path-exclude=/usr/share/man/*",
        "--dpkgopt=path-exclude=/usr/share/locale/*",
        "", str(archive), *map(str, sources),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise EngineError(f"mmdebstrap failed: {done.stderr.strip()[-2000:]}")


def _runtime_client() -> str:
    """The awslambdaric that the project has locked, as a requirement."""
    locked = (ROOT / "requirements-dev.txt").read_text()
    found = re.search(r"^awslambdaric==[\w.]+", locked, re.MULTILINE)
    if not found:
        raise EngineError("requirements-dev.txt does not lock awslambdaric")
    return found[0]
