"""What a model answers: thoughts, then a call or a text, within the tokens that it may use."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass
from typing import Any

from local.judge.answer import SAYS, fill_in
from local.judge.asked import Asked
from local.judge.behaviour import Behaviour
from local.judge.models import Model
from local.judge.opinion import Material
from local.judge.spelling import as_text, spell

DEFAULT_OUTPUT = 4096
"""The most output tokens where a request does not say."""
_PROSE = f"{SAYS} and it has no verdict to give."
_BLOCKED = "Sorry, the model cannot answer this question."
# What effort makes of the tokens between the least and the usual number; unknown words are usual.
_EFFORT = {"minimal": 0.0, "low": 0.0, "medium": 0.5, "xhigh": 1.5, "max": 2.0}


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer to a request; `thoughts` are part of `output_tokens`."""

    content: list[dict[str, Any]]
    stop_reason: str
    output_tokens: int
    thoughts: int = 0
    declined: bool = False

    def response(self, usage: dict[str, Any], latency_ms: int) -> dict[str, Any]:
        """The body of the Converse response; `usage` is all of the tokens but the output."""
        numbers = [self.output_tokens, *(n for n in usage.values() if n is not None)]
        return {
            "output": {"message": {"role": "assistant", "content": self.content}},
            "stopReason": self.stop_reason,
            "usage": {**usage, "outputTokens": self.output_tokens, "totalTokens": sum(numbers)},
            "metrics": {"latencyMs": latency_ms},
        }


def reply(model_id: str, model: Model, asked: Asked, behaviour: Behaviour) -> Reply:
    """Answer a request that was not refused."""
    material = Material.found_in(asked.said)
    if reason := behaviour.declined(model_id, material.answer):
        content = [] if reason == "refusal" else [{"text": _BLOCKED}]
        return Reply(content, reason, _tokens(content), declined=True)
    mode = behaviour.of(model_id)
    thoughts = behaviour.thoughts if mode == "thinks" else _thoughts(model, asked)
    block = {"text": _PROSE} if mode == "malformed" else _answer(model, asked, material)
    said = _tokens(block)
    most = asked.config.get("maxTokens", min(DEFAULT_OUTPUT, model.output))
    thought = [_thought(thoughts)] if thoughts else []
    if thoughts >= most:
        return Reply(thought, "max_tokens", most, most)
    if thoughts + said > most:
        return Reply([*thought, _cut(block, most - thoughts)], "max_tokens", most, thoughts)
    stop_reason = "tool_use" if "toolUse" in block else "end_turn"
    return Reply([*thought, block], stop_reason, thoughts + said, thoughts)


def _thoughts(model: Model, asked: Asked) -> int:
    """The tokens that a model thinks before it answers."""
    if not asked.thinks:
        return 0
    least, usual = model.thoughts
    return int(least + (usual - least) * _EFFORT.get(asked.effort or "", 1.0))


def _answer(model: Model, asked: Asked, material: Material) -> dict[str, Any]:
    if asked.schema is not None:
        # Its grammar lets the model spell nothing otherwise.
        return {"text": json.dumps(fill_in(asked.schema, material))}
    if asked.tool is not None:
        return _of_tool(model, asked.tool, material, forced=asked.tool_choice != "auto")
    if asked.told_schema is not None:
        verdict = spell(fill_in(asked.told_schema, material), asked.told_schema, model.spells)
        return {"text": as_text(verdict, model.words)}
    return {"text": _PROSE}


def _of_tool(
    model: Model, tool: dict[str, Any], material: Material, *, forced: bool
) -> dict[str, Any]:
    schema = tool["inputSchema"]["json"]
    verdict = fill_in(schema, material)
    if not tool.get("strict"):
        verdict = spell(verdict, schema, model.spells)
    if not forced and model.offered != "call":
        return {"text": as_text(verdict, model.offered, tool["name"])}
    use_id = f"tooluse_{uuid.uuid4().hex[:22]}"
    return {"toolUse": {"toolUseId": use_id, "name": tool["name"], "input": verdict}}


def _thought(tokens: int) -> dict[str, Any]:
    """A block of thoughts; models show a short form of what they have counted."""
    text = f"{SAYS} it has thought for {tokens} tokens about what is yes and what is no."
    return {"reasoningContent": {"reasoningText": {"text": text, "signature": "c2lnbmVk"}}}


def _cut(block: dict[str, Any], tokens: int) -> dict[str, Any]:
    """An answer that has broken off; of a call's input nothing is left."""
    if "toolUse" in block:
        return {"toolUse": {**block["toolUse"], "input": {}}}
    return {"text": block["text"][: 4 * tokens]}


def _tokens(said: Any) -> int:
    # Four characters a token, as a rule of thumb for English.
    return len(json.dumps(said)) // 4 + 1
