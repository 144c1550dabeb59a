"""Debian's Postgres, with an empty cluster of its own."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from local.processes import LOOPBACK, StartError, free_port

OWNER = "postgres"
START_SECONDS = 60
_PROGRAMS = Path("/usr/lib/postgresql")


@contextmanager
def postgres() -> Iterator[str]:
    """Run a server on a free port of the loopback interface; gives the URI for SQLAlchemy.

    Raises:
        StartError: If it is not installed, or does not start.
    """
    found = sorted(_PROGRAMS.glob("*/bin/pg_ctl"))
    if not found:
        raise StartError("Postgres is not installed: run `apt-get install -y postgresql` as root")
    programs = found[-1].parent
    # Not in the project's folder, to which Postgres' own user may have no way.
    folder = Path(tempfile.mkdtemp(prefix="reliability-postgres-"))
    data, port = folder / "data", free_port()
    try:
        if os.geteuid() == 0:
            shutil.chown(folder, OWNER, OWNER)
        _run(folder, programs / "initdb", "-D", data, "-U", OWNER, "-A", "trust", "-E", "UTF8")
        options = f"-h {LOOPBACK} -p {port} -k {folder}"
        _run(folder, programs / "pg_ctl", "-D", data, "-w", "-t", START_SECONDS,
             "-l", folder / "log", "-o", options, "start")  # fmt: skip
        try:
            yield f"postgresql+psycopg2://{OWNER}@{LOOPBACK}:{port}/postgres"
        finally:
            _run(folder, programs / "pg_ctl", "-D", data, "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _run(folder: Path, program: Path, *arguments: object) -> None:
    """Run a program of Postgres', which refuses to be run by root."""
    command = [str(program), *map(str, arguments)]
    user = pwd.getpwnam(OWNER).pw_name if os.geteuid() == 0 else None
    with (folder / "output").open("ab") as output:
        done = subprocess.run(
            command, cwd=folder, user=user, stdout=output, stderr=output,
            timeout=2 * START_SECONDS, check=False,
        )  # fmt: skip
    if done.returncode:
        said = (folder / "output").read_text(errors="replace")[-500:]
        raise StartError(f"{program.name} failed with status {done.returncode}: {said}")
