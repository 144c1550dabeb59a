"""Ask a judge once, about nothing of anybody's: whether it answers, and what it takes."""

from __future__ import annotations

import time
from dataclasses import dataclass

from inference_monitor.config.specs import InferenceParameters, bedrock_model_id
from inference_monitor.errors import JudgeUnavailableError
from inference_monitor.scoring.judge.calls import declined_message
from inference_monitor.scoring.judge.client import Judge, JudgeRefusedError
from inference_monitor.scoring.judge.converse import ADDITIONAL, Answer, JudgeRequest, Terms
from inference_monitor.scoring.judge.verdict import UnreadableVerdictError, one_of

_SYSTEM = "You judge whether an answer is in English. First give the rationale, then the result."
_USER = "<answer>\nParis is the capital of France.\n</answer>\nIs the answer in English?"
_FORMAT = one_of(["yes", "no"])
_TOKENS = 600  # sent and answered, for the pace


@dataclass(frozen=True, slots=True)
class Probed:
    """What came of it; `problem` is None where there was a verdict.

    `refusals` are those that were met on the way to it, `left_out` the parameters that were asked
    for and are not sent any more, `code` Bedrock's of a refusal that is final.
    """

    model: str
    seconds: float
    refusals: int
    left_out: list[str]
    thinks: bool
    answer: Answer | None = None
    problem: str | None = None
    code: str | None = None

    @property
    def model_id(self) -> str:
        """The id or ARN that Bedrock's API takes."""
        return bedrock_model_id(self.model)


def probe(
    judge: Judge, model: str, parameters: InferenceParameters, *, in_words: bool = False
) -> Probed:
    """Ask a small question, with the parameters that the model will be sent.

    Args:
        judge: Whoever asks; what it learns about the model it keeps.
        model: `bedrock:/…`.
        parameters: The `inference_parameters` of a scorer.
        in_words: Ask as batch jobs do.
    """
    request = JudgeRequest(model, _SYSTEM, _USER, _FORMAT.tool, parameters, in_words=in_words)
    known = judge.negotiation.model(request.model_id)
    before, began = known.refusals, time.monotonic()
    answer, problem, code = None, None, None
    try:
        answer = judge.ask(request, _TOKENS)
        problem = _problem(answer)
    except JudgeRefusedError as error:
        problem, code = str(error), error.code
    except JudgeUnavailableError as error:
        problem = str(error)
    return Probed(
        model,
        time.monotonic() - began,
        known.refusals - before,
        _left_out(parameters, known.terms),
        known.terms.room > 0,
        answer,
        problem,
        code,
    )


def _problem(answer: Answer) -> str | None:
    if declined := answer.declined:
        return declined_message(declined)
    try:
        _FORMAT.read(answer.response)
    except UnreadableVerdictError as error:
        return str(error)
    return None


def _left_out(parameters: InferenceParameters, terms: Terms) -> list[str]:
    """The parameters of a scorer that its model refuses."""
    named = {
        name
        for name in ("temperature", "top_p", "stop_sequences", "effort")
        if name in parameters.model_fields_set and getattr(parameters, name) not in (None, [])
    }
    refused = named & terms.refuses
    if {"temperature", "top_p"} <= named and "temperature_with_top_p" in terms.refuses:
        refused = refused | {"top_p"}
    own = [key for key in parameters.additional if terms.refuses & {ADDITIONAL, ADDITIONAL + key}]
    return sorted(refused) + own
