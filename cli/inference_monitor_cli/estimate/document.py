"""An estimate as JSON. Needs MLflow's client."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from inference_monitor.config.specs import bedrock_model_id
from inference_monitor_cli.estimate.bill import Bill, Estimate
from inference_monitor_cli.estimate.notes import notes
from inference_monitor_cli.estimate.traffic import Traffic
from inference_monitor_cli.judge_shares import Shares


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
