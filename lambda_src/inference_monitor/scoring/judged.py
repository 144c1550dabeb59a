"""Scorers that ask a judge."""

from __future__ import annotations

from mlflow.entities import AssessmentError, AssessmentSource, AssessmentSourceType, Feedback
from mlflow.tracing.constant import AssessmentMetadataKey

from inference_monitor.scoring.config import JudgedSpec, bedrock_model_id
from inference_monitor.scoring.judge import Answer, Judge, JudgeRefusedError
from inference_monitor.scoring.prices import PriceTable
from inference_monitor.scoring.prompts import question
from inference_monitor.scoring.record import Record, Scored, attach
from inference_monitor.scoring.verdict import (
    UnreadableVerdictError,
    Verdict,
    verdict_format,
)

JUDGE_REFUSED = "JUDGE_REFUSED"
UNREADABLE_VERDICT = "UNREADABLE_VERDICT"


class JudgedScorer:
    """One question about one inference, in one Converse call."""

    asks_judge = True

    def __init__(self, spec: JudgedSpec, judge: Judge, prices: PriceTable, model: str) -> None:
        self.spec = spec
        self._judge = judge
        self._prices = prices
        self._model = spec.model or model
        self._question = question(spec)
        self._format = verdict_format(spec)

    def score(self, record: Record) -> Scored:
        """Ask the judge; nothing is asked when what the question is about was not captured.

        Raises:
            JudgeUnavailableError: If the judge could not be asked.
        """
        prompt = self._question.ask(record.material) if record.material else None
        if prompt is None:
            return Scored()
        parameters = self.spec.inference_parameters
        try:
            answer = self._judge.ask(prompt, self._format.tool, self._model, parameters)
        except JudgeRefusedError as refusal:
            error = AssessmentError(JUDGE_REFUSED, str(refusal))
            return Scored([self._feedback(record, {}, error=error)], judge_calls=1)
        cost = self._prices.cost(
            bedrock_model_id(self._model), answer.input_tokens, answer.output_tokens
        )
        return Scored(
            [self._read(record, answer, _accounts(answer, cost))],
            judge_calls=1,
            input_tokens=answer.input_tokens,
            output_tokens=answer.output_tokens,
            cost_usd=cost or 0.0,
        )

    def _read(self, record: Record, answer: Answer, accounts: dict[str, str]) -> Feedback:
        try:
            verdict = self._format.read(answer.response)
        except UnreadableVerdictError as unreadable:
            error = AssessmentError(UNREADABLE_VERDICT, str(unreadable))
            return self._feedback(record, accounts, error=error)
        return self._feedback(record, accounts, verdict)

    def _feedback(
        self,
        record: Record,
        accounts: dict[str, str],
        verdict: Verdict | None = None,
        error: AssessmentError | None = None,
    ) -> Feedback:
        shortened = record.material.shortened if record.material else None
        feedback = Feedback(
            name=self.spec.name,
            value=verdict.result if verdict else None,
            rationale=verdict.rationale if verdict else None,
            error=error,
            source=AssessmentSource(AssessmentSourceType.LLM_JUDGE, self._model),
            metadata=accounts | ({"shortened": shortened} if shortened else {}),
        )
        return attach(feedback, record, self.spec)


def _accounts(answer: Answer, cost: float | None) -> dict[str, str]:
    """Tokens and price of a call, under the keys MLflow itself uses for them."""
    accounts = {
        AssessmentMetadataKey.JUDGE_INPUT_TOKENS: str(answer.input_tokens),
        AssessmentMetadataKey.JUDGE_OUTPUT_TOKENS: str(answer.output_tokens),
    }
    if cost is not None:
        accounts[AssessmentMetadataKey.JUDGE_COST] = f"{cost:.8f}"
    return accounts
