"""The labelled set: its files, its format, and what is wrong with them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Literal, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from inference_monitor.capture.reader import read_document
from inference_monitor.inference import Inference, Source
from inference_monitor_cli.problems import CommandError

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


SHIPPED = Path(__file__).parent / "labelled"
CRITERIA_FILE = "criteria.yaml"
Shape = TypeVar("Shape")

# Reads the same, faster, where PyYAML was built with it.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True, slots=True)
class LabelledRecord:
    """One inference, and what people say about it by criterion; `whys` explains some of it.

    `criteria` are those it was written for: all that have a label, and those where people differ.
    """

    inference: Inference
    source: Source
    domain: str
    difficulty: Difficulty
    criteria: frozenset[str]
    labels: dict[str, LabelValue]
    whys: dict[str, str]

    @property
    def id(self) -> str:
        """Its event id."""
        return self.inference.event_id


@dataclass(frozen=True, slots=True)
class LabelledSet:
    """Records in the order of the files, and the criteria that they have labels for."""

    criteria: dict[str, LabelledCriterion]
    records: list[LabelledRecord]

    def written_for(self, criteria: Collection[str]) -> LabelledSet:
        """The records that are for at least one of some criteria."""
        wanted = frozenset(criteria)
        return LabelledSet(self.criteria, [r for r in self.records if r.criteria & wanted])

    def sample(self, count: int | None) -> LabelledSet:
        """So many of the records, always the same, each sample within all larger ones."""
        drawn = sorted(self.records, key=lambda r: hashlib.sha256(r.id.encode()).digest())[:count]
        ids = {record.id for record in drawn}
        return LabelledSet(self.criteria, [r for r in self.records if r.id in ids])


def load_labelled_set(folder: Path = SHIPPED) -> LabelledSet:
    """Read a labelled set.

    Raises:
        CommandError: If the folder holds none, or something in it cannot be used.
    """
    if not (folder / CRITERIA_FILE).is_file():
        raise CommandError(
            f"there is no labelled set in {folder}: it has no {CRITERIA_FILE}. The shipped one is "
            "in cli/inference_monitor_cli/agreement/labelled of the project; --set FOLDER takes "
            "another"
        )
    criteria = _read(folder / CRITERIA_FILE, dict[str, LabelledCriterion])
    records: dict[str, LabelledRecord] = {}
    for file in sorted(folder.glob("*.yaml")):
        if file.name == CRITERIA_FILE:
            continue
        for record in _records(file, criteria):
            if record.id in records:
                raise CommandError(f"{file}: there are two records with the id {record.id}")
            records[record.id] = record
    if not records:
        raise CommandError(f"the labelled set in {folder} has no records")
    return LabelledSet(criteria, list(records.values()))


def _records(file: Path, criteria: dict[str, LabelledCriterion]) -> Iterator[LabelledRecord]:
    for written in _read(file, list[WrittenRecord]):
        if unknown := sorted(set(written.labels) - set(criteria)):
            raise CommandError(
                f"{file}: record {written.id} has a label for {unknown[0]}, which {CRITERIA_FILE} "
                "does not know"
            )
        inference = read_document(written.capture()).record
        if not isinstance(inference, Inference):
            raise CommandError(f"{file}: record {written.id} is not readable: {inference.reason}")
        given = _usual(written, criteria)
        given |= {name: label.value for name, label in written.labels.items()}
        yield LabelledRecord(
            inference,
            Source("labelled", file.name, "labelled", file.stem),
            file.stem,
            written.difficulty,
            frozenset(given),
            {name: value for name, value in given.items() if value is not None},
            {name: label.why for name, label in written.labels.items()},
        )


def _usual(
    written: WrittenRecord, criteria: dict[str, LabelledCriterion]
) -> dict[str, LabelValue | None]:
    """The labels that go without saying; none if one of those given is for what has no such."""
    usual = {name: c.usually for name, c in criteria.items() if c.usually is not None}
    return {**usual} if usual.keys() >= written.labels.keys() else {}


def _read(file: Path, shape: type[Shape]) -> Shape:
    try:
        document = yaml.load(file.read_text("utf-8"), _LOADER)  # noqa: S506  # both are safe
        return TypeAdapter(shape).validate_python(document)
    except yaml.YAMLError as error:
        raise CommandError(f"{file} is no YAML: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = " → ".join(str(part) for part in first["loc"])
        raise CommandError(f"{file}: {where}: {first['msg']}") from error
