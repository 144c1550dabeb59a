"""A `scorers.yaml` as the command's options change it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from inference_monitor.config.model_ids import model_of
from inference_monitor.config.models import ModelTable, model_table
from inference_monitor.config.own_prices import parse_prices
from inference_monitor.config.scorers import InvalidScorersError, ScorersConfig, load_scorers
from inference_monitor.config.specs import JudgedSpec, Judging
from inference_monitor_cli.problems import CommandError


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
