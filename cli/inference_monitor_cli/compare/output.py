"""Show a comparison: a table for people, a document for programs."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from inference_monitor_cli.compare.comparison import Comparison, Kind, Result, Verdict
from inference_monitor_cli.compare.observations import Side
from inference_monitor_cli.terminal import printable

_STYLES = {Verdict.BETTER: "green", Verdict.WORSE: "red", Verdict.UNDECIDED: "yellow"}


def as_document(sides: tuple[Side, Side], comparison: Comparison) -> dict[str, Any]:
    """The comparison as JSON; `p_value` is one metric's own, `adjusted_p_value` is corrected."""
    return {
        "a": {"side": str(sides[0]), "records": comparison.records_a},
        "b": {"side": str(sides[1]), "records": comparison.records_b},
        "pairs": comparison.pairs,
        "metrics": [_metric(result) for result in comparison.results],
    }


def as_json(sides: tuple[Side, Side], comparison: Comparison) -> str:
    """The document on one line."""
    return json.dumps(as_document(sides, comparison))


def show(console: Console, sides: tuple[Side, Side], comparison: Comparison) -> None:
    """Print the table, and below it what the figures are."""
    a, b = (printable(str(side)) for side in sides)
    table = Table(title=Text(f"{b} (B) beside {a} (A)"), title_justify="left")
    table.add_column("metric", overflow="fold")
    for name in ("A", "B", "B - A (95 %)", "p"):
        table.add_column(name, justify="right")
    table.add_column("verdict")
    for result in comparison.results:
        table.add_row(
            printable(result.name),
            _figure(result.a, result.kind),
            _figure(result.b, result.kind),
            _difference(result),
            "" if result.adjusted_p_value is None else f"{result.adjusted_p_value:.3f}",
            Text(_verdict(result), _STYLES.get(result.verdict, "")),
        )
    console.print(table)
    records = f"{comparison.records_a} inferences of A, {comparison.records_b} of B"
    if comparison.pairs:
        records += f", compared in {comparison.pairs} pairs with the same inference id"
    console.print(Text(f"{records}. p is corrected for all metrics (Holm)."))


def _metric(result: Result) -> dict[str, Any]:
    document = asdict(result)
    difference = document.pop("difference") or {}
    names = ("difference", "low", "high", "p_value", "method")
    return document | {name: difference.get(name) for name in names}


def _verdict(result: Result) -> str:
    if result.verdict is Verdict.UNDECIDED and result.needed:
        what = "pairs" if result.paired else "records a side"
        return f"{result.verdict}: {result.needed} more {what}"
    return str(result.verdict)


def _figure(value: float | None, kind: Kind, *, sign: bool = False) -> str:
    if value is None:
        return ""
    plus = "+" if sign else ""
    if kind is Kind.SHARE:
        return f"{100 * value:{plus}.1f} %"
    return f"{value:{plus}.3g}" if abs(value) < 1000 else f"{value:{plus},.0f}"


def _difference(result: Result) -> str:
    found = result.difference
    if found is None or found.difference is None:
        return ""
    low, high = (_figure(bound, result.kind, sign=True) for bound in (found.low, found.high))
    return f"{_figure(found.difference, result.kind, sign=True)} ({low} to {high})"
