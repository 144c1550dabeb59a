"""The function's metrics, as it sends them and as the stack's alarms watch them."""

from __future__ import annotations

NAMESPACE = "SageMakerInferenceMonitor"
SERVICE = "inference-monitor"
"""The value of the dimension `service`.

Each metric is sent twice: with `endpoint` as its other dimension, and with `deployment`, the prefix
of the stack, which holds whatever endpoint a file is of.
"""

CAPTURED = "Captured"
"""Lines of capture files, without those of `FOREIGN`."""

FOREIGN = "Foreign"
"""Lines of other endpoints' files, which were skipped."""

SILENT = "Silent"
"""1 in an hour in which captures of an invoked endpoint stay away, see `stacks.silence`."""

UNACCOUNTED = "Unaccounted"
"""Records of batches that failed for good: they are neither traced nor quarantined."""

BUDGET_EXHAUSTED = "BudgetExhausted"
"""Records that were traced, but not judged in full, because the budget was used up."""

JUDGE_UNAVAILABLE = "JudgeUnavailable"
"""Records whose judge could not be reached, and which the workflow has given up on for now."""

JUDGE_REFUSED = "JudgeRefused"
"""Records whose judge refuses for good: it is dead, not allowed, or in another Region."""

JUDGE_DECLINED = "JudgeDeclined"
"""Records that a judge will not judge for their content."""

JUDGE_UNREADABLE = "JudgeUnreadable"
"""Judge calls whose answer held no verdict, of all `JUDGE_CALLS`."""

JUDGE_CALLS = "JudgeCalls"
"""Questions to judges that were answered or refused; retries count as one."""

JUDGE_COST = "JudgeCostUsd"

SUMMARY_METRICS = {
    "captured": CAPTURED,
    "traced": "Traced",
    "duplicate": "Duplicate",
    "skipped": "Skipped",
    "quarantined": "Quarantined",
    "scored": "Scored",
    "unscored": "Unscored",
    "budget_exhausted": BUDGET_EXHAUSTED,
    "judge_unavailable": JUDGE_UNAVAILABLE,
    "judge_refused": JUDGE_REFUSED,
    "judge_declined": JUDGE_DECLINED,
    "judge_unreadable": JUDGE_UNREADABLE,
    "empty_answers": "EmptyAnswers",
    "judge_calls": JUDGE_CALLS,
    "foreign": FOREIGN,
    "judge_cost_usd": JUDGE_COST,
}
"""Field of `ledger.Summary` → metric, for every invocation that processes records."""
