"""Which configuration files the command takes, and that it says so."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

import inference_monitor
from inference_monitor.config import yaml_file
from inference_monitor.errors import MonitorError
from inference_monitor_cli.main import app
from inference_monitor_cli.project_files import find_scorers, redaction

ROOT = Path(__file__).parents[3]
SCORERS = "scorers:\n  - {name: mine, type: token_count}\n"


def test_the_working_directory_goes_before_the_installed_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its own file first, then that of a clone's `lambda_src`, then the installed one."""
    monkeypatch.chdir(tmp_path)
    installed = ROOT / "lambda_src" / "scorers.yaml"
    assert find_scorers() == installed
    cloned, own = tmp_path / "lambda_src" / "scorers.yaml", tmp_path / "scorers.yaml"
    cloned.parent.mkdir()
    cloned.write_text(SCORERS)
    assert find_scorers().resolve() == cloned
    own.write_text(SCORERS)
    assert find_scorers().resolve() == own
    told = capsys.readouterr().err.splitlines()
    assert told == [f"using {installed}", "using lambda_src/scorers.yaml", "using scorers.yaml"]


def test_a_file_that_is_named_is_used_without_a_word(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`scorers check FILE` checks that file, whatever else is in the working directory."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "scorers.yaml").write_text("scorers: 1")
    (tmp_path / "s.yaml").write_text(SCORERS)
    named = CliRunner().invoke(app, ["scorers", "check", "s.yaml"])
    assert (named.exit_code, named.stderr, "mine" in named.stdout) == (0, "", True)
    found = CliRunner().invoke(app, ["scorers", "check"])
    assert found.exit_code == 1
    assert found.stderr.startswith("using scorers.yaml\nscorers.yaml:1: ")


def test_redaction_is_that_of_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A mistake in the project's `privacy.yaml` stops the command; unredacted, it is not read."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "privacy.yaml").write_text("builtin: [NOTHING]\n")
    assert redaction("off") is None
    assert capsys.readouterr().err == ""
    with pytest.raises(MonitorError, match=r"privacy\.yaml:1"):
        redaction("patterns")
    assert capsys.readouterr().err == "using privacy.yaml\n"


def test_data_files_of_a_wheel_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no file is beside the package, the package of data files has it."""
    site = tmp_path / "site"
    (site / "inference_monitor").mkdir(parents=True)
    (site / "inference_monitor_defaults").mkdir()
    monkeypatch.setattr(yaml_file, "__file__", str(site / "inference_monitor" / "yaml_file.py"))
    monkeypatch.setattr(sys, "path", [str(site)])
    found = yaml_file.data_file("models.yaml")
    assert found == site / "inference_monitor_defaults" / "models.yaml"


def test_the_version_is_printed() -> None:
    """`--version` needs no verb, and says what the package's metadata says."""
    result = CliRunner().invoke(app, ["--version"])
    assert (result.exit_code, result.stdout) == (
        0,
        f"inference-monitor {inference_monitor.__version__}\n",
    )


def test_the_command_completes_its_verbs() -> None:
    """Typer's completion answers a shell that asks for words that begin with `sc`."""
    words = {"COMP_WORDS": "inference-monitor sc", "COMP_CWORD": "1"}
    asked = {**words, "_INFERENCE_MONITOR_COMPLETE": "complete_bash"}
    result = CliRunner().invoke(app, [], env=asked, prog_name="inference-monitor")
    assert result.stdout.split() == ["scorers"]
