"""How a third-party metric asks our judge: for a text, or for a schema to be filled in."""

from __future__ import annotations

from dataclasses import dataclass, field

from inference_monitor.config.specs import InferenceParameters
from inference_monitor.domain import JudgeUsage
from inference_monitor.errors import JudgeUnavailableError, MonitorError
from inference_monitor.scoring.ask import Asking
from inference_monitor.scoring.judge.answer import Answer
from inference_monitor.scoring.judge.calls import declined_message
from inference_monitor.scoring.judge.verdict import UnreadableVerdictError
from inference_monitor.scoring.record import Allowance, Scored
from inference_monitor.scoring.third_party.answers import Wanted, explanations, filled_in, said
from inference_monitor.scoring.third_party.calls import MetricCall


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
