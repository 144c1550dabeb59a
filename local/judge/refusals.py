"""Why Bedrock refuses a call: the model's state, access to it, or something in the request."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from local.judge.asked import Asked
from local.judge.behaviour import Behaviour
from local.judge.converse import first_problem
from local.judge.models import Model, NotReachedError, find_model, load_models
from local.judge.schema_rules import schema_problem

_BY_MODEL = "The model returned the following errors: "


class RefusedError(Exception):
    """A call that is answered with an error; `reason` is what statistics call it."""

    def __init__(self, status: int, error: str, message: str, reason: str) -> None:
        super().__init__(message)
        self.status = status
        self.error = error
        self.message = message
        self.reason = reason


def _invalid(message: str, reason: str) -> RefusedError:
    return RefusedError(400, "ValidationException", message, reason)


def refusal(name: str, model_id: str) -> RefusedError:
    """One of `states` in `models.yaml`."""
    state = load_models().states[name]
    return RefusedError(state.status, state.error, state.says.format(id=model_id), name)


def model_behind(model_id: str, behaviour: Behaviour) -> Model:
    """The model that is called, if it may be.

    Raises:
        RefusedError: If there is none, it is at its end, or this account has no access to it.
    """
    mode = behaviour.of(model_id)
    if mode == "dead":
        raise refusal("end_of_life", model_id)
    if mode == "legacy":
        raise refusal("legacy", model_id)
    if mode == "no_access":
        raise refusal(behaviour.access, model_id)
    try:
        model = find_model(model_id, behaviour.stands_for)
    except NotReachedError as error:
        if behaviour.takes_any_id:
            return Model(id=model_id)
        raise refusal(error.reason, model_id) from None
    if model.ended:
        raise refusal(model.ended, model_id)
    return model


def read_request(model_id: str, model: Model, request: Any) -> Asked:
    """What a request asks for, if the model takes it.

    Raises:
        RefusedError: If it is malformed, or has something that this model does not take.
    """
    if problem := first_problem(model_id, request):
        raise _invalid(problem, "malformed")
    for problem in _schema_texts(request):
        raise _invalid(problem, "malformed")
    asked = Asked.of(request, model.thinks)
    features = asked.features
    for name in model.refuses:
        row = load_models().refusals[name]
        if row.when in features:
            raise _invalid(row.says, name)
    for refused in _limits(asked, model, request):
        raise refused
    return asked


def _schema_texts(request: dict[str, Any]) -> Iterator[str]:
    text_format = (request.get("outputConfig") or {}).get("textFormat") or {}
    definition = (text_format.get("structure") or {}).get("jsonSchema") or {}
    if not text_format:
        return
    try:
        is_object = isinstance(json.loads(definition.get("schema", "")), dict)
    except ValueError:
        is_object = False
    if not is_object:
        yield "outputConfig.textFormat.structure.jsonSchema.schema must be a valid JSON object."


def _limits(asked: Asked, model: Model, request: dict[str, Any]) -> Iterator[RefusedError]:
    if asked.schema is not None and (problem := schema_problem(asked.schema)):
        yield _invalid(f"{_BY_MODEL}output_config.format.schema: {problem}", "schema_keywords")
    if "strict_tool" in asked.features and asked.tool is not None:
        problem = schema_problem(asked.tool["inputSchema"]["json"])
        if problem:
            yield _invalid(f"{_BY_MODEL}tools.0.custom: {problem}", "schema_keywords")
    most = model.output
    if asked.config.get("maxTokens", 0) > most:
        yield _invalid(
            f"The maximum tokens you requested exceeds the model limit of {most}. Try again with a"
            f" maximum tokens value that is lower than {most}.",
            "max_tokens",
        )
    # Four characters a token, as a rule of thumb for English.
    if len(json.dumps(request)) // 4 > model.input:
        yield _invalid("Input is too long for requested model.", "too_long")
