"""Judge calls as records of a batch job, and its answers as answers of the judge.

Bedrock's user guide ("Process multiple prompts with batch inference"): a record of the Converse
type that holds a `toolConfig` fails. So the judge is asked in words, with the parameters that are
known to be taken by its model. Prompt caching is left out as well, which batch jobs do not have.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from inference_monitor.config.specs import InferenceParameters
from inference_monitor.scoring.judge.calls import JudgeCall
from inference_monitor.scoring.judge.converse import Answer, JudgeRequest, Terms, build_request


def batch_request(call: JudgeCall) -> JudgeRequest:
    """What is asked by a job: the same as online, in words."""
    return replace(call.request, in_words=True, cache=False)


def model_input(request: JudgeRequest, terms: Terms) -> dict[str, Any]:
    """The body of a Converse request, for a job of the model that `terms` are of."""
    arguments = build_request(request, terms).arguments
    return {key: value for key, value in arguments.items() if key != "modelId"}


def to_json(request: JudgeRequest) -> str:
    """A question as one line, to be put aside until it is known what its model takes."""
    parameters = request.parameters.model_dump(mode="json", exclude_unset=True)
    return json.dumps([request.model, request.system, request.user, request.tool, parameters])


def from_json(line: bytes) -> JudgeRequest:
    """A question that `to_json` wrote."""
    model, system, user, tool, parameters = json.loads(line)
    given = InferenceParameters.model_validate(parameters)
    return JudgeRequest(model, system, user, tool, given, in_words=True)


def prompt_version(of_call: str) -> str:
    """The version of a prompt that ends as `model_input` ends it."""
    return f"{of_call}+json"


def answer_of(model_output: Mapping[str, Any]) -> Answer:
    """A record's output as an answer of the judge."""
    return Answer.of(_without_nulls(model_output), way="words")


def shown_to(model_input: Any) -> str:
    """What the judge was shown, as the output of a job repeats it."""
    given = model_input if isinstance(model_input, Mapping) else {}
    return "".join(
        str(block.get("text", ""))
        for message in given.get("messages") or ()
        for block in message.get("content") or ()
    )


def _without_nulls(value: Any) -> Any:
    """Jobs write every member of a union and every count, with null for what there is not."""
    if isinstance(value, Mapping):
        return {k: _without_nulls(v) for k, v in value.items() if v is not None}
    if isinstance(value, list):
        return [_without_nulls(item) for item in value]
    return value
