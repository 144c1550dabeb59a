"""The JSON schemas of third-party metrics, in the form that every judge model takes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def tool_schema(schema: Mapping[str, Any]) -> dict[str, Any]:
    """A pydantic model's schema without references.

    Amazon Nova's documentation allows a tool's schema `type`, `properties` and `required` at its
    top and nothing else, so definitions are put where they are used. One that contains itself is
    left open at the second level.
    """
    definitions = schema.get("$defs", {})
    whole = _resolved(schema, definitions, ())
    return {
        "type": "object",
        "properties": whole.get("properties", {}),
        "required": whole.get("required", []),
    }


def _resolved(part: Any, definitions: Mapping[str, Any], within: tuple[str, ...]) -> Any:
    if isinstance(part, list):
        return [_resolved(item, definitions, within) for item in part]
    if not isinstance(part, Mapping):
        return part
    if isinstance(reference := part.get("$ref"), str):
        name = reference.rsplit("/", 1)[-1]
        if name in within:
            return {"type": "object"}
        beside = {key: value for key, value in part.items() if key != "$ref"}
        return _resolved({**definitions[name], **beside}, definitions, (*within, name))
    return {
        key: _resolved(value, definitions, within)
        for key, value in part.items()
        # A title that is a mapping is a property of that name.
        if key != "$defs" and not (key == "title" and isinstance(value, str))
    }
