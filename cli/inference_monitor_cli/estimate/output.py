"""The estimate as a document and as tables, with its assumptions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from inference_monitor.config.specs import JudgedSpec, bedrock_model_id
from inference_monitor_cli.estimate.bill import Bill, Estimate
from inference_monitor_cli.estimate.traffic import Traffic
from inference_monitor_cli.judge_plan import Share, Shares
from inference_monitor_cli.terminal import count, dollars, printable


def notes(estimate: Estimate) -> Iterator[str]:
    """A sentence or two about each."""
    parts = estimate.parts
    config, prices, aws = parts.config, parts.prices, parts.aws
    yield (
        f"Judge: prices of {prices.as_of} ({prices.source}); tokens by the length of the text and "
        "150 for a verdict, no discount for what a cache holds."
    )
    cap, judge = parts.settings.judge_budget_usd_per_day, estimate.per_day.judge.configured.usd
    if cap is not None and judge > cap:
        yield (
            f"Not considered: JUDGE_BUDGET_USD_PER_DAY={cap:g} lets {cap / judge:.0%} of a day be "
            "judged, the rest is traced only."
        )
    planned = {spec.name for spec in config.scorers if isinstance(spec, JudgedSpec)}
    if others := [s.name for s in config.scorers if s.asks_judge and s.name not in planned]:
        yield f"Not counted: what {', '.join(others)} asks the judge, as often as it likes."
    if any(rule.first_per_hour for rule in config.always):
        yield (
            "`first_per_hour` is counted as if every hour had so many, without what that writes to "
            "DynamoDB."
        )
    if estimate.counted is None:
        yield (
            "All records are taken for answered chats of one variant, AllTraffic; captures say "
            "better how it is."
        )
    if estimate.rate.per_file is None:
        work = estimate.per_day.work
        why = "as in the captures" if estimate.counted else "a file every five minutes"
        yield (
            f"{work.records / max(work.files, 1):,.0f} records in a capture file: {why}. Each file "
            "is an execution: --records-per-file says otherwise."
        )
    yield (
        f"AWS: list prices of {aws.region}, {aws.as_of}, without free tiers, data transfer, KMS "
        "and ECR; what is stored is kept for a month. The function's time as measured by "
        "benchmarks/estimate.py; a verdict is taken to need 1 s, and 1 s more for 60 tokens."
    )
    if parts.mlflow_usd_per_hour is None:
        yield "Not counted: the MLflow App or tracking server; --mlflow-usd-per-hour adds it."
    yield "An estimate, not a bill: check aws.amazon.com/bedrock/pricing and calculator.aws."


def document(estimate: Estimate) -> dict[str, Any]:
    """All of it, as one JSON document."""
    parts, day = estimate.parts, estimate.per_day
    return {
        "model": parts.settings.bedrock_model_id,
        "counted": _mix(estimate.counted) if estimate.counted else None,
        "once": _bill(estimate.once) if estimate.once else None,
        "records_per_day": estimate.records_per_day,
        "records_per_file": day.work.records / day.work.files if day.work.files else None,
        "per_day": _bill(day),
        "days": estimate.days,
        "usd_for_days": estimate.days * day.usd,
        "unpriced_models": estimate.unpriced,
        "judge_prices": {"as_of": str(parts.prices.as_of), "source": parts.prices.source},
        "aws_prices": parts.aws.model_dump(mode="json", by_alias=True),
        "notes": list(notes(estimate)),
    }


def _mix(traffic: Traffic) -> dict[str, Any]:
    return {
        "files": traffic.files,
        "lines": traffic.lines,
        "inferences": traffic.records,
        "failed": traffic.failed,
        "bytes": traffic.bytes,
        "families": dict(traffic.families),
        "hours": traffic.hours,
        "records_per_day": traffic.records_per_day,
    }


def _bill(bill: Bill) -> dict[str, Any]:
    ways = bill.judge
    return {
        "work": asdict(bill.work),
        "judge": {
            "as_configured": _shares(ways.configured),
            "each": _shares(ways.each),
            "panel": _shares(ways.panel),
            "in_batch_usd": ways.configured.usd * bill.batch,
        },
        "services": [asdict(line) for line in bill.lines],
        "usd": bill.usd,
    }


def _shares(shares: Shares) -> dict[str, Any]:
    return {
        "calls": shares.calls,
        "input_tokens": shares.input_tokens,
        "output_tokens": shares.output_tokens,
        "usd": shares.usd,
        "scorers": [
            {"scorer": scorer, "model": bedrock_model_id(model), **asdict(share)}
            for (scorer, model), share in shares.by_scorer.items()
        ],
    }


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
