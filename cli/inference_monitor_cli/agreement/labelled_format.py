"""How a record of a labelled set is written in a file, and the capture it stands for."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

LabelValue = bool | int | float | str
Difficulty = Literal["clear", "hard"]

_DATE = date(2026, 11, 24)  # of no meaning where a record has none, but no capture is without one


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class LabelledCriterion(_Strict):
    """A criterion that a set has labels for: what was asked, and the label most answers have.

    `usually` is None where no label goes without saying.
    """

    asks: str
    usually: LabelValue | None


class Label(_Strict):
    """What people say about one answer; `value` is None where they may differ."""

    value: LabelValue | None = Field(alias="is")
    why: str = Field(min_length=1)


class WrittenTool(_Strict):
    """A function the model may call; `parameters` are JSON Schemas by name."""

    name: str
    description: str
    parameters: dict[str, dict[str, Any]] = Field(default_factory=dict)
    required: list[str] = Field(default_factory=list)

    def in_request(self) -> dict[str, Any]:
        """An entry of `tools` in OpenAI's chat API."""
        schema = {"type": "object", "properties": self.parameters, "required": self.required}
        function = {"name": self.name, "description": self.description, "parameters": schema}
        return {"type": "function", "function": function}


class WrittenCall(_Strict):
    """A tool that the model asked for. Text is taken as the arguments' JSON, also if it is none."""

    name: str
    arguments: dict[str, Any] | str = Field(default_factory=dict)

    def in_message(self, call_id: str) -> dict[str, Any]:
        """An entry of `tool_calls` in OpenAI's chat API."""
        written = self.arguments
        text = written if isinstance(written, str) else json.dumps(written, ensure_ascii=False)
        return {
            "id": call_id,
            "type": "function",
            "function": {"name": self.name, "arguments": text},
        }


class WrittenMessage(_Strict):
    """One message: a user's, an assistant's with text, `calls` or both, or the result of a tool.

    A result that is no text was JSON. Results answer the calls before them in their order.
    """

    user: str | None = None
    assistant: str | None = None
    calls: list[WrittenCall] = Field(default_factory=list)
    tool: str | dict[str, Any] | list[Any] | None = None

    @model_validator(mode="after")
    def _says_one_thing(self) -> WrittenMessage:
        of_assistant = self.assistant is not None or bool(self.calls)
        if [self.user is not None, of_assistant, self.tool is not None].count(True) != 1:
            raise ValueError("a message is one of `user`, `assistant` with or without `calls`, "
                             "and `tool`")  # fmt: skip
        return self


class WrittenRecord(_Strict):
    """One record as it stands in a file.

    `asked_on` is the day of the inference (`date`); a judge is told it, and so can read "tomorrow".
    `documents` are sent beside the messages, as vLLM takes them for chat templates with retrieval.
    """

    id: str = Field(min_length=1)
    difficulty: Difficulty
    asked_on: date = Field(default=_DATE, alias="date")
    system: str | None = None
    tools: list[WrittenTool] = Field(default_factory=list)
    documents: list[dict[str, str]] = Field(default_factory=list)
    question: str | None = None
    messages: list[WrittenMessage] = Field(default_factory=list)
    answer: str | None = Field(default=None, min_length=1)
    calls: list[WrittenCall] = Field(default_factory=list)
    labels: dict[str, Label] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _asks_once(self) -> WrittenRecord:
        if (self.question is None) == (not self.messages):
            raise ValueError("give either `question` or `messages`")
        return self

    @model_validator(mode="after")
    def _answers(self) -> WrittenRecord:
        if self.answer is None and not self.calls:
            raise ValueError("give `answer`, `calls` or both")
        return self

    def capture(self) -> dict[str, Any]:
        """What SageMaker would have captured of it, from a server with OpenAI's chat API."""
        asked: dict[str, Any] = {"messages": list(self._messages())}
        if self.tools:
            asked["tools"] = [tool.in_request() for tool in self.tools]
        if self.documents:
            asked["documents"] = self.documents
        answer = _of_assistant(self.answer, self.calls, "call_answer")
        finish_reason = "tool_calls" if self.calls else "stop"
        choice = {"index": 0, "message": answer, "finish_reason": finish_reason}
        return {
            "captureData": {
                "endpointInput": _side("INPUT", asked),
                "endpointOutput": _side("OUTPUT", {"choices": [choice]}),
            },
            "eventMetadata": {
                "eventId": self.id,
                "inferenceTime": f"{self.asked_on.isoformat()}T00:00:00Z",
            },
            "eventVersion": "0",
        }

    def _messages(self) -> Iterator[dict[str, Any]]:
        if self.system is not None:
            yield {"role": "system", "content": self.system}
        if self.question is not None:
            yield {"role": "user", "content": self.question.strip()}
        open_calls: list[str] = []
        for place, message in enumerate(self.messages):
            if message.user is not None:
                yield {"role": "user", "content": message.user}
            elif message.tool is not None:
                call_id = open_calls.pop(0) if open_calls else f"call_{place}"
                yield {"role": "tool", "tool_call_id": call_id, "content": _result(message.tool)}
            else:
                said = _of_assistant(message.assistant, message.calls, f"call_{place}")
                open_calls = [call["id"] for call in said.get("tool_calls", [])]
                yield said


def _of_assistant(text: str | None, calls: list[WrittenCall], call_id: str) -> dict[str, Any]:
    content = None if text is None else text.strip()
    message: dict[str, Any] = {"role": "assistant", "content": content}
    if calls:
        message["tool_calls"] = [c.in_message(f"{call_id}_{n}") for n, c in enumerate(calls)]
    return message


def _result(result: str | dict[str, Any] | list[Any]) -> str:
    return result if isinstance(result, str) else json.dumps(result, ensure_ascii=False)


def _side(mode: str, body: dict[str, Any]) -> dict[str, Any]:
    return {
        "observedContentType": "application/json",
        "mode": mode,
        "data": json.dumps(body, ensure_ascii=False),
        "encoding": "JSON",
    }
