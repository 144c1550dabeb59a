"""The judges of a deployment, checked before anything is deployed."""

from __future__ import annotations

from datetime import date

from inference_monitor.config.model_checks import Findings, check_judges
from inference_monitor.config.models import InvalidModelsError, ModelTable, model_table
from inference_monitor.config.own_prices import parse_prices
from inference_monitor.config.scorers import ScorersConfig
from stacks.settings import DeploySettings

__all__ = ["Findings", "InvalidModelsError", "check", "load"]


def load() -> ModelTable:
    """Read the table of models that goes into the image.

    Raises:
        InvalidModelsError: If the file cannot be used; one line for every problem.
    """
    return model_table()


def check(
    settings: DeploySettings, config: ScorersConfig, table: ModelTable, today: date | None = None
) -> Findings:
    """What stands in the way of the judges, and what should be known of them."""
    known = table.with_own(parse_prices(settings.judge_prices or ""))
    return check_judges(config, settings, known, today=today)
