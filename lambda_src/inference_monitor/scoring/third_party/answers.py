"""What a judge's answer to a third-party metric holds."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from inference_monitor.scoring.answer import Answer
from inference_monitor.scoring.verdict import UnreadableVerdictError

Wanted = TypeVar("Wanted", bound=BaseModel)

_EXPLAINS = frozenset({"reason", "rationale", "explanation", "justification", "feedback"})


def said(answer: Answer) -> str:
    """The text of an answer."""
    return "".join(block["text"] for block in _content(answer) if "text" in block).strip()


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
            f" (wrong: {fields or 'all of it'}; stop reason: {_stop_reason(answer)})"
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
    """The input of the tool, or JSON where the judge preferred to write that."""
    calls = [block["toolUse"].get("input") for block in _content(answer) if "toolUse" in block]
    if len(calls) == 1:
        return calls[0]
    unfenced = said(answer).removeprefix("```json").removeprefix("```").removesuffix("```")
    try:
        return json.loads(unfenced)
    except ValueError:
        raise UnreadableVerdictError(
            f"the judge called the tool {len(calls)} times instead of once"
            f" (stop reason: {_stop_reason(answer)})"
        ) from None


def _content(answer: Answer) -> list[dict[str, Any]]:
    content: list[dict[str, Any]] = (
        answer.response.get("output", {}).get("message", {}).get("content", [])
    )
    return content


def _stop_reason(answer: Answer) -> str:
    reason = answer.response.get("stopReason")
    return f"{reason}, raise max_tokens" if reason == "max_tokens" else str(reason)
