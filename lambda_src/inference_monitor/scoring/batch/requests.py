"""Judge calls as records of a batch job, and its answers as answers of the judge.

Bedrock's user guide ("Process multiple prompts with batch inference"): a record of the Converse
type that holds a `toolConfig` fails. So the judge writes the tool's input as text; it is read by
the same strict schema. Prompt caching is left out as well, which batch jobs do not have.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from inference_monitor.scoring.answer import Answer
from inference_monitor.scoring.calls import JudgeCall
from inference_monitor.scoring.verdict import TOOL

_INSTEAD_OF_THE_TOOL = f"""\
No tool can be called here. Where you are told to call the tool `{TOOL}`, write what you would \
call it with: one JSON object, nothing before it and nothing after it, that fits this JSON schema:
"""
_FENCED = re.compile(r"```(?:json)?\s*(.*?)\s*```", re.DOTALL)


def model_input(call: JudgeCall) -> dict[str, Any]:
    """The body of a Converse request without tools, for a job of the model that the call is for."""
    request = call.request
    schema = json.dumps(call.tool["toolSpec"]["inputSchema"]["json"])
    texts = [block["text"] for block in request["system"] if "text" in block]
    told = "\n\n".join([*texts, _INSTEAD_OF_THE_TOOL + schema])
    left_out = ("modelId", "toolConfig", "system")
    return {"system": [{"text": told}]} | {k: v for k, v in request.items() if k not in left_out}


def prompt_version(of_call: str) -> str:
    """The version of a prompt that ends as `model_input` ends it."""
    return f"{of_call}+json"


def answer_of(model_output: Mapping[str, Any]) -> Answer:
    """A record's output as an answer in which the judge has called its tool.

    One whose text is no JSON object stays as it is, and has no verdict to be read.
    """
    response = _without_nulls(model_output)
    content = response.get("output", {}).get("message", {}).get("content", [])
    given = _object("".join(block["text"] for block in content if "text" in block))
    if given is not None:
        call = {"toolUse": {"toolUseId": "written", "name": TOOL, "input": given}}
        response["output"] = {"message": {"role": "assistant", "content": [call]}}
    return Answer.of(response)


def _object(text: str) -> dict[str, Any] | None:
    fenced = _FENCED.fullmatch(text.strip())
    try:
        given = json.loads(fenced[1] if fenced else text)
    except (ValueError, RecursionError):
        return None
    return given if isinstance(given, dict) else None


def _without_nulls(value: Any) -> Any:
    """Jobs write every member of a union and every count, with null for what there is not."""
    if isinstance(value, Mapping):
        return {k: _without_nulls(v) for k, v in value.items() if v is not None}
    if isinstance(value, list):
        return [_without_nulls(item) for item in value]
    return value
