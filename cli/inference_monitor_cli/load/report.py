"""What came of a load test, as JSON and as text."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

from inference_monitor_cli.load.following import Outcome
from inference_monitor_cli.load.limit import Step

_MISSING_SHOWN = 10
_PERCENTILES = (50, 95, 99)


def as_document(outcome: Outcome) -> dict[str, Any]:
    """The outcome of one run; seconds throughout, percentiles None where nothing was measured."""
    errors = Counter(one.error for one in outcome.sent if one.error is not None)
    answers = [one.ended - one.started for one in outcome.answered]
    return {
        "sent": len(outcome.sent),
        "sent_per_second": round(outcome.rate, 2),
        "latest_start_seconds": round(max((one.late for one in outcome.sent), default=0.0), 3),
        "answered": len(outcome.answered),
        "errors": dict(errors.most_common()),
        "answer_seconds": percentiles(answers),
        "traced": len(outcome.lags),
        "missing": outcome.missing,
        "lag_seconds": percentiles([lag for _at, lag in outcome.lags]),
        "traces_per_second": _throughput(outcome),
    }


def steps_document(steps: Sequence[Step]) -> dict[str, Any]:
    """The search for the limit: the highest rate that was kept up with, and each step."""
    kept = [step.rate for step in steps if step.verdict == "keeps up"]
    return {
        "keeps_up_at": max(kept, default=None),
        "falls_behind_at": next((s.rate for s in steps if s.verdict == "falls behind"), None),
        "steps": [
            {
                "rate": step.rate,
                "verdict": step.verdict,
                "lag_growth": None if step.growth is None else round(step.growth, 3),
                **as_document(step.outcome),
            }
            for step in steps
        ],
    }


def as_lines(document: dict[str, Any]) -> list[str]:
    """The outcome of one run in a few lines that fit into 80 columns."""
    lines = [
        f"sent      {document['sent']} at {document['sent_per_second']:g} per second",
        f"answered  {document['answered']} in {_shown(document['answer_seconds'])}",
    ]
    lines += [f"error     {count} {kind}" for kind, count in document["errors"].items()]
    lines.append(f"traced    {document['traced']}, {document['traces_per_second']:g} per second")
    lines.append(f"lag       {_shown(document['lag_seconds'])}")
    if missing := document["missing"]:
        more = f", and {len(missing) - _MISSING_SHOWN} more" * (len(missing) > _MISSING_SHOWN)
        lines.append(f"missing   {len(missing)} of {document['answered']} inferences have no trace")
        lines += [f"          {one}" for one in missing[:_MISSING_SHOWN]]
        lines += [f"          {more.removeprefix(', ')}"] * bool(more)
    else:
        lines.append("Every answered inference is a trace." * bool(document["answered"]))
    return [line for line in lines if line]


def step_line(step: Step) -> str:
    """One step of the search for the limit."""
    lag = _shown(percentiles([lag for _at, lag in step.outcome.lags]))
    growth = "" if step.growth is None else f", grows {step.growth:+.2f} s/s"
    return f"{step.rate:g} per second: {step.verdict}; lag {lag}{growth}"


def percentiles(values: Sequence[float]) -> dict[str, float] | None:
    """The 50th, 95th and 99th percentile (nearest rank); None of nothing."""
    if not values:
        return None
    ordered = sorted(values)
    return {
        f"p{percent}": round(ordered[math.ceil(percent / 100 * len(ordered)) - 1], 3)
        for percent in _PERCENTILES
    }


def _throughput(outcome: Outcome) -> float:
    """Traces per second, from the first request to the last trace."""
    if not outcome.lags:
        return 0.0
    end = max(at + lag for at, lag in outcome.lags)
    span = end - outcome.sent[0].started
    return round(len(outcome.lags) / span, 2) if span else 0.0


def _shown(found: dict[str, float] | None) -> str:
    if found is None:
        return "not measured"
    return " · ".join(f"{name} {seconds:.1f} s" for name, seconds in found.items())
