"""Which scorers have nothing to say about a record, and why. Needs MLflow's client."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from inference_monitor.config.scorers import ScorersConfig
from inference_monitor.config.specs import JudgedSpec, ScorerSpec
from inference_monitor.domain import Record, Verdicts
from inference_monitor.scoring.judge.prompts import question


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A scorer that has nothing to say about a record, and why."""

    scorer: str
    why: str


def left_out(
    config: ScorersConfig, record: Record, fitting: Sequence[ScorerSpec], verdicts: Verdicts
) -> Iterator[LeftOut]:
    """The scorers that gave nothing, and are not waiting for a judge either.

    `fitting` are those whose conditions hold.
    """
    spoke = {(feedback.metadata or {}).get("scorer") for feedback in verdicts.assessments}
    names = {spec.name for spec in fitting}
    for spec in config.scorers:
        if spec.name in spoke or spec.name in verdicts.pending:
            continue
        if spec.name not in names:
            yield LeftOut(spec.name, _why_not(spec, record))
        elif isinstance(spec, JudgedSpec):
            yield LeftOut(spec.name, _why_not_judged(spec, record))
        else:
            yield LeftOut(spec.name, "it gave nothing")


def _why_not(spec: ScorerSpec, record: Record) -> str:
    inference = record.inference
    outcome = "error" if inference.failure else "ok"
    if inference.kind not in spec.kinds:
        return f"it is for {' and '.join(spec.kinds)}, this is {inference.kind.value}"
    if outcome not in spec.statuses:
        return "this inference failed" if inference.failure else "it is for failures"
    return "its `when` does not hold"


def _why_not_judged(spec: JudgedSpec, record: Record) -> str:
    if record.material is None:
        return "there is no answer to judge"
    if spec.asks_for_text and all(shown.only_calls_tools for shown in record.materials):
        return "the answer has no text, it only calls tools"
    lacking = question(spec).lacks(record.material)
    return f"it asks about {lacking}" if lacking else "it gave nothing"
