"""The scorers of a configuration, as a table."""

from __future__ import annotations

from rich.table import Table
from rich.text import Text

from inference_monitor.config.conditions import AlwaysRule, When
from inference_monitor.config.scorers import ScorersConfig
from inference_monitor.config.specs import (
    CodeSpec,
    JudgedSpec,
    JudgeSpec,
    MlflowJudgeSpec,
    MlflowSpec,
    ScorerSpec,
)


def scorers_table(config: ScorersConfig, default_model: str) -> Table:
    """One row for each scorer, and what holds for all of them below."""
    table = Table(caption=_of_all(config), caption_justify="left")
    for heading in ("scorer", "type", "rate", "when", "model", "judging", "version"):
        table.add_column(heading, overflow="fold")
    for spec in config.scorers:
        model, judging = "", ""
        if spec.asks_judge:
            model = (getattr(spec, "model", None) or default_model).removeprefix("bedrock:/")
        if isinstance(spec, JudgedSpec):
            judging = spec.judged_by(config.judging)
        rate = f"{spec.sample_rate:g}"
        cells = (spec.name, _kind(spec), rate, _when(spec.when), model, judging, spec.version)
        table.add_row(*map(Text, cells))
    return table


def _kind(spec: ScorerSpec) -> str:
    """The type, and what tells two of a type apart."""
    kind = str(getattr(spec, "type", ""))
    match spec:
        case JudgeSpec(output=list(categories)):
            return f"{kind}: {' / '.join(categories)}"
        case JudgeSpec(output="number", range=[low, high]):
            return f"{kind}: {low:g} to {high:g}"
        case JudgeSpec(output=output):
            return f"{kind}: {output}"
        case CodeSpec(function=function):
            return f"{kind}: {function}"
        case MlflowSpec(class_path=path) | MlflowJudgeSpec(class_path=path):
            return f"{kind}: {path.rpartition('.')[2]}"
    return kind


def _when(when: When) -> str:
    """The conditions as the file has them."""
    given = when.model_dump(exclude_none=True)
    return "\n".join(f"{name}: {_value(value)}" for name, value in given.items())


def _value(value: object) -> str:
    if isinstance(value, list):
        return ", ".join("…" if item is None else str(item) for item in value)
    if isinstance(value, dict):
        return "; ".join(f"{name} = {_value(items)}" for name, items in value.items())
    return str(value)


def _of_all(config: ScorersConfig) -> Text:
    rules = "; ".join(map(_rule, config.always)) or "none"
    return Text(
        f"judging: {config.judging}; a record is cut at {config.max_record_tokens:,} tokens; "
        f"of a request with several answers, the first {config.max_judged_answers} are judged; "
        f"always: {rules}"
    )


def _rule(rule: AlwaysRule) -> str:
    told = [_when(rule.when).replace("\n", ", ") or "any"]
    if rule.sample_rate < 1:
        told.append(f"{rule.sample_rate:g} of them")
    if rule.first_per_hour:
        told.append(f"the first {rule.first_per_hour} an hour")
    return ", ".join(told)
