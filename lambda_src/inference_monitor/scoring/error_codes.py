"""The codes of assessments with an error, as MLflow shows them."""

from __future__ import annotations

JUDGE_REFUSED = "JUDGE_REFUSED"
"""The judge cannot be asked until a person has mended something; the message says what."""

JUDGE_DECLINED = "JUDGE_DECLINED"
"""The judge will not judge this content: it is final for this judge, and not asked again."""

UNREADABLE_VERDICT = "UNREADABLE_VERDICT"
"""The judge answered, but not with a verdict."""

SCORER_ERROR = "SCORER_ERROR"
"""A scorer that is code failed."""
