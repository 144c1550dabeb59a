"""Fill in the tool a judge is made to call, whatever its JSON schema asks for."""

from __future__ import annotations

import re
from typing import Any

from local.judge.opinion import Grade, Material, grade, is_criterion

SAYS = "Stand-in judge, no model was asked:"
"""Every rationale begins like this, so that nobody takes these scores for a model's."""

_EXPLAINS = re.compile(r"rationale|reason|explan|justif|thought|comment|evidence", re.IGNORECASE)
_NEGATIVE = re.compile(
    r"no|not\b.*|non.*|in[a-z]+ent|un[a-z]+|false|fail(?:ed|s)?|bad|poor|wrong|unsafe",
    re.IGNORECASE,
)
_PLACE = {"good": 0.0, "middling": 0.5, "bad": 1.0}


def fill_in(schema: dict[str, Any], material: Material) -> Any:
    """An instance of the schema that says what the stand-in thinks of the material.

    The outermost object is one verdict, described by the instructions. A property that names a
    criterion (`safety`, `tone`), or is an object, is a verdict on a criterion of its own.
    """
    return _value(schema, material.instructions, material, schema.get("$defs", {}))


def _value(schema: dict[str, Any], criterion: str, material: Material, defs: dict[str, Any]) -> Any:
    if reference := schema.get("$ref"):
        return _value(defs[reference.rsplit("/", 1)[-1]], criterion, material, defs)
    for choice in ("anyOf", "oneOf", "allOf"):
        if choice in schema:
            return _value(schema[choice][0], criterion, material, defs)
    if schema.get("type") == "object" or "properties" in schema:
        return {
            name: _property(name, part, criterion, material, defs)
            for name, part in schema.get("properties", {}).items()
        }
    if schema.get("type") == "array":
        return [_value(schema.get("items", {}), criterion, material, defs)]
    return _scalar(schema, grade(criterion, material)[0])


def _property(
    name: str, schema: dict[str, Any], criterion: str, material: Material, defs: dict[str, Any]
) -> Any:
    if _EXPLAINS.search(name):
        found, because = grade(criterion, material)
        return f"{SAYS} taken for {found}, because {because}."
    own = is_criterion(name) or schema.get("type") == "object"
    described = f"{name} {schema.get('description', '')}" if own else criterion
    return _value(schema, described, material, defs)


def _scalar(schema: dict[str, Any], found: Grade) -> Any:
    if "const" in schema:
        return schema["const"]
    if labels := schema.get("enum"):
        return _label(labels, found)
    match schema.get("type"):
        case "boolean":
            return found != "bad"
        case "integer" | "number" as kind:
            low, high = schema.get("minimum", 1), schema.get("maximum", 5)
            value = high - (high - low) * _PLACE[found]
            return int(value) if kind == "integer" else float(value)
        case "null":
            return None
        case _:
            return "no" if found == "bad" else "yes"


def _label(labels: list[Any], found: Grade) -> Any:
    """Labels are taken to go from best to worst, unless the first one says no."""
    best_first = labels[::-1] if _NEGATIVE.fullmatch(str(labels[0])) else labels
    # A half rounds to the even place: of two labels, the better one.
    return best_first[round(_PLACE[found] * (len(labels) - 1))]
