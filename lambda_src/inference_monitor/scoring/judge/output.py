"""What a Converse response of a judge holds: the objects it gave, its thoughts, its stop reason.

A judge that is made to call a tool gives its verdict as the tool's input. One that answers in text
writes a JSON object, plain or in a code fence, or a tool call in the notation it was trained on.
The object must be all that the judge says (besides its thoughts), or stand in a code fence: an
object in the middle of a sentence may be a quotation from the judged text.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from inference_monitor.families.thoughts import separate_thoughts
from inference_monitor.inference import Choice
from inference_monitor.scoring.judge.written_objects import (
    FENCE,
    decoded,
    is_verdict_tool,
    unwrapped,
    written_objects,
)

DECLINED = frozenset({"refusal", "content_filtered", "guardrail_intervened"})
"""Stop reasons of a judge that will not judge the content (Bedrock's API reference, `Converse`;
`refusal` is Anthropic's, passed on by Bedrock)."""


def content(response: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The content blocks of a response; none where it has no message."""
    message = (response.get("output") or {}).get("message") or {}
    blocks = message.get("content") or []
    return [block for block in blocks if isinstance(block, Mapping)]


def stop_reason(response: Mapping[str, Any]) -> str:
    """Why the judge stopped, as Bedrock says it."""
    return str(response.get("stopReason"))


def explain_stop(response: Mapping[str, Any]) -> str:
    """The stop reason for an error message, with what helps against it."""
    reason = stop_reason(response)
    return f"stop reason: {reason}" + (", raise max_tokens" if reason == "max_tokens" else "")


def has_thoughts(response: Mapping[str, Any]) -> bool:
    """Whether the model says that it has thought, in a block of its own or in its text."""
    in_blocks = any("reasoningContent" in block for block in content(response))
    return in_blocks or _said(response).reasoning is not None


def text(response: Mapping[str, Any]) -> str:
    """What the judge says in text, without its thoughts."""
    return (_said(response).text or "").strip()


def objects(response: Mapping[str, Any]) -> list[Any]:
    """What the judge gave to be read as a verdict, in order; the inputs of its tool calls first.

    An input that is no object, not even written as JSON, stands as it is.
    """
    calls = _tool_calls(response)
    if calls:
        return [decoded(call.get("input")) for call in calls if is_verdict_tool(call.get("name"))]
    said = _said(response)
    if said.tool_calls:  # of the harmony format
        return [decoded(call.arguments) for call in said.tool_calls if is_verdict_tool(call.name)]
    whole = written_objects(said.text or "")
    return whole or [one for block in _fenced(said.text or "") for one in written_objects(block)]


def repeats(response: Mapping[str, Any], shown: str) -> bool:
    """Whether what a judge gives in text stands in what it was shown, blanks aside.

    A verdict that it only repeats is that of whoever wrote the judged text.
    """
    if _tool_calls(response):
        return False
    said = text(response)
    given = (
        [said] if written_objects(said) else [one for one in _fenced(said) if written_objects(one)]
    )
    compared = ["".join(unwrapped(one).split()) for one in given or [said]]
    shown = "".join(shown.split())
    return any(one and one in shown for one in compared)


def _tool_calls(response: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    calls = [block.get("toolUse") for block in content(response)]
    return [call for call in calls if isinstance(call, Mapping)]


def _said(response: Mapping[str, Any]) -> Choice:
    """The text of an answer, apart from its thoughts."""
    said = "".join(str(block["text"]) for block in content(response) if "text" in block)
    # A verdict may speak of the marks of thoughts.
    return Choice(said) if written_objects(said) else separate_thoughts(Choice(said))


def _fenced(said: str) -> list[str]:
    return [one or other for one, other in FENCE.findall(said)]


def thoughts(response: Mapping[str, Any]) -> str:
    """The thoughts that a model shows in blocks of their own; some show none, or a summary."""
    blocks = [
        block["reasoningContent"] for block in content(response) if "reasoningContent" in block
    ]
    return "\n".join(str((block.get("reasoningText") or {}).get("text", "")) for block in blocks)
