"""Verdicts that mean one thing only, and are spelled otherwise than the schema says."""

from __future__ import annotations

import json
from typing import Any

from local.judge.models import Offered, Spelling


def spell(verdict: Any, schema: dict[str, Any], how: Spelling | None) -> Any:
    """The same verdict as some models spell it, where its type lets them.

    `capital` "Yes", `dotted` "yes.", `boolean` true for "yes", `number_as_text` "4", `extra_field`
    one field too many beside a result, `input_as_text` the whole of it as a JSON string.
    """
    if how is None:
        return verdict
    if how == "input_as_text":
        return json.dumps(verdict)
    return _spell(verdict, schema, how)


def _spell(value: Any, schema: dict[str, Any], how: Spelling) -> Any:
    if isinstance(value, dict):
        parts = schema.get("properties", {})
        spelled = {name: _spell(part, parts.get(name, {}), how) for name, part in value.items()}
        extra = {"confidence": "high"} if how == "extra_field" and "result" in value else {}
        return spelled | extra
    if "enum" in schema and isinstance(value, str):
        return _label(value, how)
    if how == "number_as_text" and isinstance(value, (int, float)) and not isinstance(value, bool):
        return f"{value:g}"
    return value


def _label(label: str, how: Spelling) -> Any:
    match how:
        case "capital":
            return label[:1].upper() + label[1:]
        case "dotted":
            return f"{label}."
        case "boolean" if label in ("yes", "no"):
            return label == "yes"
        case _:
            return label


def as_text(verdict: Any, how: Offered, tool: str = "") -> str:
    """A verdict as text: JSON, in a code fence, or the call of a tool written out.

    Args:
        verdict: The verdict, or the input of the call.
        how: Any but `call`, which is no text.
        tool: The name of the tool that is written about.
    """
    given = verdict if isinstance(verdict, str) else json.dumps(verdict)
    match how:
        case "fenced":
            return f"```json\n{given}\n```"
        case "call_as_json":
            return f'{{"name": {json.dumps(tool)}, "parameters": {given}}}'
        case "call_in_tags":
            call = f'{{"name": {json.dumps(tool)}, "arguments": {given}}}'
            return f"<tool_call>\n{call}\n</tool_call>"
        case _:
            return given
