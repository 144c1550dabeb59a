"""The agreement of a judge with labels, as a document and as tables."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from inference_monitor_cli.agreement.scale import Scale
from inference_monitor_cli.agreement.statistics import (
    Fails,
    Figure,
    Value,
    exact_agreement,
    failing,
    kappa,
    quadratic_kappa,
)
from inference_monitor_cli.terminal import preview, printable

NOT_GRADED = "scorers.yaml does not say which of its values fail"


@dataclass(frozen=True, slots=True)
class Comparison:
    """One answer that both have spoken about. `about` is what else is known of it."""

    where: str
    reference: Value
    judge: Value
    reference_why: str | None = None
    judge_why: str | None = None
    about: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ScorerAgreement:
    """What the comparisons of one scorer say. `left_out` counts what could not be compared."""

    scorer: str
    n: int
    agreement: Figure
    kappa: Figure
    weighted_kappa: Figure | None
    fails: Fails | None
    confusion: Counter[tuple[Value, Value]]
    disagreements: list[Comparison]
    left_out: dict[str, int]


def measure(
    scorer: str, scale: Scale, comparisons: Sequence[Comparison], left_out: dict[str, int]
) -> ScorerAgreement:
    """Work out the figures of one scorer; those of ordered values have a weighted kappa, too."""
    pairs = [(c.reference, c.judge) for c in comparisons]
    return ScorerAgreement(
        scorer,
        len(pairs),
        exact_agreement(pairs),
        kappa(pairs),
        quadratic_kappa(pairs, scale.position) if scale.ordered else None,
        failing(pairs, scale.fails) if scale.graded else None,
        Counter(pairs),
        [c for c in comparisons if c.reference != c.judge],
        {reason: count for reason, count in left_out.items() if count},
    )


def as_document(one: ScorerAgreement) -> dict[str, Any]:
    """The same as JSON."""
    return {
        "scorer": one.scorer,
        "n": one.n,
        "agreement": asdict(one.agreement),
        "kappa": asdict(one.kappa),
        "weighted_kappa": asdict(one.weighted_kappa) if one.weighted_kappa else None,
        "fails": asdict(one.fails) if one.fails else None,
        "confusion": [
            {"reference": reference, "judge": judge, "count": count}
            for (reference, judge), count in one.confusion.items()
        ],
        "left_out": one.left_out,
        "disagreements": [_disagreement(c) for c in one.disagreements],
    }


def _disagreement(found: Comparison) -> dict[str, Any]:
    plain = asdict(found)
    about: dict[str, Any] = plain.pop("about")
    return plain | about


_SHOWN_OF_EACH = 5


def print_agreement(
    title: str, reference: str, judge: str, scorers: Sequence[ScorerAgreement]
) -> None:
    """Print the figures of each scorer, what they leave out, and where both differ.

    Args:
        title: Above the table.
        reference: Who is taken to be right, such as `people`.
        judge: Who is measured.
        scorers: In the order to be shown.
    """
    console = Console()
    table = Table(title=Text(title), title_justify="left", show_lines=True)
    table.add_column("scorer", no_wrap=True)
    for name in ("n", f"failed by\n{reference}", "agreement", "kappa", "weighted\nkappa",
                 "precision\nof fails", "recall\nof fails", "F1\nof fails"):  # fmt: skip
        table.add_column(name, justify="right")
    for one in scorers:
        table.add_row(*_cells(one))
    console.print(table)
    for line in _notes(scorers):
        sys.stdout.write(f"{line}\n")
    _print_disagreements(reference, judge, scorers)


def told(figure: Figure | None) -> str:
    """A figure, and below it the interval: `0.40`, `0.15 to 0.65`; `-` where there is none."""
    if figure is None or figure.value is None:
        return "-"
    if figure.low is None or figure.high is None:
        return f"{figure.value:.2f}"
    return f"{figure.value:.2f}\n{figure.low:.2f} to {figure.high:.2f}"


def _cells(one: ScorerAgreement) -> list[Text]:
    fails = one.fails
    failed = str(fails.both + fails.reference_only) if fails else "-"
    figures = (
        one.agreement,
        one.kappa,
        one.weighted_kappa,
        fails.precision if fails else None,
        fails.recall if fails else None,
        fails.f1 if fails else None,
    )
    return [Text(t) for t in (printable(one.scorer), str(one.n), failed, *map(told, figures))]


def _notes(scorers: Sequence[ScorerAgreement]) -> list[str]:
    """Why figures are missing, and what was not compared."""
    notes = []
    for one in scorers:
        name = printable(one.scorer)
        figures: dict[str, Figure | None] = {"kappa": one.kappa}
        if one.fails:
            figures |= {"precision": one.fails.precision, "recall": one.fails.recall}
        notes += [
            f"{name}: no {'interval of ' if figure.value is not None else ''}{label}, because "
            f"{figure.reason}"
            for label, figure in figures.items()
            if figure and figure.reason
        ]
        if one.fails is None:
            notes.append(f"{name}: no precision and recall, because {NOT_GRADED}")
        notes += [
            f"{name}: {count} left out: {printable(reason)}"
            for reason, count in one.left_out.items()
        ]
    return notes


def _print_disagreements(reference: str, judge: str, scorers: Sequence[ScorerAgreement]) -> None:
    total = sum(len(one.disagreements) for one in scorers)
    if not total:
        return
    clear = sum(c.about.get("difficulty") == "clear" for one in scorers for c in one.disagreements)
    on_clear = f", {clear} of them about clear records" if clear else ""
    sys.stdout.write(f"\n{total} disagreements between {reference} and {judge}{on_clear}:\n")
    for one in scorers:
        for comparison in one.disagreements[:_SHOWN_OF_EACH]:
            sys.stdout.write(_disagreement_text(one.scorer, comparison, reference, judge))
    if any(len(one.disagreements) > _SHOWN_OF_EACH for one in scorers):
        sys.stdout.write(f"… the first {_SHOWN_OF_EACH} of each scorer; --json prints all\n")


def _disagreement_text(scorer: str, found: Comparison, reference: str, judge: str) -> str:
    about = "".join(f", {found.about[k]}" for k in ("difficulty",) if k in found.about)
    lines = [
        f"{scorer} of {found.where}{about}: {reference} {found.reference}, {judge} {found.judge}"
    ]
    for who, why in ((reference, found.reference_why), (judge, found.judge_why)):
        if why:
            lines.append(f"{who}: {preview(why)}")
    if "link" in found.about:
        lines.append(found.about["link"])
    return "".join(f"{'  ' if n else ''}{printable(line)}\n" for n, line in enumerate(lines))
