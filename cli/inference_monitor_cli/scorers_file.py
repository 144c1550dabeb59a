"""A `scorers.yaml` as the command's options change it, and the checks before judging."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import typer

from inference_monitor.config.model_checks import check_judges
from inference_monitor.config.models import ModelTable, model_of, model_table, parse_prices
from inference_monitor.config.scorers import InvalidScorersError, ScorersConfig, load_scorers
from inference_monitor.config.specs import JudgedSpec, Judging
from inference_monitor_cli.deploy_settings import DeploySettings
from inference_monitor_cli.problems import FAILED, CommandError
from inference_monitor_cli.terminal import printable


def load(path: Path) -> ScorersConfig:
    """Read a file, with the checks that the synthesis makes.

    Raises:
        InvalidScorersError: If it cannot be used; one line for every problem.
    """
    config = load_scorers(path)
    for model in sorted(config.models("bedrock:/any.model")):
        try:
            model_of(model)
        except ValueError as error:
            raise InvalidScorersError(f"{path.name}: {error}") from error
    return config


def judge_model(uri: str) -> str:
    """A `bedrock:/…` name that Bedrock can take.

    Raises:
        CommandError: If it is none.
    """
    try:
        model_of(uri)
    except ValueError as error:
        raise CommandError(str(error)) from error
    return uri


def price_table(own_prices: str | None) -> ModelTable:
    """The price table behind the prices that the setting JUDGE_PRICES has.

    Raises:
        CommandError: If that cannot be read.
    """
    try:
        return model_table().with_own(parse_prices(own_prices or ""))
    except ValueError as error:
        raise CommandError(f"JUDGE_PRICES: {error}") from error


def only(config: ScorersConfig, names: Sequence[str]) -> ScorersConfig:
    """The configuration with the scorers of these names; all of them, if no name is given.

    Raises:
        CommandError: If there is no scorer of a name.
    """
    known = [spec.name for spec in config.scorers]
    if unknown := [name for name in names if name not in known]:
        raise CommandError(f"there is no scorer {unknown[0]!r}; there are {', '.join(known)}")
    chosen = [spec for spec in config.scorers if spec.name in names or not names]
    return config.model_copy(update={"scorers": chosen})


def judged(config: ScorersConfig, way: Judging) -> ScorersConfig:
    """The configuration with every judge asked in one way."""
    scorers = [
        spec.model_copy(update={"judging": way}) if isinstance(spec, JudgedSpec) else spec
        for spec in config.scorers
    ]
    return config.model_copy(update={"scorers": scorers, "judging": way})


def every_record(config: ScorersConfig) -> ScorersConfig:
    """The configuration with every scorer for every record that its conditions let through."""
    scorers = [spec.model_copy(update={"sample_rate": 1.0}) for spec in config.scorers]
    return config.model_copy(update={"scorers": scorers, "always": []})


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
