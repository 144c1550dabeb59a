"""`inference-monitor agreement`: how far the judge agrees with people."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from inference_monitor.config.models import ModelTable
from inference_monitor.config.scorers import ScorersConfig
from inference_monitor_cli.agreement.labelled_set import SHIPPED, load_labelled_set
from inference_monitor_cli.agreement.with_labels import Question, report_on_labels
from inference_monitor_cli.agreement.with_people import report_on_feedback
from inference_monitor_cli.captures import Hours
from inference_monitor_cli.deploy_settings import DeploySettings
from inference_monitor_cli.problems import FAILED, CommandError, told_plainly
from inference_monitor_cli.project_files import find_scorers
from inference_monitor_cli.scorers_file import check_judges_or_exit, judge_model, load, price_table

_FEEDBACK, _LABELLED = "Feedback in MLflow", "The labelled set"


def agreement(  # noqa: PLR0913  # each is an option
    *,
    prefix: Annotated[
        str | None,
        typer.Option("--prefix", envvar="STACK_PREFIX", help="The stack's STACK_PREFIX.",
                     rich_help_panel=_FEEDBACK),
    ] = None,
    tracking_uri: Annotated[
        str | None,
        typer.Option(help="MLflow; by default the deployed function's.", rich_help_panel=_FEEDBACK),
    ] = None,
    experiment: Annotated[
        str | None,
        typer.Option(help="By default the deployed function's.", rich_help_panel=_FEEDBACK),
    ] = None,
    first: Annotated[
        str | None,
        typer.Option("--from", help="Inferences from this day, 2026-03-02, or hour, …T09 (UTC)",
                     rich_help_panel=_FEEDBACK),
    ] = None,
    last: Annotated[
        str | None,
        typer.Option("--to", help="to this day or hour, which is part of it.",
                     rich_help_panel=_FEEDBACK),
    ] = None,
    labelled: Annotated[
        bool,
        typer.Option("--labelled", help="Let the judge score the labelled set now.",
                     rich_help_panel=_LABELLED),
    ] = False,
    folder: Annotated[
        Path, typer.Option("--set", help="Another set than the shipped one.",
                           show_default=False, rich_help_panel=_LABELLED),
    ] = SHIPPED,
    model: Annotated[
        str | None,
        typer.Option(help="bedrock:/…, instead of the configured judges.",
                     rich_help_panel=_LABELLED),
    ] = None,
    judging: Annotated[
        Literal["each", "panel", "both"] | None,
        typer.Option(help="By default as configured; both compares them, too.",
                     rich_help_panel=_LABELLED),
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option(min=1, help="So many records, always the same.", rich_help_panel=_LABELLED),
    ] = None,
    yes: Annotated[
        bool, typer.Option("--yes", help="Do not ask whether the price is right.",
                           rich_help_panel=_LABELLED),
    ] = False,
    scorers: Annotated[
        Path | None, typer.Option(help="By default the project's scorers.yaml.", show_default=False)
    ] = None,
    scorer: Annotated[str | None, typer.Option(help="This scorer only.")] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON document with every disagreement.")
    ] = False,
) -> None:  # fmt: skip
    """Hold the judge against people: their feedback in MLflow, or a labelled set (--labelled).

    For each scorer: agreement, Cohen's kappa, precision and recall of the fails, all with 95 %
    intervals, and the disagreements.
    """
    complete = True
    with told_plainly("agreement"):
        config = _config(scorers or find_scorers())
        if labelled:
            settings = DeploySettings.load()
            prices = price_table(settings.judge_prices)
            _check_judges(config, settings, prices, model)
            question = Question(
                config,
                load_labelled_set(folder),
                judging or config.judging,
                settings.bedrock_model_id,
                prices,
                settings.judge_concurrency,
                model=judge_model(model) if model else None,
                scorer=scorer,
                limit=limit,
            )
            complete = report_on_labels(question, ask_first=not yes, as_json=as_json)
        else:
            report_on_feedback(
                prefix=prefix,
                tracking_uri=tracking_uri,
                experiment=experiment,
                hours=_hours(first, last),
                config=config,
                scorer=scorer,
                as_json=as_json,
            )
    raise typer.Exit(0 if complete else FAILED)


def _check_judges(
    config: ScorersConfig, settings: DeploySettings, table: ModelTable, model: str | None
) -> None:
    """Check what will be asked: with --model that alone, whatever the scorers name."""
    if model:
        settings = settings.model_copy(update={"bedrock_model_id": judge_model(model)})
        scorers = [
            spec.model_copy(update={"model": None}) if hasattr(spec, "model") else spec
            for spec in config.scorers
        ]
        config = config.model_copy(update={"scorers": scorers})
    check_judges_or_exit(config, settings, table, model)


def _config(path: Path) -> ScorersConfig:
    if not path.is_file():
        raise CommandError(f"there is no {path}: --scorers FILE says what your scorers mean")
    return load(path)


def _hours(first: str | None, last: str | None) -> Hours | None:
    if first is None and last is None:
        return None
    return Hours.parse(first or "2000-01-01", last or "2099-12-31")
