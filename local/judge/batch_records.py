"""A record of a batch job, answered as Bedrock answers one of the Converse type.

What it refuses and how it writes is documented ("Process multiple prompts with batch inference",
"View the results of a batch inference job"), or was seen by others: members of a union that are not
there, and counts of nothing, are written as null.
"""

from __future__ import annotations

import json
from typing import Any

from botocore.session import get_session

from local.judge.behaviour import Behaviour
from local.judge.refusals import RefusedError, model_behind, read_request
from local.judge.reply import reply

_NO_TOOLS = "toolConfig is not supported for batch inference with the Converse invocation type."


def _empty_block() -> dict[str, Any]:
    block: Any = get_session().get_service_model("bedrock-runtime").shape_for("ContentBlock")
    return dict.fromkeys(block.members)


_BLOCK = _empty_block()


def answered(model_id: str, line: bytes, behaviour: Behaviour) -> dict[str, Any]:
    """The line of the output for a line of the input."""
    record = json.loads(line)
    request = record.get("modelInput")
    given = {"recordId": record.get("recordId"), "modelInput": request}
    try:
        model = model_behind(model_id, behaviour)
        asked = read_request(model_id, model, request)
    except RefusedError as refused:
        return {**given, "error": _error(refused.message)}
    if "toolConfig" in request:
        return {**given, "error": _error(_NO_TOOLS)}
    answer = reply(model_id, model, asked, behaviour)
    usage = {
        "inputTokens": len(line) // 4 + 1,
        "cacheReadInputTokens": None,
        "cacheWriteInputTokens": None,
    }
    output = answer.response(usage, latency_ms=0)
    output["output"]["message"]["content"] = [_BLOCK | block for block in answer.content]
    return {**given, "modelOutput": output}


def _error(message: str) -> dict[str, Any]:
    return {"errorCode": 400, "errorMessage": message}
