"""What Bedrock's Converse refuses, as far as it is documented or seen.

The shape of a request is checked against the model of the API that botocore ships, so this knows
every field that Bedrock knows, and no other.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import chain, pairwise
from typing import Any

import botocore.session
from botocore.validate import ParamValidator


def _input_shape() -> Any:
    model = botocore.session.get_session().get_service_model("bedrock-runtime")
    return model.operation_model("Converse").input_shape


_SHAPE = _input_shape()


def first_problem(model_id: str, request: Any) -> str | None:
    """Why Bedrock would refuse a Converse request; None when it would not."""
    if not isinstance(request, dict):
        return "Malformed input request: #: expected type: JSONObject"
    report = ParamValidator().validate({**request, "modelId": model_id}, _SHAPE)
    if report.has_errors():
        return f"Malformed input request: {report.generate_report()}".replace("\n", "; ")
    return next(chain(_conversation(request), _tools(request)), None)


def _conversation(request: dict[str, Any]) -> Iterator[str]:
    messages = request.get("messages") or []
    roles = [message["role"] for message in messages]
    if not roles or roles[0] != "user":
        yield "A conversation must start with a user message."
    if any(role == following for role, following in pairwise(roles)):
        yield "A conversation must alternate between user and assistant roles."
    blocks = [*(request.get("system") or []), *(b for m in messages for b in m["content"])]
    if any(not m["content"] for m in messages):
        yield "The content field in the Message object is empty. Add a ContentBlock object."
    if any("text" in block and not block["text"].strip() for block in blocks):
        yield "The text field in the ContentBlock object is blank. Add text to the text field."
    config = request.get("inferenceConfig") or {}
    if not 0 <= config.get("temperature", 0) <= 1:
        yield "1 validation error: inferenceConfig.temperature must be between 0 and 1"
    if config.get("maxTokens", 1) < 1:
        yield "1 validation error: inferenceConfig.maxTokens must be at least 1"


def _tools(request: dict[str, Any]) -> Iterator[str]:
    config = request.get("toolConfig") or {}
    specs = [tool["toolSpec"] for tool in config.get("tools", []) if "toolSpec" in tool]
    names = [spec["name"] for spec in specs]
    if len(set(names)) != len(names):
        yield "The toolConfig contains duplicate tool names."
    for spec in specs:
        schema = spec["inputSchema"].get("json")
        if not isinstance(schema, dict) or schema.get("type") != "object":
            yield f"toolConfig: the inputSchema of {spec['name']} must be of type object."
    chosen = (config.get("toolChoice") or {}).get("tool", {}).get("name")
    if chosen is not None and chosen not in names:
        yield f"The toolChoice names {json.dumps(chosen)}, which is not among the tools."
