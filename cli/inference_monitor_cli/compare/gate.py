"""`inference-monitor gate`: pass or fail a variant, endpoint or period, for pipelines."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Annotated
from xml.etree import ElementTree

import typer
from rich.console import Console
from rich.text import Text

from inference_monitor_cli.compare.command import (
    Captures,
    SideB,
    parse_hours,
)
from inference_monitor_cli.compare.observations import Observation, Side
from inference_monitor_cli.compare.sources import Sources
from inference_monitor_cli.options import (
    DeploymentPrefix,
    ExperimentName,
    FirstHour,
    LastHour,
    TrackingUri,
)
from inference_monitor_cli.problems import FAILED, CommandError, needs_statistics, told_plainly
from inference_monitor_cli.terminal import printable

if TYPE_CHECKING:
    from inference_monitor_cli.compare.comparison import Comparison

LEAST_RECORDS = 20
"""Fewer records with a metric fail its rule, by default."""


@dataclass(frozen=True, slots=True)
class Check:
    """One rule of a gate and what came of it; `reason` says why, with the figures."""

    rule: str
    passed: bool
    reason: str


@dataclass(frozen=True, slots=True)
class Bound:
    """`NAME=NUMBER`, as --min, --max and --not-worse take it."""

    metric: str
    value: float

    @classmethod
    def parse(cls, option: str, text: str) -> Bound:
        """Read it.

        Raises:
            CommandError: If it is something else.
        """
        name, _, number = text.rpartition("=")
        try:
            value = float(number)
        except ValueError:
            value = math.nan
        if not name or not math.isfinite(value):
            raise CommandError(f"{option} {text!r}: write NAME=NUMBER, such as safety=0.95")
        return cls(name, value)


def gate(  # noqa: PLR0913  # each is an option
    *,
    b: SideB,
    a: Annotated[
        str | None, typer.Option("--a", help="The side that --not-worse compares with.")
    ] = None,
    captures: Captures = None,
    first: FirstHour = None,
    last: LastHour = None,
    prefix: DeploymentPrefix = None,
    tracking_uri: TrackingUri = None,
    experiment: ExperimentName = None,
    least: Annotated[
        list[str] | None, typer.Option("--min", help="NAME=NUMBER: the mean or share is at least.")
    ] = None,
    most: Annotated[
        list[str] | None, typer.Option("--max", help="NAME=NUMBER: the mean or share is at most.")
    ] = None,
    not_worse: Annotated[
        list[str] | None,
        typer.Option(
            help="NAME=MARGIN: with 95 % confidence, B is worse than A by less than the margin."
        ),
    ] = None,
    records: Annotated[
        int, typer.Option(min=1, help="Fewer inferences with a metric fail its rule.")
    ] = LEAST_RECORDS,
    junit: Annotated[
        Path | None, typer.Option(help="Write the checks to this file as JUnit XML.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Check a variant, endpoint or period against thresholds, or against another side.

    Exits with 1 when a check fails, and with 2 when it cannot be made.
    """
    with told_plainly("gate"):
        with needs_statistics():
            from inference_monitor_cli.compare import comparison  # noqa: PLC0415
        lowest = [Bound.parse("--min", text) for text in least or ()]
        highest = [Bound.parse("--max", text) for text in most or ()]
        margins = [Bound.parse("--not-worse", text) for text in not_worse or ()]
        if not lowest + highest + margins:
            raise CommandError("give a rule: --min, --max or --not-worse")
        if margins and a is None:
            raise CommandError("--not-worse compares with another side: name it with --a")
        sources = Sources(
            captures=captures or (),
            hours=parse_hours(first, last),
            prefix=prefix,
            tracking_uri=tracking_uri,
            experiment=experiment,
        )
        sides = [Side.parse(b), *([Side.parse(a)] if a is not None and margins else [])]
        candidate, *baseline = sources.read(sides)
        checks = [check_bound(candidate, bound, records, most=False) for bound in lowest]
        checks += [check_bound(candidate, bound, records, most=True) for bound in highest]
        if baseline:
            compared = comparison.compare(baseline[0], candidate)
            checks += [check_not_worse(compared, bound, records) for bound in margins]
        if junit is not None:
            junit.write_bytes(as_junit(checks))
        _print(checks, as_json=as_json)
    raise typer.Exit(0 if all(check.passed for check in checks) else FAILED)


def check_bound(
    observations: Sequence[Observation], bound: Bound, records: int, *, most: bool
) -> Check:
    """Whether the mean of a metric (the share, for truth values) keeps a bound."""
    rule = f"{bound.metric} {'<=' if most else '>='} {bound.value:g}"
    values = [one.values[bound.metric] for one in observations if bound.metric in one.values]
    numbers = [value for value in values if not isinstance(value, str)]
    if len(numbers) < len(values):
        return Check(rule, passed=False, reason=f"{bound.metric} has categories, and no mean")
    if len(numbers) < records:
        return Check(rule, passed=False, reason=_too_few(len(numbers), records))
    mean = fmean(numbers)
    passed = mean <= bound.value if most else mean >= bound.value
    return Check(rule, passed=passed, reason=f"{mean:.4g} of {len(numbers)} inferences")


def check_not_worse(compared: Comparison, bound: Bound, records: int) -> Check:
    """Whether the interval of the difference excludes that B is worse by the margin."""
    rule = f"{bound.metric} not worse than A by {bound.value:g}"
    found = next((r for r in compared.results if r.name == bound.metric), None)
    if found is None or min(found.records_a, found.records_b) < records:
        least = min(found.records_a, found.records_b) if found else 0
        return Check(rule, passed=False, reason=_too_few(least, records))
    interval = found.difference
    if interval is None or interval.low is None or interval.high is None:
        return Check(rule, passed=False, reason=f"{bound.metric} has no order to compare by")
    worst = interval.high if found.lower_is_better else -interval.low
    figures = f"B - A is {interval.difference:.4g} ({interval.low:.4g} to {interval.high:.4g})"
    return Check(rule, passed=worst < bound.value, reason=figures)


def as_junit(checks: Sequence[Check]) -> bytes:
    """The checks as a JUnit test suite, which CI systems show beside their tests."""
    failed = sum(not check.passed for check in checks)
    suite = ElementTree.Element(
        "testsuite", name="inference-monitor gate", tests=str(len(checks)), failures=str(failed)
    )
    for check in checks:
        case = ElementTree.SubElement(
            suite, "testcase", classname="inference-monitor.gate", name=printable(check.rule)
        )
        if not check.passed:
            ElementTree.SubElement(case, "failure", message=printable(check.reason))
    document: bytes = ElementTree.tostring(suite, encoding="utf-8", xml_declaration=True)
    return document


def _print(checks: Sequence[Check], *, as_json: bool) -> None:
    if as_json:
        passed = all(check.passed for check in checks)
        document = {"passed": passed, "checks": [asdict(check) for check in checks]}
        sys.stdout.write(json.dumps(document) + "\n")
        return
    console = Console()
    for check in checks:
        mark, style = ("passed", "green") if check.passed else ("FAILED", "red")
        text = Text.assemble((mark, style), f"  {printable(check.rule)}: {printable(check.reason)}")
        console.print(text)


def _too_few(found: int, wanted: int) -> str:
    return f"{found} inferences have it, and the gate wants {wanted} (--records)"
