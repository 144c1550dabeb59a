"""The command's output, whatever takes it; and servers on this machine, whatever proxy there is."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from local.processes import bypass_proxies

ROOT = Path(__file__).parents[3]
SAMPLES = ROOT / "samples"
COMMAND = "from inference_monitor_cli.main import app; app()"


def start(folder: Path, *words: str, **variables: str) -> subprocess.Popen[bytes]:
    """Start the command as a program of its own."""
    path = os.pathsep.join(str(ROOT / part) for part in ("cli", "lambda_src"))
    return subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", COMMAND, *words],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": path, **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


@pytest.mark.parametrize("words", [("inspect", "x.jsonl"), ("--help",), ("inspect", "--help")])
@pytest.mark.parametrize("encoding", ["cp1252", "ascii"])
def test_what_the_terminal_cannot_show_is_replaced(
    tmp_path: Path, words: tuple[str, ...], encoding: str
) -> None:
    """An old code page gets question marks instead of a traceback; the work is done."""
    (tmp_path / "x.jsonl").write_text("{}\n")
    program = start(tmp_path, *words, PYTHONIOENCODING=encoding, COLUMNS="100")
    told, problems = program.communicate(timeout=60)
    assert program.returncode == 0, problems
    assert b"Traceback" not in problems
    assert told.decode(encoding)


@pytest.mark.parametrize("lines", [1, 20_000])
def test_a_reader_that_goes_ends_the_command_quietly(tmp_path: Path, lines: int) -> None:
    """As with `| head`: nothing on stderr, whether the output is in a buffer or on its way."""
    (tmp_path / "x.jsonl").write_text("{}\n" * lines)
    program = start(tmp_path, "inspect", "--json", "x.jsonl")
    assert program.stdout
    assert program.stderr
    program.stdout.close()
    assert program.stderr.read() == b""
    program.stderr.close()
    assert program.wait(60) == 141


@pytest.mark.parametrize(
    ("given", "exceptions"),
    [
        ({"HTTP_PROXY": "http://proxy:1"}, "127.0.0.1,localhost"),
        (
            {"https_proxy": "http://p:1", "NO_PROXY": "a.example, b"},
            "a.example,b,127.0.0.1,localhost",
        ),
        ({"ALL_PROXY": "http://p:1", "no_proxy": "localhost"}, "localhost,127.0.0.1"),
        ({"NO_PROXY": "a.example"}, None),
    ],
)
def test_what_runs_here_is_reached_without_a_proxy(
    given: Mapping[str, str], exceptions: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both spellings of the variable have what either had; without a proxy nothing is changed."""
    monkeypatch.setattr(os, "environ", dict(given))
    bypass_proxies()
    told = {os.environ.get("NO_PROXY"), os.environ.get("no_proxy")}
    assert told == ({exceptions} if exceptions else {"a.example", None})
