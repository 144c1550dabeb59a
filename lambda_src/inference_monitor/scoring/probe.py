"""Ask a judge once, about nothing of anybody's: whether it answers, and what it takes."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from inference_monitor.errors import JudgeUnavailableError
from inference_monitor.scoring.answer import Answer
from inference_monitor.scoring.calls import declined_message
from inference_monitor.scoring.judge import Judge, JudgeRefusedError
from inference_monitor.scoring.requests import JudgeRequest
from inference_monitor.scoring.specs import InferenceParameters
from inference_monitor.scoring.verdict import UnreadableVerdictError, one_of

_SYSTEM = "You judge whether an answer is in English. First give the rationale, then the result."
_USER = "<answer>\nParis is the capital of France.\n</answer>\nIs the answer in English?"
_FORMAT = one_of(["yes", "no"])
_TOKENS = 600  # sent and answered, for the pace


@dataclass(frozen=True, slots=True)
class Probed:
    """What came of it; `problem` is None where there was a verdict.

    `refusals` are those that were met on the way to it; `code` is Bedrock's of a final one.
    """

    model: str
    seconds: float
    refusals: int
    answer: Answer | None = None
    problem: str | None = None
    code: str | None = None


def probe(
    judge: Judge, model: str, parameters: InferenceParameters, *, in_words: bool = False
) -> Probed:
    """Ask `model` (`bedrock:/…`) a small question with the parameters that it will be sent.

    Args:
        judge: Whoever asks; what it learns about the model it keeps.
        model: `bedrock:/…`.
        parameters: The `inference_parameters` of a scorer.
        in_words: Ask as batch jobs do.
    """
    request = JudgeRequest(model, _SYSTEM, _USER, _FORMAT.tool, parameters, in_words=in_words)
    terms = judge.negotiation.model(request.model_id)
    before, began = terms.refusals, time.monotonic()
    answer, problem, code = None, None, None
    try:
        answer = judge.ask(request, _TOKENS)
        problem = _problem(answer)
    except JudgeRefusedError as error:
        problem, code = str(error), error.code
    except JudgeUnavailableError as error:
        problem = str(error)
    seconds = time.monotonic() - began
    return Probed(model, seconds, terms.refusals - before, answer, problem, code)


def _problem(answer: Answer) -> str | None:
    if declined := answer.declined:
        return declined_message(declined)
    try:
        _FORMAT.read(answer.response)
    except UnreadableVerdictError as error:
        return str(error)
    return None


def left_out(parameters: InferenceParameters, sent: Mapping[str, Any]) -> list[str]:
    """The parameters of a scorer that were not sent, because the model refuses them."""
    config = sent.get("inferenceConfig", {})
    names = {"temperature": "temperature", "top_p": "topP", "stop_sequences": "stopSequences"}
    asked = parameters.model_fields_set - {"max_tokens", "additional"}
    given = {name for name in asked if getattr(parameters, name) not in (None, [])}
    missing = {name for name in given if name in names and names[name] not in config}
    if parameters.effort and "effort" not in sent.get("outputConfig", {}):
        missing.add("effort")
    kept = sent.get("additionalModelRequestFields", {})
    return sorted(missing) + [key for key in parameters.additional if key not in kept]
