"""The model client that third-party metrics call: our judge, with its limits and costs."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from mlflow.entities import Feedback
from pydantic import BaseModel, ValidationError

from inference_monitor.config.specs import InferenceParameters
from inference_monitor.domain import JudgeUsage
from inference_monitor.errors import JudgeUnavailableError, MonitorError
from inference_monitor.scoring.ask import Asking
from inference_monitor.scoring.judge.calls import declined_message
from inference_monitor.scoring.judge.converse import Answer, JudgeRequest
from inference_monitor.scoring.judge.output import TOOL, explain_stop, objects, text
from inference_monitor.scoring.judge.verdict import UnreadableVerdictError
from inference_monitor.scoring.record import Allowance, Scored
from inference_monitor.text import estimate_tokens


def tool_schema(schema: Mapping[str, Any]) -> dict[str, Any]:
    """A pydantic model's schema without references.

    Amazon Nova's documentation allows a tool's schema `type`, `properties` and `required` at its
    top and nothing else, so definitions are put where they are used. One that contains itself is
    left open at the second level.
    """
    definitions = schema.get("$defs", {})
    whole = _resolved(schema, definitions, ())
    return {
        "type": "object",
        "properties": whole.get("properties", {}),
        "required": whole.get("required", []),
    }


def _resolved(part: Any, definitions: Mapping[str, Any], within: tuple[str, ...]) -> Any:
    if isinstance(part, list):
        return [_resolved(item, definitions, within) for item in part]
    if not isinstance(part, Mapping):
        return part
    if isinstance(reference := part.get("$ref"), str):
        name = reference.rsplit("/", 1)[-1]
        if name in within:
            return {"type": "object"}
        beside = {key: value for key, value in part.items() if key != "$ref"}
        return _resolved({**definitions[name], **beside}, definitions, (*within, name))
    return {
        key: _resolved(value, definitions, within)
        for key, value in part.items()
        # A title that is a mapping is a property of that name.
        if key != "$defs" and not (key == "title" and isinstance(value, str))
    }


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


_SYSTEM = "Do what the message says."


@dataclass(slots=True)
class MetricCall:
    """What a metric asks.

    `schema` is what the answer must be an instance of; None where a text is wanted.
    """

    model: str
    parameters: InferenceParameters
    prompt: str
    schema: Mapping[str, Any] | None = None
    answer: Answer | None = None
    refusal: str | None = None

    @property
    def criteria(self) -> tuple[str]:
        """A metric's call is about itself alone."""
        return ("metric",)

    @property
    def request(self) -> JudgeRequest:
        """What is asked, whatever way the judge takes to be asked."""
        tool = None if self.schema is None else self._tool
        return JudgeRequest(self.model, _SYSTEM, self.prompt, tool, self.parameters)

    @property
    def max_output_tokens(self) -> int:
        """The most that the judge may answer."""
        return self.parameters.max_tokens

    @property
    def estimated_input_tokens(self) -> int:
        """About how many tokens are sent."""
        return sum(map(estimate_tokens, (_SYSTEM, self.prompt, json.dumps(self._tool))))

    def read(self, answer: Answer, cost_usd: float | None) -> list[Feedback]:  # noqa: ARG002
        """Keep the answer: what it is worth, the metric says."""
        self.answer = answer
        return []

    def refused(self, reason: str) -> list[Feedback]:
        """Keep why Bedrock will not take the call."""
        self.refusal = reason
        return []

    @property
    def _tool(self) -> dict[str, Any]:
        specification = {
            "name": TOOL,
            "description": "Record the answer.",
            "inputSchema": {"json": tool_schema(self.schema or {})},
        }
        return {"toolSpec": specification}


class NoAnswerError(MonitorError):
    """The metric gets no answer from the judge; the line knows why."""


@dataclass(slots=True)
class JudgeLine:
    """A metric's line to the judge, which one run of the metric uses at a time.

    Metrics swallow what their model raises, and some ask again. So what went wrong is kept here,
    and after a failure that asking again does not cure, nothing more is asked in that run.
    """

    asking: Asking
    model: str
    parameters: InferenceParameters
    used: Scored = field(default_factory=Scored)
    unavailable: JudgeUnavailableError | None = None
    refusal: str | None = None
    declined: str | None = None
    unreadable: str | None = None
    reasons: list[str] = field(default_factory=list)
    _allowance: Allowance | None = None

    def begin(self, allowance: Allowance) -> None:
        """Start a run: nothing is used, nothing is wrong."""
        self.used, self.reasons, self._allowance = Scored(), [], allowance
        self.unavailable = self.refusal = self.declined = self.unreadable = None

    def say(self, prompt: str) -> str:
        """The judge's answer as text.

        Raises:
            NoAnswerError: If there is none.
        """
        return said(self._ask(MetricCall(self.model, self.parameters, prompt)))

    def fill(self, prompt: str, wanted: type[Wanted]) -> Wanted:
        """The judge's answer as an instance of the class that the metric wants.

        Raises:
            NoAnswerError: If there is none, or it is no such instance.
        """
        schema = wanted.model_json_schema()
        answer = self._ask(MetricCall(self.model, self.parameters, prompt, schema))
        try:
            filled = filled_in(answer, wanted)
        except UnreadableVerdictError as error:
            self.unreadable = str(error)
            raise NoAnswerError(self.unreadable) from None
        self.unreadable = None
        self.reasons += explanations(filled.model_dump())
        return filled

    def _ask(self, call: MetricCall) -> Answer:
        over = self.used.pending or self.used.exhausted or self.refusal or self.declined
        if self._allowance is None or over:
            raise NoAnswerError("the judge is not asked any more in this run")
        try:
            asked = self.asking.ask(call, self._allowance)
        except JudgeUnavailableError as error:
            self.unavailable = error
            self.used.pending = True
            self.used.usage += JudgeUsage(calls=1)
            raise NoAnswerError(str(error)) from error
        self._count(asked)
        self.refusal = call.refusal
        if call.answer is None:
            raise NoAnswerError(call.refusal or "the budget is used up")
        if declined := call.answer.declined:
            self.declined = declined_message(declined)
            raise NoAnswerError(self.declined)
        return call.answer

    def _count(self, asked: Scored) -> None:
        used = self.used
        used.exhausted = asked.exhausted
        used.refused |= asked.refused
        used.declined |= asked.declined
        used.usage += asked.usage
