"""The function's metrics, as it sends them and as the stack's alarms watch them."""

from __future__ import annotations

NAMESPACE = "SageMakerInferenceMonitor"
SERVICE = "inference-monitor"
"""The value of the dimension `service`; the other dimension is `endpoint`."""

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
