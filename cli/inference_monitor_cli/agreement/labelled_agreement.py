"""Judge the labelled set, and compare the verdicts with its labels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from mlflow.entities import Feedback

from inference_monitor.config.conditions import When
from inference_monitor.config.models import ModelTable
from inference_monitor.config.scorers import ScorersConfig
from inference_monitor.config.specs import (
    BuiltinSpec,
    GuidelinesSpec,
    JudgedSpec,
    JudgeSpec,
    Judging,
    MlflowJudgeSpec,
)
from inference_monitor.domain import Delivery, JudgeUsage, Record
from inference_monitor.scoring.build import build_scorers
from inference_monitor.scoring.cost.forecast import Forecast
from inference_monitor.scoring.judge.calls import plan_calls
from inference_monitor.scoring.judge.client import ConverseClient, bedrock_client
from inference_monitor.scoring.judge.prompts import criteria
from inference_monitor.scoring.record import with_materials
from inference_monitor_cli.agreement.labelled_set import LabelledRecord, LabelledSet
from inference_monitor_cli.agreement.report import Comparison, ScorerAgreement, measure
from inference_monitor_cli.agreement.scale import scale_of
from inference_monitor_cli.judge_plan import Shares, shares_of
from inference_monitor_cli.problems import CommandError

_AT_ONCE = 16  # so that progress shows; one batch has a hundred calls already


@dataclass(slots=True)
class Judged:
    """What one way of judging gave: verdicts by record and scorer, and what it took.

    `failed` counts the records that a scorer gave no verdict for, by scorer and reason.
    """

    judging: Judging
    verdicts: dict[tuple[str, str], Feedback] = field(default_factory=dict)
    failed: dict[str, dict[str, int]] = field(default_factory=dict)
    usage: JudgeUsage = field(default_factory=JudgeUsage)

    def fail(self, scorer: str, reason: str) -> None:
        """Count a verdict that is missing."""
        reasons = self.failed.setdefault(scorer, {})
        reasons[reason] = reasons.get(reason, 0) + 1


class LabelledJudging:
    """The judged criteria of a configuration, ready for the labelled set."""

    def __init__(
        self, config: ScorersConfig, model: str, prices: ModelTable, concurrency: int
    ) -> None:
        """`model` is asked where the configuration names none."""
        self._config = config
        self._model = model
        self._prices = prices
        self._concurrency = concurrency

    def estimate(self, labelled: LabelledSet) -> Shares:
        """What it would take, before anything is asked."""
        asked = criteria(self._config, self._model)
        calls = (
            call
            for r in labelled.records
            for call in plan_calls(self._record(r), [c for c in asked if c.spec.name in r.criteria])
        )
        return shares_of(calls, Forecast(self._prices))

    def judge(
        self,
        labelled: LabelledSet,
        show: Callable[[int], Any],
        client: ConverseClient | None = None,
    ) -> Judged:
        """Ask about all records what they were written for; `show` is told how many are done."""
        scorers = build_scorers(
            self._config,
            client or bedrock_client(self._concurrency),
            default_model=self._model,
            concurrency=self._concurrency,
            prices=self._prices,
        )
        judged, done = Judged(self._config.judging), 0
        for records in _batches(labelled):
            batch = [Record.of(r.inference, r.source) for r in records]
            delivery = Delivery("", scorers=records[0].criteria)
            for record, verdicts in zip(records, scorers.score(batch, delivery), strict=True):
                _take_in(judged, record.id, verdicts.assessments, verdicts.pending)
                judged.usage += verdicts.usage
            done += len(records)
            show(done)
        return judged

    def _record(self, record: LabelledRecord) -> Record:
        return with_materials(Record.of(record.inference, record.source), self._config)


def _batches(labelled: LabelledSet) -> Iterator[list[LabelledRecord]]:
    """A few records at a time that are for the same criteria."""
    alike: dict[frozenset[str], list[LabelledRecord]] = {}
    for record in labelled.records:
        alike.setdefault(record.criteria, []).append(record)
    for records in alike.values():
        for start in range(0, len(records), _AT_ONCE):
            yield records[start : start + _AT_ONCE]


def _take_in(
    judged: Judged, record: str, assessments: Sequence[Feedback], pending: Sequence[str]
) -> None:
    for feedback in assessments:
        if feedback.error:
            reason = f"{feedback.error.error_code}: {feedback.error.error_message}"
            judged.fail(feedback.name, reason)
        else:
            judged.verdicts[record, feedback.name] = feedback
    for scorer in pending:
        judged.fail(scorer, "the judge could not be asked")


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
