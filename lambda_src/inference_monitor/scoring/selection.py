"""Which inferences a scorer sees: its conditions, its sample, and what is judged in any case."""

from __future__ import annotations

from collections.abc import Sequence

from inference_monitor.capture.attributes import caller_attributes
from inference_monitor.config.conditions import AlwaysRule, When
from inference_monitor.config.specs import ScorerSpec
from inference_monitor.domain import Record
from inference_monitor.scoring.first_of_hour import FirstOfHour
from inference_monitor.scoring.material import reported_or_estimated
from inference_monitor.scoring.sampling import is_sampled
from inference_monitor.tags import trace_tags


class Selection:
    """The rules of a `scorers.yaml` for what is scored."""

    def __init__(self, always: Sequence[AlwaysRule], first_of_hour: FirstOfHour | None) -> None:
        self._always = always
        self._first_of_hour = first_of_hour

    def choose(self, record: Record, specs: Sequence[ScorerSpec]) -> list[ScorerSpec]:
        """Those of the scorers that are to score a record, in order."""
        fitting = [spec for spec in specs if spec.sample_rate and _is_for(spec, record)]
        event = record.inference.event_id
        sampled = [is_sampled(event, spec.sample_rate) for spec in fitting]
        # The rules may cost a call to the table of counters: asked only where they can add a score.
        if not all(sampled) and record.material is not None and self._in_any_case(record):
            return fitting
        return [spec for spec, chosen in zip(fitting, sampled, strict=True) if chosen]

    def _in_any_case(self, record: Record) -> bool:
        """Whether a rule wants the record judged; those that cost nothing are asked first."""
        rules = sorted(self._always, key=lambda rule: rule.first_per_hour is not None)
        return any(self._takes_in(rule, record) for rule in rules)

    def _takes_in(self, rule: AlwaysRule, record: Record) -> bool:
        inference = record.inference
        if not holds(rule.when, record) or not is_sampled(inference.event_id, rule.sample_rate):
            return False
        if rule.first_per_hour is None:
            return True
        return self._first_of_hour is not None and self._first_of_hour.admit(
            record.source.endpoint,
            record.source.variant,
            inference.inference_time,
            rule.first_per_hour,
            record.trace_id,
        )


def _is_for(spec: ScorerSpec, record: Record) -> bool:
    outcome = "error" if record.inference.failure else "ok"
    return (
        record.inference.kind in spec.kinds
        and outcome in spec.statuses
        and holds(spec.when, record)
    )


def holds(when: When, record: Record) -> bool:
    """Whether every condition that is given holds for a record."""
    inference = record.inference
    outcome = "error" if inference.failure else "ok"
    choices = inference.response.choices if inference.response else ()
    calls_tools = any(choice.tool_calls for choice in choices)
    return (
        (when.variant is None or record.source.variant in when.variant)
        and (when.family is None or inference.family in when.family)
        and (when.kind is None or inference.kind in when.kind)
        and (when.status is None or outcome in when.status)
        and (when.tool_calls is None or calls_tools == when.tool_calls)
        and (
            when.finish_reason is None
            or any(choice.finish_reason in when.finish_reason for choice in choices)
        )
        and (when.tag is None or _has_tags(when.tag, record))
        and _has_tokens(when, record)
    )


def _has_tags(wanted: dict[str, list[str]], record: Record) -> bool:
    inference = record.inference
    tags = caller_attributes(inference.custom_attributes) | trace_tags(inference, record.source)
    return all(tags.get(name) in values for name, values in wanted.items())


def _has_tokens(when: When, record: Record) -> bool:
    limits = {"input_tokens": when.input_tokens, "output_tokens": when.output_tokens}
    if not any(limits.values()):
        return True
    counts, _ = reported_or_estimated(record.inference)
    return all(
        (least is None or counts[side] >= least) and (most is None or counts[side] <= most)
        for side, limit in limits.items()
        if limit
        for least, most in [limit]
    )
