"""How a record of a labelled set is written in a file, and the capture it stands for."""

from __future__ import annotations

import json
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

LabelValue = bool | int | float | str
Difficulty = Literal["clear", "hard"]

_TIME = "2026-11-24T00:00:00Z"  # of no meaning here, but no capture is without one


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class LabelledCriterion(_Strict):
    """A criterion that a set has labels for: what was asked, and the label most answers have."""

    asks: str
    usually: LabelValue


class Label(_Strict):
    """What people say about one answer; `value` is None where they may differ."""

    value: LabelValue | None = Field(alias="is")
    why: str = Field(min_length=1)


class WrittenRecord(_Strict):
    """One record as it stands in a file."""

    id: str = Field(min_length=1)
    difficulty: Difficulty
    system: str | None = None
    question: str | None = None
    messages: list[dict[Literal["user", "assistant"], str]] = Field(default_factory=list)
    answer: str = Field(min_length=1)
    labels: dict[str, Label] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _asks_once(self) -> WrittenRecord:
        if (self.question is None) == (not self.messages):
            raise ValueError("give either `question` or `messages`")
        return self

    def capture(self) -> dict[str, Any]:
        """What SageMaker would have captured of it."""
        turns = [
            {"role": role, "content": text} for turn in self.messages for role, text in turn.items()
        ]
        if self.question is not None:
            turns = [{"role": "user", "content": self.question.strip()}]
        if self.system is not None:
            turns.insert(0, {"role": "system", "content": self.system})
        answer = {"role": "assistant", "content": self.answer.strip()}
        choice = {"index": 0, "message": answer, "finish_reason": "stop"}
        return {
            "captureData": {
                "endpointInput": _side("INPUT", {"messages": turns}),
                "endpointOutput": _side("OUTPUT", {"choices": [choice]}),
            },
            "eventMetadata": {"eventId": self.id, "inferenceTime": _TIME},
            "eventVersion": "0",
        }


def _side(mode: str, body: dict[str, Any]) -> dict[str, Any]:
    return {
        "observedContentType": "application/json",
        "mode": mode,
        "data": json.dumps(body, ensure_ascii=False),
        "encoding": "JSON",
    }
