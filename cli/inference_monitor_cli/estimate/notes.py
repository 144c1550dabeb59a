"""What an estimate rests on, and what is not in it."""

from __future__ import annotations

from collections.abc import Iterator

from inference_monitor.config.specs import JudgedSpec
from inference_monitor_cli.estimate.bill import Estimate


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
