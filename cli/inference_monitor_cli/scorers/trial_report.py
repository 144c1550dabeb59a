"""What the scorers said of a few records, for a terminal. Needs MLflow's client."""

from __future__ import annotations

from collections.abc import Sequence

from mlflow.entities import Feedback
from rich.console import Console
from rich.table import Table
from rich.text import Text

from inference_monitor_cli.money import count, dollars, things
from inference_monitor_cli.report import preview, printable
from inference_monitor_cli.scorers.trial import Tried
from inference_monitor_cli.scorers.trial_document import answered, asked, assessment, total

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
