"""Whether the configured judges can be asked: dead ones stop, Legacy and unknown ones are named.

Used wherever a judge is configured: by the synthesis and by the command's verbs. Imported at synth
time, where neither MLflow nor boto3 is installed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Protocol

from inference_monitor.config.models import ModelState, ModelTable
from inference_monitor.config.scorers import ScorersConfig
from inference_monitor.config.specs import bedrock_model_id


class JudgeSettings(Protocol):
    """The settings about judges that both the deployment and the command have."""

    @property
    def bedrock_model_id(self) -> str:
        """The judge of scorers that name none, as `bedrock:/…`."""

    @property
    def judge_budget_usd_per_day(self) -> float | None:
        """What judging may cost in a day; None for no limit."""

    @property
    def judge_budget_usd_per_run(self) -> float | None:
        """What judging may cost in a run; None for no limit."""


@dataclass(slots=True)
class Findings:
    """One line for each thing: problems are in the way, warnings are not."""

    problems: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def check_judges(
    config: ScorersConfig,
    settings: JudgeSettings,
    table: ModelTable,
    *,
    default_from: str = "BEDROCK_MODEL_ID",
    today: date | None = None,
) -> Findings:
    """Check every model that the scorers may ask.

    Args:
        config: The scorers.
        settings: The deployment's settings.
        table: What is known of models, with the deployment's own prices.
        default_from: The setting or option that `settings.bedrock_model_id` was given by.
        today: The day the models' states are of; the present one in UTC when left out.
    """
    day = today or datetime.now(UTC).date()
    findings = Findings()
    for uri, named_by in _judges(config, settings.bedrock_model_id, default_from).items():
        _check_state(f"{named_by}: {uri}", bedrock_model_id(uri), table, day, findings)
        _check_price(uri, settings, table, day, findings)
    return findings


def _judges(config: ScorersConfig, default: str, default_from: str) -> dict[str, str]:
    """The models that may be asked, in a stable order, each with what names it."""
    scorers: dict[str, list[str]] = {}
    for spec in config.scorers:
        if model := getattr(spec, "model", None):
            scorers.setdefault(model, []).append(spec.name)
    return {
        uri: f"model of {', '.join(scorers[uri])}" if uri in scorers else default_from
        for uri in sorted(config.models(default))
    }


def _check_state(
    judge: str, model_id: str, table: ModelTable, today: date, findings: Findings
) -> None:
    facts = table.facts(model_id)
    state = facts.state(today) if facts else ModelState.UNKNOWN
    instead = f"use a living one instead, for example {', '.join(table.living(today))}"
    if state is ModelState.ENDED and facts:
        findings.problems.append(
            f"{judge} reached its end of life on {facts.end_of_life} and cannot be asked; {instead}"
        )
    elif state is ModelState.LEGACY and facts:
        since = f" since {facts.legacy}" if facts.legacy else ""
        until = f"until its end of life on {facts.end_of_life}" if facts.end_of_life else "for now"
        findings.warnings.append(
            f"{judge} is Legacy{since}: Bedrock answers {until}, and only accounts that have called"
            f" it lately; {instead}"
        )
    elif state is ModelState.UNKNOWN:
        findings.warnings.append(
            f"{judge} is not in models.yaml: what it takes is found out when it is first asked, and"
            " nobody warns of its end of life"
        )


def _check_price(
    uri: str, settings: JudgeSettings, table: ModelTable, today: date, findings: Findings
) -> None:
    budget = _budget(settings)
    model_id = bedrock_model_id(uri)
    if budget is None or table.price(model_id):
        return
    assumed = table.assumed_price(today)
    findings.warnings.append(
        f"{budget}: the price of {uri} is not known and is assumed to be that of the dearest active"
        f" model, {assumed.input:g}/{assumed.output:g} USD per million tokens in and out; set it"
        f" with JUDGE_PRICES={model_id}=3/15"
    )


def _budget(settings: JudgeSettings) -> str | None:
    """The name of a setting that limits what judging costs."""
    if settings.judge_budget_usd_per_day is not None:
        return "JUDGE_BUDGET_USD_PER_DAY"
    return "JUDGE_BUDGET_USD_PER_RUN" if settings.judge_budget_usd_per_run is not None else None
