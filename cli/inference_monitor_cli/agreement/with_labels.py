"""The judge against a labelled set: what it will cost, what it says, how far it agrees."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import typer
from rich.console import Console
from rich.progress import Progress

from inference_monitor.config.models import ModelTable
from inference_monitor.config.scorers import ScorersConfig
from inference_monitor.config.specs import Judging
from inference_monitor_cli.agreement.labelled_agreement import (
    against_labels,
    asked_otherwise,
    by_stand_in,
    each_against_panel,
    for_labelled_set,
)
from inference_monitor_cli.agreement.labelled_set import LabelledSet
from inference_monitor_cli.agreement.report import ScorerAgreement, as_document, print_agreement
from inference_monitor_cli.problems import CommandError, needs_mlflow

if TYPE_CHECKING:
    from inference_monitor_cli.agreement.labelled_judging import Judged, LabelledJudging

Ways = Literal["each", "panel", "both"]


@dataclass(frozen=True, slots=True)
class Question:
    """What is to be measured. `model` replaces the configured ones; `default_model` fills gaps.

    `limit` is how many of the records that fit the scorers are asked about; None for all.
    """

    config: ScorersConfig
    labelled: LabelledSet
    ways: Ways
    default_model: str
    prices: ModelTable
    concurrency: int
    model: str | None = None
    scorer: str | None = None
    limit: int | None = None

    def of(self, way: Judging) -> ScorersConfig:
        """The configuration of one way."""
        return for_labelled_set(
            self.config, self.labelled, way, model=self.model, scorer=self.scorer
        )

    @property
    def judgings(self) -> list[Judging]:
        """The ways to try."""
        return ["each", "panel"] if self.ways == "both" else [self.ways]


def report_on_labels(question: Question, *, ask_first: bool, as_json: bool) -> bool:
    """Judge the set and print how far the judge agrees with it; False when verdicts are missing.

    Raises:
        CommandError: If nothing could be judged.
    """
    configs = {way: question.of(way) for way in question.judgings}
    scorers = [spec.name for spec in next(iter(configs.values())).scorers]
    fitting = question.labelled.written_for(scorers).sample(question.limit)
    question = replace(question, labelled=fitting)
    judges = {way: _judging(config, question) for way, config in configs.items()}
    for name in asked_otherwise(next(iter(configs.values())), question.labelled):
        _warn(f"{name} asks something else than what the labels answer; its figures mean little")
    _tell_price(question, list(judges.values()), ask_first=ask_first)
    judged = {way: _judge(judge, question.labelled, way) for way, judge in judges.items()}
    if any(by_stand_in(one) for one in judged.values()):
        _warn("a stand-in answered, no model: these figures say nothing about any judge")
    results = {way: against_labels(judged[way], configs[way], question.labelled) for way in judged}
    between = None
    if question.ways == "both":
        between = each_against_panel(
            judged["each"], judged["panel"], configs["each"], question.labelled
        )
    if as_json:
        document = _document(question, judged, results, between)
        sys.stdout.write(json.dumps(document) + "\n")
    else:
        _print(judged, results, between)
    return not any(one.failed for one in judged.values())


def _judging(config: ScorersConfig, question: Question) -> LabelledJudging:
    with needs_mlflow("agreement --labelled uses MLflow's judges"):
        from inference_monitor_cli.agreement.labelled_judging import LabelledJudging  # noqa: PLC0415
    model = question.model or question.default_model
    return LabelledJudging(config, model, question.prices, question.concurrency)


def _tell_price(question: Question, judges: list[LabelledJudging], *, ask_first: bool) -> None:
    shares = [judge.estimate(question.labelled) for judge in judges]
    unpriced = sorted({model for share in shares for model in share.unpriced})
    calls, sent, answered, usd = (
        sum(getattr(share, name) for share in shares)
        for name in ("calls", "input_tokens", "output_tokens", "usd")
    )
    price = f"about {usd:.2f} USD (prices of {question.prices.as_of})"
    if unpriced:
        price = f"{price}, without {', '.join(unpriced)}, whose price is not known"
    told = (
        f"{len(question.labelled.records)} records, {calls:,.0f} judge calls, about {sent:,.0f} "
        f"tokens in and {answered:,.0f} out: {price}"
    )
    typer.echo(told, err=True)
    if ask_first:
        typer.confirm("Ask the judge?", abort=True, err=True)


def _judge(judge: LabelledJudging, labelled: LabelledSet, way: Judging) -> Judged:
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task(f"judging ({way})", total=len(labelled.records))
        judged = judge.judge(labelled, lambda done: progress.update(task, completed=done))
    if not judged.verdicts:
        reasons = [reason for of in judged.failed.values() for reason in of]
        raise CommandError(f"the judge gave no verdict: {reasons[0] if reasons else 'no answer'}")
    return judged


def _print(
    judged: dict[Judging, Judged],
    results: dict[Judging, list[ScorerAgreement]],
    between: list[ScorerAgreement] | None,
) -> None:
    for way, one in judged.items():
        usage = one.usage
        title = (
            f"{way}: {usage.calls} calls, {usage.input_tokens:,} tokens in, "
            f"{usage.output_tokens:,} out, {usage.cost_usd:.4f} USD"
        )
        print_agreement(title, "the label", "the judge", results[way])
    if between is not None:
        print_agreement("panel against each", "each", "panel", between)


def _document(
    question: Question,
    judged: dict[Judging, Judged],
    results: dict[Judging, list[ScorerAgreement]],
    between: list[ScorerAgreement] | None,
) -> dict[str, Any]:
    ways = [
        {
            "judging": way,
            "calls": one.usage.calls,
            "input_tokens": one.usage.input_tokens,
            "output_tokens": one.usage.output_tokens,
            "cost_usd": round(one.usage.cost_usd, 6),
            "scorers": [as_document(scorer) for scorer in results[way]],
        }
        for way, one in judged.items()
    ]
    return {
        "records": len(question.labelled.records),
        "stand_in": any(by_stand_in(one) for one in judged.values()),
        "judgings": ways,
        "each_against_panel": None if between is None else [as_document(one) for one in between],
    }


def _warn(text: str) -> None:
    typer.secho(f"agreement: {text}", fg="yellow", err=True)
