"""Per scorer: how far a judge agrees with a reference, and where it does not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

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
