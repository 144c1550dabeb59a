"""A budget needs a price for every judge, checked before anything is deployed."""

from __future__ import annotations

from inference_monitor.scoring.config import ScorersConfig
from inference_monitor.scoring.models import InvalidModelsError, ModelTable
from inference_monitor.scoring.own_prices import parse_prices
from inference_monitor.scoring.specs import bedrock_model_id
from stacks import LAMBDA_SRC
from stacks.settings import DeploySettings

__all__ = ["InvalidModelsError", "load", "unpriced"]


def load() -> ModelTable:
    """Read the price table that goes into the image.

    Raises:
        InvalidModelsError: If the file cannot be used; one line for every problem.
    """
    return ModelTable.load(LAMBDA_SRC / "prices.yaml")


def unpriced(settings: DeploySettings, config: ScorersConfig, prices: ModelTable) -> list[str]:
    """One line for every judge without a known price, if there is a budget to be kept."""
    budget = _budget(settings)
    if budget is None:
        return []
    known = prices.with_own(parse_prices(settings.judge_prices or ""))
    models = sorted(map(bedrock_model_id, config.models(settings.bedrock_model_id)))
    return [
        f"{budget}: cannot be kept without the price of the judge {model}; for example"
        f" JUDGE_PRICES={model}=3/15 (USD per million tokens in and out)"
        for model in models
        if known.price(model) is None
    ]


def _budget(settings: DeploySettings) -> str | None:
    for name in ("judge_budget_usd_per_day", "judge_budget_usd_per_run"):
        if getattr(settings, name) is not None:
            return name.upper()
    return None
