"""`inference-monitor models`: what is known of the models that can judge."""

from __future__ import annotations

import json
import sys
from datetime import UTC, date, datetime
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from inference_monitor.config.models import (
    DEFAULT_JUDGE,
    ModelFacts,
    ModelState,
    ModelTable,
    model_table,
)
from inference_monitor_cli.models.catalog import Catalog, Difference
from inference_monitor_cli.problems import FAILED, told_plainly
from inference_monitor_cli.terminal import printable

_STYLES = {ModelState.LEGACY: "yellow", ModelState.ENDED: "red"}


def models(
    *,
    compare: Annotated[
        bool,
        typer.Option("--compare", help="Show what differs from MLflow's catalog."),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Show the judge models of models.yaml: until when they live, how they are asked, their price.

    With --compare, show instead what differs from MLflow's catalog: prices, ends of life and
    models. It exits with 1 when something does that the file does not explain.
    """
    with told_plainly("models"):
        table, today = model_table(), datetime.now(UTC).date()
        catalog = Catalog.installed() if compare else None
        differences = catalog.compare(table) if catalog else []
        if as_json:
            document = _document(table, today, catalog, differences)
            sys.stdout.write(json.dumps(document) + "\n")
        elif catalog:
            _show_differences(Console(), table, catalog, differences)
        else:
            _show_models(Console(), table, today)
    raise typer.Exit(FAILED if any(d.explained is None for d in differences) else 0)


def _show_models(console: Console, table: ModelTable, today: date) -> None:
    caption = Text(
        f"as of {table.as_of}, USD per million tokens from {table.source}; default: {DEFAULT_JUDGE}"
    )
    shown = Table(caption=caption, caption_justify="left")
    shown.add_column("model", no_wrap=True, overflow="fold")
    for heading in ("state", "asked by", "thinks", "USD in/out"):
        shown.add_column(heading, overflow="fold")
    for facts in table.models:
        cells = (
            facts.pattern, _state(facts, today), _way(facts), facts.thinks or "?", _price(facts)
        )  # fmt: skip
        shown.add_row(*map(Text, cells), style=_STYLES.get(facts.state(today)))
    console.print(shown)


def _state(facts: ModelFacts, today: date) -> str:
    state = facts.state(today)
    if state is ModelState.ENDED:
        return f"ended {facts.end_of_life}"
    if state is ModelState.LEGACY and facts.end_of_life:
        return f"legacy, ends {facts.end_of_life}"
    return str(state)


def _way(facts: ModelFacts) -> str:
    """The best way to a verdict, which is tried first."""
    return facts.ways[0] if facts.ways else "?"


def _price(facts: ModelFacts) -> str:
    if facts.input is None or facts.output is None:
        return "?"
    return f"{facts.input:g} / {facts.output:g}"


def _show_differences(
    console: Console, table: ModelTable, catalog: Catalog, differences: list[Difference]
) -> None:
    """One row for each difference, and what was compared below."""
    compared = f"models.yaml as of {table.as_of} and the catalog of MLflow {catalog.version}"
    if not differences:
        console.print(Text(f"no differences between {compared}"), soft_wrap=True)
        return
    shown = Table(caption=Text(compared), caption_justify="left")
    for heading in ("model", "fact", "models.yaml", "catalog", "explained"):
        shown.add_column(heading, overflow="fold")
    for one in differences:
        cells = (one.model, one.fact, one.ours or "-", one.catalog or "-", one.explained or "")
        shown.add_row(*(Text(printable(cell)) for cell in cells))
    console.print(shown)


def _document(
    table: ModelTable, today: date, catalog: Catalog | None, differences: list[Difference]
) -> dict[str, Any]:
    document: dict[str, Any] = {
        "as_of": str(table.as_of),
        "source": table.source,
        "default": DEFAULT_JUDGE,
        "models": [
            {**facts.model_dump(mode="json"), "state": facts.state(today)} for facts in table.models
        ],
    }
    if catalog:
        document["compared_with"] = f"MLflow {catalog.version}"
        document["differences"] = [
            {
                "model": one.model,
                "fact": one.fact,
                "models_yaml": one.ours,
                "catalog": one.catalog,
                "explained": one.explained,
            }
            for one in differences
        ]
    return document
