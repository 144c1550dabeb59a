"""The configuration files of the user's project: `scorers.yaml` and `privacy.yaml`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import typer

from inference_monitor.capture.reader import Entry
from inference_monitor.config.privacy import load_privacy
from inference_monitor.config.yaml_file import data_file
from inference_monitor.privacy.build import Mode, build_redaction
from inference_monitor_cli.terminal import printable

SCORERS = "scorers.yaml"
_FOLDERS = (Path(), Path("lambda_src"))


def locate(name: str) -> Path:
    """Find a file in the working directory, in its `lambda_src`, or among the installed ones."""
    found = next((path for folder in _FOLDERS if (path := folder / name).is_file()), None)
    return found or data_file(name)


def find_project_file(name: str) -> Path:
    """Find a file as `locate` does, and print on stderr which one is used.

    The file decides what is judged and what it costs.
    """
    used = locate(name)
    typer.echo(printable(f"using {used}"), err=True)
    return used


def find_scorers() -> Path:
    """Find the scorers where no option names a file, see `find_project_file`."""
    return find_project_file(SCORERS)


def redaction(mode: Mode) -> Callable[[Entry], Entry] | None:
    """Build the redaction of the project's `privacy.yaml`; None where redaction is off.

    Raises:
        InvalidPrivacyError: If `privacy.yaml` cannot be used.
        MissingPresidioError: If Presidio is asked for and not installed.
    """
    if mode == "off":
        return None
    return build_redaction(mode, load_privacy(find_project_file("privacy.yaml")))
