"""One assessment from what a scorer said of each answer of an inference: the worst counts.

An inference has several answers when its request was a batch or asked for several choices. Scorers
see one answer at a time; MLflow holds one assessment of a scorer for a trace.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mlflow.entities import Feedback
from mlflow.tracing.constant import AssessmentMetadataKey

from inference_monitor.config.specs import JudgedSpec, ScorerSpec
from inference_monitor.scoring.error_codes import JUDGE_DECLINED
from inference_monitor.scoring.record import MAX_RATIONALE
from inference_monitor.text import cut_end

# Of scorers that are not ours: MLflow's rating, and labels of Ragas' and Phoenix' metrics.
_BAD_WORDS = frozenset({"no", "fail", "false", "bad", "toxic"})
_COUNTED = (
    AssessmentMetadataKey.JUDGE_INPUT_TOKENS,
    AssessmentMetadataKey.JUDGE_OUTPUT_TOKENS,
    "judge_calls",
    "judge_thought_tokens",
)
_MAX_SHOWN = 1000
_MAX_VALUE = 60


@dataclass(frozen=True, slots=True)
class OfAnswer:
    """What a scorer said of answer `number`; `feedbacks` is None when it could not be asked."""

    number: int
    feedbacks: Sequence[Feedback] | None


def combine(spec: ScorerSpec, said: Sequence[OfAnswer], answers: int) -> list[Feedback]:
    """What a scorer says of an inference with so many `answers`.

    Of each name that it gives, the worst value counts: false and no, the last category, the lowest
    number. Of other texts the first counts, as nothing tells which is worse. An error of one answer
    makes the assessment an error, so that the scorer is asked again, unless another answer has the
    worst value there is: then no answer can change it any more. The same holds for an answer that
    the judge could not be asked about; without such a value nothing is given.
    """
    if answers < 2 or not spec.of_each_answer:
        return [feedback for one in said for feedback in one.feedbacks or ()]
    by_name: dict[str, dict[int, Feedback]] = {}
    for one in said:
        for feedback in one.feedbacks or ():
            by_name.setdefault(feedback.name, {})[one.number] = feedback
    if any(one.feedbacks is None for one in said):
        by_name = {name: given for name, given in by_name.items() if _is_settled(spec, given)}
    return [_combined(spec, given, answers) for given in by_name.values()]


def _is_settled(spec: ScorerSpec, given: Mapping[int, Feedback]) -> bool:
    """Whether whatever is said of further answers changes nothing.

    Of a scorer with several names, others may be missing yet: only judges give one each.
    """
    return isinstance(spec, JudgedSpec) and any(_is_worst(spec, one) for one in given.values())


def _combined(spec: ScorerSpec, given: Mapping[int, Feedback], answers: int) -> Feedback:
    number = _that_counts(spec, given)
    feedback = given[number]
    place = f"answer {number} of {answers}"
    if feedback.error is not None:
        feedback.error.error_message = f"{place}: {feedback.error.error_message or ''}"
    elif feedback.rationale:
        feedback.rationale = cut_end(f"{place}: {feedback.rationale}", MAX_RATIONALE)
    judged = sum(one.error is None for one in given.values())
    feedback.metadata = {
        **(feedback.metadata or {}),
        **_accounts(given),
        "judged_answers": f"{judged} of {answers}",
        "worst_answer": str(number),
        "answers": _shown(given, number),
    }
    return feedback


def _that_counts(spec: ScorerSpec, given: Mapping[int, Feedback]) -> int:
    """The number of the answer whose assessment stands for all."""
    failed = [number for number, feedback in given.items() if feedback.error]
    if failed and not any(_is_worst(spec, feedback) for feedback in given.values()):
        # What the judge declines is not asked again; another error is.
        return min(failed, key=lambda number: given[number].error_code == JUDGE_DECLINED)
    valued = [number for number, feedback in given.items() if not feedback.error]
    return max(valued, key=lambda number: _badness(spec, given[number].value))


def _is_worst(spec: ScorerSpec, feedback: Feedback) -> bool:
    """Whether no value is worse; of a number that is known from the scorer's range only."""
    if feedback.error:
        return False
    of_unknown_range = not isinstance(spec, JudgedSpec) and not isinstance(
        feedback.value, bool | str
    )
    return not of_unknown_range and _badness(spec, feedback.value) >= 1


def _badness(spec: ScorerSpec, value: object) -> float:
    """The greater, the worse."""
    if isinstance(spec, JudgedSpec) and isinstance(value, bool | str | int | float):
        return spec.distance_from_best(value)
    if isinstance(value, bool):
        return 1.0 - value
    if isinstance(value, int | float):
        return -float(value)
    return float(isinstance(value, str) and value.lower() in _BAD_WORDS)


def _accounts(given: Mapping[int, Feedback]) -> dict[str, str]:
    """Tokens, calls and price of all answers together."""
    told = [feedback.metadata or {} for feedback in given.values()]
    counts = {
        key: str(sum(int(one.get(key, 0)) for one in told))
        for key in _COUNTED
        if any(key in one for one in told)
    }
    cost = AssessmentMetadataKey.JUDGE_COST
    if any(cost in one for one in told):
        counts[cost] = f"{sum(float(one.get(cost, 0)) for one in told):.8f}"
    return counts


def _shown(given: Mapping[int, Feedback], worst: int) -> str:
    """`{"1": "yes", "2": "no"}`, as many as have room, the one that counts among them."""
    shown: dict[int, object] = {}
    length = 0
    for number in [worst, *given]:
        value = _value(given[number])
        length += len(json.dumps({number: value}))
        if length > _MAX_SHOWN:
            break
        shown[number] = value
    return json.dumps(dict(sorted(shown.items())), ensure_ascii=False)


def _value(feedback: Feedback) -> object:
    value = feedback.error.error_code if feedback.error else feedback.value
    return value if isinstance(value, bool | int | float) else cut_end(str(value), _MAX_VALUE)
