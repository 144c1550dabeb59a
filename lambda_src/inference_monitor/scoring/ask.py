"""Ask the judge within the budget, and say what came of it."""

from __future__ import annotations

from typing import Protocol

from botocore.exceptions import ReadTimeoutError
from mlflow.entities import Feedback

from inference_monitor.config.models import ModelTable
from inference_monitor.config.specs import bedrock_model_id
from inference_monitor.domain import JudgeUsage
from inference_monitor.errors import JudgeUnavailableError
from inference_monitor.scoring.cost.forecast import Forecast, PricedCall
from inference_monitor.scoring.error_codes import UNREADABLE_VERDICT
from inference_monitor.scoring.judge.client import Judge, JudgeRefusedError
from inference_monitor.scoring.judge.converse import Answer, JudgeRequest
from inference_monitor.scoring.record import Allowance, Scored


class AskedCall(PricedCall, Protocol):
    """What is needed of a `calls.JudgeCall`; third-party metrics make calls of their own."""

    @property
    def request(self) -> JudgeRequest:
        """The question."""

    def read(self, answer: Answer, cost_usd: float | None) -> list[Feedback]:
        """The assessments that an answer gives; errors where it is declined or unreadable."""

    def refused(self, reason: str) -> list[Feedback]:
        """The assessments when Bedrock will not take the call at all."""


class Asking:
    """One judge for all scorers of a deployment; called from several threads at once."""

    def __init__(self, judge: Judge, prices: ModelTable) -> None:
        self._judge = judge
        self._prices = prices
        self._forecast = Forecast(prices)

    def ask(self, call: AskedCall, allowance: Allowance) -> Scored:
        """Make a call if the budget has room for it.

        Raises:
            JudgeUnavailableError: If the judge could not be asked.
        """
        reservation = allowance.budget.reserve(self._forecast.usd_to_reserve(call))
        if reservation is None:
            return Scored(exhausted=True)
        try:
            answer = self._judge.ask(
                call.request,
                self._quota_tokens(call),
                deadline=allowance.deadline,
                refused=allowance.refused_judges,
            )
        except JudgeRefusedError as refusal:
            reservation.settle(0)
            return Scored(
                call.refused(str(refusal)), refused=True, usage=JudgeUsage(calls=int(refusal.asked))
            )
        except JudgeUnavailableError as error:
            # An answer that came too late may be on the bill; anything else is not.
            if not isinstance(error.__cause__, ReadTimeoutError):
                reservation.settle(0)
            raise
        cost = answer.cost(self._prices, bedrock_model_id(call.model))
        reservation.settle(self._assumed_cost(answer) if cost is None else cost)
        self._forecast.learn(call, answer.all_input_tokens, answer.output_tokens)
        feedbacks = call.read(answer, cost)
        codes = {feedback.error.error_code for feedback in feedbacks if feedback.error}
        return Scored(
            feedbacks,
            declined=answer.declined is not None,
            unreadable=UNREADABLE_VERDICT in codes,
            usage=JudgeUsage(
                calls=1,
                input_tokens=answer.all_input_tokens,
                output_tokens=answer.output_tokens,
                cost_usd=cost or 0.0,
            ),
        )

    def _quota_tokens(self, call: AskedCall) -> int:
        """About what a call will take from the quota per minute."""
        weight = self._judge.negotiation.model(bedrock_model_id(call.model)).output_weight
        return call.estimated_input_tokens + weight * self._forecast.output_tokens(call)

    def _assumed_cost(self, answer: Answer) -> float:
        """What an answer is taken to cost, for the caps, if the price of its model is not known."""
        return self._prices.assumed_price().usd(
            answer.input_tokens,
            answer.output_tokens,
            answer.cache_read_tokens,
            answer.cache_write_tokens,
        )
