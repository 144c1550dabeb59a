"""What a judge's answer to a third-party metric holds."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from inference_monitor.scoring.judge.answer import Answer
from inference_monitor.scoring.judge.output import explain_stop, objects, text
from inference_monitor.scoring.judge.verdict import UnreadableVerdictError

Wanted = TypeVar("Wanted", bound=BaseModel)

_EXPLAINS = frozenset({"reason", "rationale", "explanation", "justification", "feedback"})


def said(answer: Answer) -> str:
    """The text of an answer, without thoughts."""
    return text(answer.response)


def filled_in(answer: Answer, wanted: type[Wanted]) -> Wanted:
    """An answer as an instance of the class that the metric wants.

    Raises:
        UnreadableVerdictError: If it is none; the message quotes nothing of the answer.
    """
    try:
        return wanted.model_validate(_given(answer))
    except ValidationError as error:
        fields = ", ".join(sorted({str(e["loc"][0]) for e in error.errors() if e["loc"]}))
        raise UnreadableVerdictError(
            f"the judge's answer does not fit the metric's schema {wanted.__name__}"
            f" (wrong: {fields or 'all of it'}; {explain_stop(answer.response)})"
        ) from None  # pydantic's own error quotes the answer, and with it the judged text


def explanations(given: Any) -> Iterator[str]:
    """The explanations in an answer, for metrics that keep them to themselves."""
    for key, value in given.items() if isinstance(given, dict) else ():
        if key in _EXPLAINS and isinstance(value, str) and value.strip():
            yield value
        else:
            for part in value if isinstance(value, list) else [value]:
                yield from explanations(part)


def _given(answer: Answer) -> Any:
    """The one object that the judge gave, as a tool's input or in text."""
    given = objects(answer.response)
    if len(given) != 1:
        raise UnreadableVerdictError(
            f"the judge gave {len(given)} answers instead of one ({explain_stop(answer.response)})"
        )
    return given[0]
