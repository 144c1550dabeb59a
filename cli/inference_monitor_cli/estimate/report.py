"""An estimate for a terminal. Needs MLflow's client."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table
from rich.text import Text

from inference_monitor.config.specs import bedrock_model_id
from inference_monitor_cli.estimate.bill import Bill, Estimate
from inference_monitor_cli.estimate.notes import notes
from inference_monitor_cli.estimate.traffic import Traffic
from inference_monitor_cli.judge_shares import Share, Shares
from inference_monitor_cli.money import count, dollars
from inference_monitor_cli.report import printable

_FAMILIES = 4


def show(console: Console, estimate: Estimate) -> None:
    """Print what it is about, the tables, what is not in it, and the totals on one line."""
    if estimate.counted:
        console.print(Text(_counted(estimate.counted)))
    if estimate.once:
        console.print(_judge_table("These captures, judged now", estimate, estimate.once))
        console.print(_services_table("These captures, traced and judged now", estimate.once, None))
    rate = f"A day with {count(estimate.records_per_day)} inferences"
    console.print(_judge_table(f"{rate}, judged", estimate, estimate.per_day))
    console.print(_services_table(rate, estimate.per_day, estimate.days))
    for note in notes(estimate):
        console.print(Text(f"- {note}", "dim"))
    for model in estimate.unpriced:
        console.print(
            Text(
                f"The price of {model} is not known, its calls count as nothing here. Set it, in "
                f"USD per million tokens in and out: JUDGE_PRICES={model}=3/15",
                "bold red",
            )
        )
    console.print(Text(_total(estimate), "bold"))


def _total(estimate: Estimate) -> str:
    day = estimate.per_day
    once = f"these captures once {dollars(estimate.once.usd)}; " if estimate.once else ""
    more = " and what is not priced" if estimate.unpriced else ""
    return (
        f"total: {once}{dollars(day.usd)} a day, {dollars(estimate.days * day.usd)} in "
        f"{count(estimate.days)} days{more}"
    )


def _counted(traffic: Traffic) -> str:
    families = ", ".join(
        f"{number} {printable(family)}"
        for family, number in traffic.families.most_common(_FAMILIES)
    )
    if len(traffic.families) > _FAMILIES:
        families += ", …"
    return (
        f"{traffic.records} inferences ({families}) in {traffic.files} files, {traffic.hours} "
        f"hours: {count(traffic.records_per_day)} a day; "
        f"{traffic.failed / traffic.records:.0%} failed, "
        f"{count(traffic.bytes / traffic.lines)} bytes each"
    )


def _judge_table(title: str, estimate: Estimate, bill: Bill) -> Table:
    """A row for each scorer, with its model below it where there is more than one."""
    ways = bill.judge
    rows = _in_order(ways.configured, estimate)
    models = sorted({bedrock_model_id(model) for _, model, _ in rows})
    if len(models) == 1:
        title = f"{title} by {models[0]}"
    table = Table(title=title, title_justify="left")
    table.add_column("scorer", overflow="fold")
    for heading in ("records", "tokens in", "out", "each", "panel", "as configured", "in batch"):
        table.add_column(heading, justify="right", overflow="fold")
    for scorer, model, share in rows:
        each, panel = (
            way.by_scorer.get((scorer, model), Share()).usd for way in (ways.each, ways.panel)
        )
        half = None if share.usd is None else share.usd * bill.batch
        table.add_row(
            f"{scorer}\n{bedrock_model_id(model)}" if len(models) > 1 else scorer,
            *map(count, (share.records, share.input_tokens, share.output_tokens)),
            *map(dollars, (each, panel, share.usd, half)),
        )  # fmt: skip
    table.add_section()
    all_ = ways.configured
    table.add_row(
        f"{count(all_.calls)} calls", "",
        *map(count, (all_.input_tokens, all_.output_tokens)),
        *map(_sum, (ways.each, ways.panel, all_, all_.times(bill.batch))),
        style="bold",
    )  # fmt: skip
    return table


def _in_order(shares: Shares, estimate: Estimate) -> list[tuple[str, str, Share]]:
    """The shares in the order of the file: a panel asks in another for every record."""
    place = {spec.name: i for i, spec in enumerate(estimate.parts.config.scorers)}
    rows = [(scorer, model, share) for (scorer, model), share in shares.by_scorer.items()]
    return sorted(rows, key=lambda row: place[row[0]])


def _sum(shares: Shares) -> str:
    """What is known of a sum, and whether it is all."""
    return f"{dollars(shares.usd)} + ?" if shares.unpriced else dollars(shares.usd)


def _services_table(title: str, bill: Bill, days: float | None) -> Table:
    table = Table(title=title, title_justify="left")
    table.add_column("service")
    table.add_column("used")
    table.add_column("a day" if days else "price", justify="right")
    if days:
        table.add_column(f"{count(days)} days", justify="right")

    judge = bill.judge.configured
    more = " + ?" if judge.unpriced else ""

    def add(name: str, used: str, usd: float, more: str = "", style: str | None = None) -> None:
        prices = [dollars(usd)] + ([dollars(days * usd)] if days else [])
        table.add_row(name, used, *(f"{price}{more}" for price in prices), style=style)

    add("Bedrock, the judge", f"{count(judge.calls)} calls", judge.usd, more)
    for line in bill.lines:
        add(line.service, line.used, line.usd)
    table.add_section()
    add("all", f"{count(bill.work.records)} inferences", bill.usd, more, "bold")
    return table
