"""Which assessment takes the place of another one."""

from __future__ import annotations

import pytest
from mlflow.entities import AssessmentError, AssessmentSource, Feedback

from inference_monitor.domain import supersedes

A, B = "bedrock:/a", "bedrock:/b"


def _value(judge: str, value: str = "yes") -> Feedback:
    return Feedback("safety", value, source=AssessmentSource("LLM_JUDGE", judge))


def _error(judge: str, code: str = "JUDGE_REFUSED", message: str = "end of life") -> Feedback:
    error = AssessmentError(code, message)
    return Feedback("safety", error=error, source=AssessmentSource("LLM_JUDGE", judge))


@pytest.mark.parametrize(
    ("new", "stored", "takes_its_place"),
    [
        (_value(A), _error(A), True),
        (_value(B), _error(A), True),
        (_error(B), _error(A), True),
        (_error(A, code="UNREADABLE_VERDICT"), _error(A), True),
        (_error(A, message="no access to the model"), _error(A), True),
        (_error(A), _error(A), False),
        (_value(A, "no"), _value(A), False),
        (_value(B), _value(A), False),
        (_error(B), _value(A), False),
    ],
)
def test_only_an_error_gives_way(new: Feedback, stored: Feedback, *, takes_its_place: bool) -> None:
    """To a value, or to an error of another judge, code or message; what was judged stays."""
    assert supersedes(new, stored) is takes_its_place
