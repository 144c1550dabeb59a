"""Judges that are dead, Legacy, unknown or without a price, told before they are asked."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import pytest

from inference_monitor.config.model_checks import Findings, check_judges
from inference_monitor.config.models import ModelFacts, ModelTable, parse_prices
from inference_monitor.config.scorers import ScorersConfig

TODAY = date(2026, 11, 25)
TABLE = ModelTable(
    as_of="2026-11-25",
    source="here",
    models=[
        ModelFacts(pattern="a.living", suggested="global.a.living", input=3, output=15),
        ModelFacts(pattern="a.other", suggested="a.other", input=10, output=50),
        ModelFacts(
            pattern="a.legacy", legacy=date(2026, 7, 8), end_of_life=date(2027, 1, 8),
            input=15, output=75,
        ),
        ModelFacts(pattern="a.dead", end_of_life=date(2026, 10, 14), input=3, output=15),
        ModelFacts(pattern="a.unpriced"),
    ],
)  # fmt: skip
INSTEAD = "use a living one instead, for example bedrock:/global.a.living, bedrock:/a.other"


@dataclass(frozen=True)
class Settings:
    """The settings that matter here."""

    bedrock_model_id: str = "bedrock:/a.living"
    judge_budget_usd_per_day: float | None = None
    judge_budget_usd_per_run: float | None = None


def scorers(**models: str | None) -> ScorersConfig:
    """Scorers by name, each with its own model or none."""
    rows = [
        {"name": name, "type": "safety", **({"model": model} if model else {})}
        for name, model in models.items()
    ]
    return ScorersConfig.model_validate({"scorers": rows})


def check(config: ScorersConfig, settings: Settings | None = None, prices: str = "") -> Findings:
    """What is found of the scorers on a day in November 2026."""
    table = TABLE.with_own(parse_prices(prices))
    return check_judges(config, settings or Settings(), table, today=TODAY)


def test_a_living_judge_is_not_worth_a_word() -> None:
    """Nothing is told of an active model, whatever its geography, with a budget to keep."""
    settings = Settings("bedrock:/eu.a.living", judge_budget_usd_per_day=5)
    assert check(scorers(safety=None), settings) == Findings()


def test_a_dead_default_is_a_problem_with_living_ones_to_use() -> None:
    """The line names the setting, the model, the day of its end, and what to use instead."""
    (told,) = check(scorers(safety=None), Settings("bedrock:/us.a.dead")).problems
    assert told == (
        "BEDROCK_MODEL_ID: bedrock:/us.a.dead reached its end of life on 2026-10-14"
        f" and cannot be asked; {INSTEAD}"
    )


def test_a_dead_model_of_a_scorer_is_named_with_all_who_name_it() -> None:
    """Scorers with a model of their own are checked too, and told apart from the default."""
    config = scorers(safety="bedrock:/a.dead", tone=None, fluency="bedrock:/a.dead")
    findings = check(config)
    (told,) = findings.problems
    assert told.startswith("model of safety, fluency: bedrock:/a.dead reached its end of life on ")
    assert findings.warnings == []


def test_a_default_that_nobody_asks_is_not_checked() -> None:
    """Where every scorer names its own model, the default is never asked."""
    config = scorers(safety="bedrock:/a.living")
    assert check(config, Settings("bedrock:/a.dead")) == Findings()
    code = ScorersConfig.model_validate({"scorers": [{"name": "n", "type": "token_count"}]})
    assert check(code, Settings("bedrock:/a.dead")) == Findings()


def test_a_legacy_judge_is_a_warning_with_its_dates() -> None:
    """It works for some accounts, for some time: since when, until when, and what to use."""
    findings = check(scorers(safety=None), Settings("bedrock:/a.legacy"))
    assert findings.problems == []
    (told,) = findings.warnings
    assert told == (
        "BEDROCK_MODEL_ID: bedrock:/a.legacy is Legacy since 2026-07-08: Bedrock answers until its"
        f" end of life on 2027-01-08, and only accounts that have called it lately; {INSTEAD}"
    )


@pytest.mark.parametrize(
    "model",
    [
        "some.model-1",
        "arn:aws:bedrock:us-east-1:111122223333:application-inference-profile/abc123",
    ],
)
def test_an_unknown_judge_is_named_as_such(model: str) -> None:
    """It can be asked, but nobody knows what it takes or until when it lives."""
    findings = check(scorers(safety=None), Settings(f"bedrock:/{model}"))
    assert findings.problems == []
    (told,) = findings.warnings
    assert told.startswith(f"BEDROCK_MODEL_ID: bedrock:/{model} is not in models.yaml: what it ")


@pytest.mark.parametrize("setting", ["judge_budget_usd_per_day", "judge_budget_usd_per_run"])
def test_a_budget_assumes_the_dearest_price_and_says_so(setting: str) -> None:
    """A judge without a price is counted too high rather than not at all; one line says how."""
    settings = Settings("bedrock:/a.unpriced", **{setting: 5})
    findings = check(scorers(safety=None), settings)
    assert findings.problems == []
    (told,) = findings.warnings
    assert told == (
        f"{setting.upper()}: the price of bedrock:/a.unpriced is not known and is assumed to be"
        " that of the dearest active model, 10/50 USD per million tokens in and out; set it with"
        " JUDGE_PRICES=a.unpriced=3/15"
    )
    assert check(scorers(safety=None), settings, "a.unpriced=3/15") == Findings()
    assert check(scorers(safety=None), Settings("bedrock:/a.unpriced")) == Findings()


def test_the_option_that_named_the_judge_is_told() -> None:
    """Who gave a dead model with an option is not sent to look into a file of settings."""
    findings = check_judges(
        scorers(safety=None), Settings("bedrock:/a.dead"), TABLE, default_from="--model",
        today=TODAY,
    )  # fmt: skip
    assert findings.problems[0].startswith("--model: bedrock:/a.dead ")
