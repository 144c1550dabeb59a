"""Options of the verbs that judge, or plan to, and what these need to begin with."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from inference_monitor.config.model_checks import check_judges
from inference_monitor.config.models import ModelTable
from inference_monitor.config.scorers import InvalidScorersError, ScorersConfig
from inference_monitor_cli.deploy_settings import DeploySettings
from inference_monitor_cli.problems import FAILED
from inference_monitor_cli.report import printable
from inference_monitor_cli.scorers_file import load

ScorersFile = Annotated[
    Path | None, typer.Option(help="The scorers; by default the project's.", show_default=False)
]
Model = Annotated[
    str | None,
    typer.Option(help="The judge of scorers that name none; by default BEDROCK_MODEL_ID."),
]
JudgingOption = Annotated[
    Literal["each", "panel"] | None,
    typer.Option(help="Ask every judge in this way, whatever the file says."),
]


def load_or_exit(file: Path) -> ScorersConfig:
    """The scorers; every problem on a line of its own, as at the synthesis."""
    try:
        return load(file)
    except InvalidScorersError as error:
        for told in str(error).splitlines():
            typer.secho(printable(told), fg="red", err=True)
        raise typer.Exit(FAILED) from error


def check_judges_or_exit(
    config: ScorersConfig, settings: DeploySettings, table: ModelTable, model: str | None = None
) -> None:
    """Stop when a judge has reached its end of life, and warn of others, as at the synthesis.

    `model` is what the option --model has; it is in the settings, too.
    """
    named_by = "--model" if model else "BEDROCK_MODEL_ID"
    findings = check_judges(config, settings, table, default_from=named_by)
    for told in findings.warnings:
        typer.secho(printable(f"warning: {told}"), fg="yellow", err=True)
    for told in findings.problems:
        typer.secho(printable(told), fg="red", err=True)
    if findings.problems:
        raise typer.Exit(FAILED)
