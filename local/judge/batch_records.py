"""A record of a batch job, answered as Bedrock answers one of the Converse type.

What it refuses and how it writes is documented ("Process multiple prompts with batch inference",
"View the results of a batch inference job"), or was seen by others: members of a union that are not
there, and counts of nothing, are written as null.
"""

from __future__ import annotations

import json
from typing import Any

from botocore.session import get_session

from local.judge.answer import SAYS, fill_in
from local.judge.converse import first_problem, said_by_user
from local.judge.opinion import Material

_NO_TOOLS = "toolConfig is not supported for batch inference with the Converse invocation type."


def _empty_block() -> dict[str, Any]:
    block: Any = get_session().get_service_model("bedrock-runtime").shape_for("ContentBlock")
    return dict.fromkeys(block.members)


_BLOCK = _empty_block()


def answered(model_id: str, line: bytes) -> dict[str, Any]:
    """The line of the output for a line of the input."""
    record = json.loads(line)
    request = record.get("modelInput")
    given = {"recordId": record.get("recordId"), "modelInput": request}
    problem = first_problem(model_id, request)
    if not problem and "toolConfig" in request:
        problem = _NO_TOOLS
    if problem:
        return {**given, "error": {"errorCode": 400, "errorMessage": problem}}
    schema = _schema(request)
    text = f"{SAYS} and it has no verdict to give."
    if schema:
        text = json.dumps(fill_in(schema, Material.found_in(said_by_user(request))))
    used = {"inputTokens": len(line) // 4 + 1, "outputTokens": len(text) // 4 + 1}
    return {
        **given,
        "modelOutput": {
            "output": {"message": {"role": "assistant", "content": [{**_BLOCK, "text": text}]}},
            "stopReason": "end_turn",
            "usage": {
                **used,
                "totalTokens": sum(used.values()),
                "cacheReadInputTokens": None,
                "cacheWriteInputTokens": None,
            },
            "metrics": {"latencyMs": 0},
        },
    }


def _schema(request: dict[str, Any]) -> dict[str, Any] | None:
    """The JSON schema that the answer is asked to fit; None where a text may be answered."""
    told = "\n".join(block.get("text", "") for block in request.get("system", ()))
    try:
        schema = json.loads(told.rpartition("\n")[2])
    except ValueError:
        return None
    return schema if isinstance(schema, dict) and schema.get("type") == "object" else None
