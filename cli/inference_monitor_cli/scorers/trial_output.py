"""A trial as a document and as tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mlflow.entities import Feedback
from mlflow.tracing.constant import AssessmentMetadataKey
from rich.console import Console
from rich.table import Table
from rich.text import Text

from inference_monitor.domain import JudgeUsage
from inference_monitor.scoring.error_codes import SCORER_ERROR, UNREADABLE_VERDICT
from inference_monitor.scoring.material import answer_text, answers_of, request_text
from inference_monitor.scoring.messages import message_text
from inference_monitor_cli.scorers.trial import Tried
from inference_monitor_cli.terminal import count, dollars, preview, printable, things

_ADVICE = {
    UNREADABLE_VERDICT: "try another model, or simpler instructions",
    SCORER_ERROR: "mend the scorer, or its entry in the file",
}


def document(tried: Sequence[Tried]) -> dict[str, Any]:
    """All of it, as one JSON document."""
    return {
        "stand_in": any(one.by_stand_in for one in tried),
        "records": [_record(one) for one in tried],
        "total": total(tried),
    }


def _record(one: Tried) -> dict[str, Any]:
    return {
        "line": one.line,
        "event_id": one.inference.event_id,
        "asked": asked(one),
        "answered": answered(one),
        "assessments": [assessment(feedback) for feedback in one.verdicts.assessments],
        "not_answered": list(one.verdicts.pending),
        "not_answered_because": one.unanswered or None,
        "left_out": [{"scorer": left.scorer, "why": left.why} for left in one.left_out],
    }


def assessment(feedback: Feedback) -> dict[str, Any]:
    """What one scorer said, and what that took; an error comes with what to do."""
    metadata = feedback.metadata or {}
    cost = metadata.get(AssessmentMetadataKey.JUDGE_COST)
    return {
        "scorer": metadata["scorer"],
        "name": feedback.name,
        "value": feedback.value,
        "rationale": feedback.rationale,
        "error": _error(feedback),
        "way": metadata.get("judging") or ("judge" if "judge_model" in metadata else "code"),
        "model": metadata.get("judge_model"),
        "input_tokens": _whole(metadata.get(AssessmentMetadataKey.JUDGE_INPUT_TOKENS)),
        "output_tokens": _whole(metadata.get(AssessmentMetadataKey.JUDGE_OUTPUT_TOKENS)),
        "cost_usd": None if cost is None else float(cost),
        "shortened": metadata.get("shortened"),
        "judged_answers": metadata.get("judged_answers"),
    }


def _error(feedback: Feedback) -> str | None:
    if feedback.error is None:
        return None
    told = f"{feedback.error.error_code}: {feedback.error.error_message or ''}"
    advice = _ADVICE.get(str(feedback.error.error_code), "")
    return f"{told}; {advice}" if advice else told


def total(tried: Sequence[Tried]) -> dict[str, Any]:
    """What all of it took; `failed` counts the records with an error."""
    usage = sum((one.verdicts.usage for one in tried), JudgeUsage())
    return {
        "records": len(tried),
        "judge_calls": usage.calls,
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
        "cost_usd": usage.cost_usd,
        "failed": sum(one.failed for one in tried),
    }


def asked(one: Tried) -> str | None:
    """The text of what was said last; where there are no messages, the request."""
    request = one.inference.request
    messages = request.messages if request else None
    return message_text(messages[-1]) if messages else request_text(one.inference)


def answered(one: Tried) -> str | None:
    """The answer, or several of them; or why there is none."""
    failure = one.inference.failure
    if failure is not None:
        return f"{failure.status_code or 'error'}: {failure.message}"
    texts = [answer_text(answer) for answer in answers_of(one.inference)]
    if len(texts) == 1:
        return texts[0]
    return "\n".join(f"[answer {n} of {len(texts)}] {t}" for n, t in enumerate(texts, 1) if t)


def _whole(text: str | None) -> int | None:
    return None if text is None else int(text)


_RATIONALE_CHARACTERS = 400
_NOT_ANSWERED = (
    "the judge did not answer; check AWS_DEFAULT_REGION, AWS_PROFILE and the model's quota, "
    "then try again"
)


def show(console: Console, tried: Sequence[Tried]) -> None:
    """Print each record with a table of what was said, then what it took."""
    if any(one.by_stand_in for one in tried):
        console.print(
            Text(" STAND-IN: no model was asked. These verdicts are made up by rules. ", "reverse")
        )
    for one in tried:
        _show_record(console, one)
    used = total(tried)
    tokens = f"{count(used['input_tokens'])} tokens in and {count(used['output_tokens'])} out"
    console.print(
        f"{things(used['records'], 'record')}, {things(used['judge_calls'], 'call')}, {tokens}, "
        f"{dollars(used['cost_usd'])}; nothing was written"
    )


def _show_record(console: Console, one: Tried) -> None:
    inference = one.inference
    console.print()
    told = f"line {one.line}" if one.line else "record"
    console.print(Text.assemble((f"{told}, ", "bold"), printable(inference.event_id)))
    for word, text in (("asked", asked(one)), ("answered", answered(one))):
        console.print(Text.assemble((f"{word:9}", "dim"), preview(text)))
    table = Table(expand=True)
    for heading in ("scorer", "verdict"):
        table.add_column(heading, no_wrap=True)
    table.add_column("rationale", ratio=1, overflow="fold")
    for heading in ("tokens", "price", "way"):
        table.add_column(heading, no_wrap=True, justify="right")
    for feedback in one.verdicts.assessments:
        table.add_row(*_cells(feedback))
    for name in one.verdicts.pending:
        why = f"{one.unanswered}: {_NOT_ANSWERED}" if one.unanswered else _NOT_ANSWERED
        table.add_row(Text(name), Text("no answer", "red"), Text(why), "", "", "")
    console.print(table)
    for left in one.left_out:
        console.print(Text(f"left out: {left.scorer}, {left.why}", "dim"))


def _cells(feedback: Feedback) -> list[Text]:
    row = assessment(feedback)
    tokens = ""
    if row["input_tokens"] is not None:
        tokens = f"{row['input_tokens']} → {row['output_tokens']}"
    price = "" if row["cost_usd"] is None else dollars(row["cost_usd"])
    verdict = Text("error", "red") if row["error"] else Text(preview(row["value"]), "green")
    said = row["error"] or row["rationale"] or ""
    if row["shortened"]:
        said = f"{said} (shortened: {row['shortened']})"
    words = printable(said)
    if len(words) > _RATIONALE_CHARACTERS:
        words = f"{words[:_RATIONALE_CHARACTERS]}…"
    scorer = row["scorer"] if row["name"] == row["scorer"] else f"{row['scorer']}/{row['name']}"
    return [Text(printable(scorer)), verdict, Text(words), *map(Text, (tokens, price, row["way"]))]
