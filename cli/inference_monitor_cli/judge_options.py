"""Options of the verbs that judge, or plan to, and what these need to begin with."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

import inference_monitor
from inference_monitor.scoring.config import InvalidScorersError, ScorersConfig
from inference_monitor_cli.problems import FAILED
from inference_monitor_cli.report import printable
from inference_monitor_cli.scorers_file import load

ScorersFile = Annotated[
    Path, typer.Option(help="The scorers; by default the project's.", show_default=False)
]
Model = Annotated[
    str | None,
    typer.Option(help="The judge of scorers that name none; by default BEDROCK_MODEL_ID."),
]
JudgingOption = Annotated[
    Literal["each", "panel"] | None,
    typer.Option(help="Ask every judge in this way, whatever the file says."),
]
DEFAULT_FILE = Path(inference_monitor.__file__).parents[1] / "scorers.yaml"


def load_or_exit(file: Path) -> ScorersConfig:
    """The scorers; every problem on a line of its own, as at the synthesis."""
    try:
        return load(file)
    except InvalidScorersError as error:
        for told in str(error).splitlines():
            typer.secho(printable(told), fg="red", err=True)
        raise typer.Exit(FAILED) from error
