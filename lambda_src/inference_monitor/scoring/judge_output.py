"""What a Converse response of a judge holds: the objects it gave, its thoughts, its stop reason.

A judge that is made to call a tool gives its verdict as the tool's input. One that answers in text
writes a JSON object, plain or in a code fence, or a tool call in the notation it was trained on.
The object must be all that the judge says (besides its thoughts), or stand in a code fence: an
object in the middle of a sentence may be a quotation from the judged text.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Mapping
from typing import Any

TOOL = "verdict"

DECLINED = frozenset({"refusal", "content_filtered", "guardrail_intervened"})
"""Stop reasons of a judge that will not judge the content (Bedrock's API reference, `Converse`;
`refusal` is Anthropic's, passed on by Bedrock)."""

_THOUGHTS = re.compile(r"<(think|thinking|reasoning)>.*?(?:</\1>|\Z)", re.DOTALL)
# DeepSeek's chat template writes the opening tag itself: an answer has the closing one only.
_THOUGHTS_BEFORE = re.compile(r"\A.*</(?:think|thinking|reasoning)>", re.DOTALL)
_FENCE = re.compile(r"```[\w-]*\s*\n?(.*?)```", re.DOTALL)
# Notations for a tool call in text: Llama and Qwen, Mistral, Claude's XML, Qwen Coder's XML.
_WRAPPERS = re.compile(
    r"\A(?:<tool_call>|<function_calls>|<\|python_tag\|>|\[TOOL_CALLS\]|<function=[\w.]+>)\s*"
    r"|\s*(?:</tool_call>|</function_calls>|</function>|<\|eom_id\|>|<\|eot_id\|>)\Z"
)
_PARAMETER = re.compile(r"<parameter(?:=| name=)\"?([\w.-]+)\"?>\s*(.*?)\s*</parameter>", re.DOTALL)
_PYTHON_CALL = re.compile(rf"\[?\s*{TOOL}\s*\(.*\)\s*\]?", re.DOTALL)
_CALL_KEYS = ("parameters", "arguments", "input")


def content(response: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The content blocks of a response; none where it has no message."""
    message = (response.get("output") or {}).get("message") or {}
    return list(message.get("content") or [])


def stop_reason(response: Mapping[str, Any]) -> str:
    """Why the judge stopped, as Bedrock says it."""
    return str(response.get("stopReason"))


def explain_stop(response: Mapping[str, Any]) -> str:
    """The stop reason for an error message, with what helps against it."""
    reason = stop_reason(response)
    return f"stop reason: {reason}" + (", raise max_tokens" if reason == "max_tokens" else "")


def has_thoughts(response: Mapping[str, Any]) -> bool:
    """Whether the model says that it has thought, in a block of its own or in its text."""
    return any(
        "reasoningContent" in block or _THOUGHTS.match(str(block.get("text", "")).lstrip())
        for block in content(response)
    )


def text(response: Mapping[str, Any]) -> str:
    """What the judge says in text, without its thoughts."""
    said = "".join(str(block["text"]) for block in content(response) if "text" in block)
    return _THOUGHTS_BEFORE.sub("", _THOUGHTS.sub("", said)).strip()


def objects(response: Mapping[str, Any]) -> list[Any]:
    """What the judge gave to be read as a verdict, in order; the inputs of its tool calls first.

    An input that is no object, not even written as JSON, stands as it is.
    """
    calls = [block["toolUse"] for block in content(response) if "toolUse" in block]
    inputs = [call.get("input") for call in calls if str(call.get("name")).lower() == TOOL]
    if calls:
        return [decoded(given) for given in inputs]
    said = text(response)
    whole = _objects(said)
    return whole or [given for block in _FENCE.findall(said) for given in _objects(block)]


def repeats(response: Mapping[str, Any], shown: str) -> bool:
    """Whether all that a judge says in text stands in what it was shown, blanks aside.

    A verdict that it only repeats is that of whoever wrote the judged text.
    """
    if any("toolUse" in block for block in content(response)):
        return False
    said = "".join(_unwrapped(text(response)).split())
    return bool(said) and said in "".join(shown.split())


def _objects(said: str) -> list[dict[str, Any]]:
    """The objects that a text consists of; none where it holds anything else."""
    said = _unwrapped(said)
    if parameters := _PARAMETER.findall(said):
        return [dict(parameters)]
    if _PYTHON_CALL.fullmatch(said):
        return _python_calls(said)
    return [_call_input(given) for given in _sequence(said)]


def _unwrapped(said: str) -> str:
    said, before = said.strip(), ""
    while said != before:
        before = said
        said = _WRAPPERS.sub("", said).strip()
        if fenced := _FENCE.fullmatch(said):
            said = fenced[1].strip()
    return said


def _sequence(said: str) -> list[dict[str, Any]]:
    """JSON objects one after the other, or in a list."""
    decoder = json.JSONDecoder(strict=False)  # models write line breaks inside of strings
    found: list[Any] = []
    position = 0
    try:
        while position < len(said):
            given, position = decoder.raw_decode(said, position)
            found += given if isinstance(given, list) else [given]
            position += len(said) - position - len(said[position:].lstrip(" \t\r\n;,"))
    except (ValueError, RecursionError):
        return _python_object(said)
    return found if all(isinstance(given, dict) for given in found) else []


def _python_object(said: str) -> list[dict[str, Any]]:
    """An object in Python's notation, as some models write it: single quotes, True, None."""
    try:
        given = ast.literal_eval(said)
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return []
    return [given] if isinstance(given, dict) else []


def _python_calls(said: str) -> list[dict[str, Any]]:
    try:
        tree = ast.parse(said, mode="eval").body
        calls = tree.elts if isinstance(tree, ast.List) else [tree]
        return [
            {str(keyword.arg): ast.literal_eval(keyword.value) for keyword in call.keywords}
            for call in calls
            if isinstance(call, ast.Call)
        ]
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return []


def _call_input(given: dict[str, Any]) -> Any:
    """The input of a tool call that is written as an object; any other object as it is."""
    function = given.get("function")
    if isinstance(function, Mapping):
        given = dict(function)
    if str(given.get("name", given.get("function", given.get("tool")))).lower() == TOOL:
        for key in _CALL_KEYS:
            if key in given:
                return decoded(given[key])
    if list(given) == [TOOL]:
        return decoded(given[TOOL])
    return given


def decoded(given: Any) -> Any:
    """An object that is given as its JSON text, as its object; anything else as it is."""
    if isinstance(given, str) and (found := _objects(given)):
        return found[0] if len(found) == 1 else given
    return given


def fold_keys(given: Mapping[str, Any]) -> dict[str, Any]:
    """An object whose keys differ from the schema's in case or blanks only."""
    return {str(key).strip().lower(): value for key, value in given.items()}


def thoughts(response: Mapping[str, Any]) -> str:
    """The thoughts that a model shows in blocks of their own; some show none, or a summary."""
    blocks = [
        block["reasoningContent"] for block in content(response) if "reasoningContent" in block
    ]
    return "\n".join(str((block.get("reasoningText") or {}).get("text", "")) for block in blocks)
