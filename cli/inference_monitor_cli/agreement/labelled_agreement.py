"""A judge's verdicts about the labelled set against its labels, and two ways of judging."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from inference_monitor.config.conditions import When
from inference_monitor.config.scorers import ScorersConfig
from inference_monitor.config.specs import (
    BuiltinSpec,
    GuidelinesSpec,
    JudgedSpec,
    JudgeSpec,
    Judging,
    MlflowJudgeSpec,
)
from inference_monitor_cli.agreement.labelled_set import LabelledRecord, LabelledSet
from inference_monitor_cli.agreement.report import Comparison, ScorerAgreement, measure
from inference_monitor_cli.agreement.scale import scale_of
from inference_monitor_cli.problems import CommandError

if TYPE_CHECKING:
    from inference_monitor_cli.agreement.labelled_judging import Judged

STAND_IN = "Stand-in judge, no model was asked"
"""How the rationales of the stand-in for Bedrock begin (tested against it)."""

OFF_SCALE = "a label that the scorer does not have"


def for_labelled_set(
    config: ScorersConfig,
    labelled: LabelledSet,
    judging: Judging,
    *,
    model: str | None = None,
    scorer: str | None = None,
) -> ScorersConfig:
    """The scorers that there are labels for, asked about every record and in one way.

    Args:
        config: A valid `scorers.yaml`.
        labelled: The set.
        judging: The way.
        model: Asked instead of the models that the configuration names.
        scorer: One scorer only.

    Raises:
        CommandError: If there is none.
    """
    changes = {"sample_rate": 1.0, "when": When(), "judging": judging}
    if model is not None:
        changes["model"] = model
    specs = [
        spec.model_copy(update=changes)
        for spec in config.scorers
        if isinstance(spec, JudgedSpec)
        and spec.name in labelled.criteria
        and scorer in (None, spec.name)
    ]
    if not specs:
        known = ", ".join(labelled.criteria)
        raise CommandError(
            f"no judged scorer in scorers.yaml has labels in the set, which has some for {known}"
        )
    return config.model_copy(update={"scorers": specs, "judging": judging, "always": []})


def asked_otherwise(config: ScorersConfig, labelled: LabelledSet) -> list[str]:
    """The scorers that ask something else than what the labels answer."""
    return [
        spec.name
        for spec in config.scorers
        if isinstance(spec, JudgedSpec)
        and _words(_asked(spec)) != _words(labelled.criteria[spec.name].asks)
    ]


def against_labels(
    judged: Judged, config: ScorersConfig, labelled: LabelledSet
) -> list[ScorerAgreement]:
    """The judge against the labels, for each scorer of a configuration `for_labelled_set`."""
    found = []
    for spec in config.scorers:
        left_out = Counter(judged.failed.get(spec.name, {}))
        scale, comparisons = scale_of(spec), []
        assert scale is not None  # noqa: S101  # all judged scorers have one
        for record in labelled.records:
            verdict = judged.verdicts.get((record.id, spec.name))
            if verdict is None or spec.name not in record.labels:
                continue
            label, value = scale.read(record.labels[spec.name]), scale.read(verdict.value)
            if label is None or value is None:
                left_out[OFF_SCALE] += 1
                continue
            why, about = record.whys.get(spec.name), _about(record)
            one = Comparison(record.id, label, value, why, verdict.rationale, about)
            comparisons.append(one)
        # What is clear comes first: there a judge has no excuse.
        comparisons.sort(key=lambda c: c.about["difficulty"])
        found.append(measure(spec.name, scale, comparisons, left_out))
    return found


def each_against_panel(
    each: Judged, panel: Judged, config: ScorersConfig, labelled: LabelledSet
) -> list[ScorerAgreement]:
    """`panel` against `each`, which is the reference, also where there is no label."""
    records = {record.id: record for record in labelled.records}
    found = []
    for spec in config.scorers:
        scale, comparisons = scale_of(spec), []
        assert scale is not None  # noqa: S101  # all judged scorers have one
        for (record, scorer), one in each.verdicts.items():
            other = panel.verdicts.get((record, scorer))
            if scorer != spec.name or other is None:
                continue
            values = scale.read(one.value), scale.read(other.value)
            if values[0] is not None and values[1] is not None:
                about = _about(records[record])
                comparisons.append(
                    Comparison(record, values[0], values[1], one.rationale, other.rationale, about)
                )
        found.append(measure(spec.name, scale, comparisons, {}))
    return found


def by_stand_in(judged: Judged) -> bool:
    """Whether a stand-in, and no model, gave the verdicts."""
    return any((v.rationale or "").startswith(STAND_IN) for v in judged.verdicts.values())


def _asked(spec: JudgedSpec) -> str:
    match spec:
        case BuiltinSpec():
            return spec.type
        case GuidelinesSpec():
            return "\n".join(spec.guidelines)
        case MlflowJudgeSpec():
            rules = spec.arguments.get("guidelines", spec.judge)
            return rules if isinstance(rules, str) else "\n".join(rules)
        case JudgeSpec():
            return spec.instructions
    return ""


def _words(text: str) -> list[str]:
    return text.split()


def _about(record: LabelledRecord) -> dict[str, str]:
    return {"difficulty": record.difficulty, "domain": record.domain}
