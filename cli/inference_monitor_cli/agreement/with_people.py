"""The judge against the human feedback that an experiment of MLflow holds."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

from rich.console import Console

from inference_monitor.config.scorers import ScorersConfig
from inference_monitor_cli.agreement.human_feedback import Assessed, compare_feedback
from inference_monitor_cli.agreement.report import ScorerAgreement, as_document, print_agreement
from inference_monitor_cli.captures import Hours
from inference_monitor_cli.deployment import locate_experiment
from inference_monitor_cli.problems import CommandError, needs_mlflow

if TYPE_CHECKING:
    from inference_monitor_cli.agreement.stored_feedback import StoredFeedback


def report_on_feedback(
    *,
    prefix: str | None,
    tracking_uri: str | None,
    experiment: str | None,
    hours: Hours | None,
    config: ScorersConfig,
    scorer: str | None,
    as_json: bool,
) -> None:
    """Read the feedback, and print how far the judge agrees with it.

    Raises:
        CommandError: If there is no such experiment or no feedback in it.
    """
    stored = open_feedback(
        *locate_experiment(
            prefix=prefix,
            tracking_uri=tracking_uri,
            experiment=experiment,
            otherwise="measure the labelled set with --labelled",
        )
    )
    traces, assessed = _read(stored.assessed(hours))
    specs = {spec.name: spec for spec in config.scorers}
    found = compare_feedback(assessed, specs, stored.link, scorer)
    if not found:
        raise CommandError(_nothing(traces, len(assessed), scorer))
    if as_json:
        document = {"traces": traces, "with_feedback": len(assessed), "scorers": _scorers(found)}
        sys.stdout.write(json.dumps(document) + "\n")
        return
    title = f"{len(assessed)} of {traces} traces have feedback of people"
    print_agreement(title, "people", "the judge", found)


def open_feedback(tracking_uri: str, experiment: str) -> StoredFeedback:
    """What asks MLflow.

    Raises:
        CommandError: If MLflow's client is not installed, or there is no such experiment.
    """
    with needs_mlflow("agreement asks MLflow"):
        from inference_monitor_cli.agreement.stored_feedback import StoredFeedback  # noqa: PLC0415
    return StoredFeedback(tracking_uri, experiment)


def _read(traces: Iterator[Assessed | None]) -> tuple[int, list[Assessed]]:
    """How many traces there are, and those with feedback."""
    console, count, assessed = Console(stderr=True), 0, []
    with console.status("reading"):
        for trace in traces:
            count += 1
            if trace is not None:
                assessed.append(trace)
    return count, assessed


def _nothing(traces: int, with_feedback: int, scorer: str | None) -> str:
    what = f"scorer {scorer!r}" if scorer else "a scorer"
    return (
        f"of {traces} traces, {with_feedback} have feedback of people, and none of it is about "
        f"{what} that a judge has scored: open a trace in MLflow and edit the judge's assessment, "
        "or add feedback under the scorer's name"
    )


def _scorers(found: list[ScorerAgreement]) -> list[dict[str, object]]:
    return [as_document(one) for one in found]
