"""The configuration files that go into the image, checked before anything is deployed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any

from inference_monitor.config.model_checks import Findings, check_judges
from inference_monitor.config.models import (
    InvalidModelsError,
    ModelTable,
    model_table,
    parse_prices,
)
from inference_monitor.config.privacy import InvalidPrivacyError, load_privacy
from inference_monitor.config.scorers import InvalidScorersError, ScorersConfig, load_scorers
from stacks import LAMBDA_SRC
from stacks.judge_models import JudgeModel
from stacks.settings import DeploySettings, InvalidSettingsError

SCORERS = LAMBDA_SRC / "scorers.yaml"
PRIVACY = LAMBDA_SRC / "privacy.yaml"

_INVALID = (InvalidSettingsError, InvalidScorersError, InvalidPrivacyError, InvalidModelsError)


class InvalidInputError(Exception):
    """Settings or files cannot be deployed; the text has one line for every problem."""


@dataclass(frozen=True, slots=True)
class Deployable:
    """Settings and files of which nothing prevents a deployment."""

    settings: DeploySettings
    scorers: ScorersConfig

    @property
    def judges(self) -> list[JudgeModel]:
        """Every model that the scorers may call, in a stable order."""
        return find_judges(self.scorers, self.settings.bedrock_model_id)


def load(warn: Callable[[str], object]) -> Deployable:
    """Read the settings and all files.

    Args:
        warn: Gets what a person should know, also where something else prevents the deployment.

    Raises:
        InvalidInputError: If any of them cannot be used, with the problems of all of them.
    """
    problems: list[str] = []

    def read(what: Callable[[], Any]) -> Any:
        try:
            return what()
        except _INVALID as error:
            problems.append(str(error))
            return None

    settings = read(DeploySettings.load)
    config = read(load_scorers_file)
    read(lambda: load_privacy(PRIVACY))
    table = read(model_table)
    if problems:
        raise InvalidInputError("\n".join(problems))
    findings = check(settings, config, table)
    for warning in findings.warnings:
        warn(warning)
    if findings.problems:
        raise InvalidInputError("\n".join(findings.problems))
    return Deployable(settings, config)


def load_scorers_file() -> ScorersConfig:
    """Read `scorers.yaml`, and check the names of its models.

    Raises:
        InvalidScorersError: If the file cannot be used; one line for every problem.
    """
    config = load_scorers(SCORERS)
    try:
        find_judges(config, "bedrock:/any.model")
    except ValueError as error:
        raise InvalidScorersError(f"{SCORERS.name}: {error}") from error
    return config


def find_judges(config: ScorersConfig, default: str) -> list[JudgeModel]:
    """Every model the scorers may call; `default` is for those that name none."""
    return [JudgeModel.parse(model) for model in sorted(config.models(default))]


def check(
    settings: DeploySettings, config: ScorersConfig, table: ModelTable, today: date | None = None
) -> Findings:
    """What prevents or endangers judging: a model at its end of life, one without a price."""
    known = table.with_own(parse_prices(settings.judge_prices or ""))
    return check_judges(config, settings, known, today=today)
