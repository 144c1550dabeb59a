"""Let a judge score the labelled set. Imported only when asked for: it needs MLflow's judges."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from mlflow.entities import Feedback

from inference_monitor.config.models import ModelTable
from inference_monitor.config.scorers import ScorersConfig
from inference_monitor.config.specs import Judging
from inference_monitor.domain import Delivery, JudgeUsage, Record
from inference_monitor.scoring.build import build_scorers
from inference_monitor.scoring.cost.forecast import Forecast
from inference_monitor.scoring.judge.calls import plan_calls
from inference_monitor.scoring.judge.client import ConverseClient, bedrock_client
from inference_monitor.scoring.judge.prompts import criteria
from inference_monitor.scoring.record import with_materials
from inference_monitor_cli.agreement.labelled_set import LabelledRecord, LabelledSet
from inference_monitor_cli.judge_plan import Shares, shares_of

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
