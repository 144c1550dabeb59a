"""What the scorers said of a few records, as JSON. Needs MLflow's client."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mlflow.entities import Feedback
from mlflow.tracing.constant import AssessmentMetadataKey

from inference_monitor.domain import JudgeUsage
from inference_monitor.scoring.error_codes import SCORER_ERROR, UNREADABLE_VERDICT
from inference_monitor.scoring.material import answer_text, answers_of, request_text
from inference_monitor.scoring.messages import message_text
from inference_monitor_cli.scorers.trial import Tried

_ADVICE = {
    UNREADABLE_VERDICT: "try another model, or simpler instructions",
    SCORER_ERROR: "mend the scorer, or its entry in the file",
}


def document(tried: Sequence[Tried]) -> dict[str, Any]:
    """All of it, as one JSON document."""
    return {
        "stand_in": any(one.by_stand_in for one in tried),
        "records": [_record(one) for one in tried],
        "total": total(tried),
    }


def _record(one: Tried) -> dict[str, Any]:
    return {
        "line": one.line,
        "event_id": one.inference.event_id,
        "asked": asked(one),
        "answered": answered(one),
        "assessments": [assessment(feedback) for feedback in one.verdicts.assessments],
        "not_answered": list(one.verdicts.pending),
        "not_answered_because": one.unanswered or None,
        "left_out": [{"scorer": left.scorer, "why": left.why} for left in one.left_out],
    }


def assessment(feedback: Feedback) -> dict[str, Any]:
    """What one scorer said, and what that took; an error comes with what to do."""
    metadata = feedback.metadata or {}
    cost = metadata.get(AssessmentMetadataKey.JUDGE_COST)
    return {
        "scorer": metadata["scorer"],
        "name": feedback.name,
        "value": feedback.value,
        "rationale": feedback.rationale,
        "error": _error(feedback),
        "way": metadata.get("judging") or ("judge" if "judge_model" in metadata else "code"),
        "model": metadata.get("judge_model"),
        "input_tokens": _whole(metadata.get(AssessmentMetadataKey.JUDGE_INPUT_TOKENS)),
        "output_tokens": _whole(metadata.get(AssessmentMetadataKey.JUDGE_OUTPUT_TOKENS)),
        "cost_usd": None if cost is None else float(cost),
        "shortened": metadata.get("shortened"),
        "judged_answers": metadata.get("judged_answers"),
    }


def _error(feedback: Feedback) -> str | None:
    if feedback.error is None:
        return None
    told = f"{feedback.error.error_code}: {feedback.error.error_message or ''}"
    advice = _ADVICE.get(str(feedback.error.error_code), "")
    return f"{told}; {advice}" if advice else told


def total(tried: Sequence[Tried]) -> dict[str, Any]:
    """What all of it took; `failed` counts the records with an error."""
    usage = sum((one.verdicts.usage for one in tried), JudgeUsage())
    return {
        "records": len(tried),
        "judge_calls": usage.calls,
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
        "cost_usd": usage.cost_usd,
        "failed": sum(one.failed for one in tried),
    }


def asked(one: Tried) -> str | None:
    """The text of what was said last; where there are no messages, the request."""
    request = one.inference.request
    messages = request.messages if request else None
    return message_text(messages[-1]) if messages else request_text(one.inference)


def answered(one: Tried) -> str | None:
    """The answer, or several of them; or why there is none."""
    failure = one.inference.failure
    if failure is not None:
        return f"{failure.status_code or 'error'}: {failure.message}"
    texts = [answer_text(answer) for answer in answers_of(one.inference)]
    if len(texts) == 1:
        return texts[0]
    return "\n".join(f"[answer {n} of {len(texts)}] {t}" for n, t in enumerate(texts, 1) if t)


def _whole(text: str | None) -> int | None:
    return None if text is None else int(text)
