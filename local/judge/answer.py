"""Fill in the tool a judge is made to call, whatever its JSON schema asks for."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from local.judge.opinion import Grade, Material, grade, is_criterion

SAYS = "Stand-in judge, no model was asked:"
"""Every rationale begins like this, so that nobody takes these scores for a model's."""

_EXPLAINS = re.compile(
    r"rationale|reason|explan|justif|thought|comment|evidence|feedback", re.IGNORECASE
)
_NEGATIVE = re.compile(
    r"no|not\b.*|non(?!e\b).*|in[a-z]+ent|un[a-z]+|false|fail(?:ed|s)?|bad|poor|wrong|unsafe|toxic",
    re.IGNORECASE,
)
_FROM_0_TO_1 = re.compile(r"\b0(?:\.0)?(?: to | or | and |-)1(?:\.0)?\b")
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+")
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
        return _list(schema.get("items", {}), criterion, material, defs)
    return _scalar(schema, grade(criterion, material)[0], material)


def _list(
    schema: dict[str, Any], criterion: str, material: Material, defs: dict[str, Any]
) -> list[Any]:
    """A list of texts repeats what the answer says; any other has a verdict on each part of it."""
    if schema.get("type") == "string" and "enum" not in schema:
        answers = [_scalar(schema, grade(q, material)[0], material) for q in material.questions]
        return answers or [*material.items] or _SENTENCE_END.split(material.answer)
    parts = material.items or (material.answer,)
    return [_value(schema, criterion, replace(material, answer=part), defs) for part in parts]


def _property(
    name: str, schema: dict[str, Any], criterion: str, material: Material, defs: dict[str, Any]
) -> Any:
    if _EXPLAINS.search(name) and material.score:
        return f"{SAYS} the score is {material.score}."
    if _EXPLAINS.search(name):
        found, because = grade(criterion, material)
        return f"{SAYS} taken for {found}, because {because}."
    own = is_criterion(name) or schema.get("type") == "object"
    described = f"{name} {schema.get('description', '')}" if own else criterion
    return _value(schema, described, material, defs)


def _scalar(schema: dict[str, Any], found: Grade, material: Material) -> Any:
    if "const" in schema:
        return schema["const"]
    if labels := schema.get("enum"):
        return _label(labels, found, material)
    match schema.get("type"):
        case "boolean":
            return found != "bad"
        case "integer" | "number" as kind:
            low, high = _range(schema, material)
            place = 1 - _PLACE[found] if material.yes_is_bad else _PLACE[found]
            value = high - (high - low) * place
            return int(value) if kind == "integer" else float(value)
        case "null":
            return None
        case _:
            return "no" if found == "bad" else "yes"


def _range(schema: dict[str, Any], material: Material) -> tuple[float, float]:
    """What the schema says, else what is said about it; scales mostly go from 1 to 5."""
    said = f"{schema.get('description', '')} {material.instructions}"
    low, high = (0, 1) if _FROM_0_TO_1.search(said) else (1, 5)
    return schema.get("minimum", low), schema.get("maximum", high)


def _label(labels: list[Any], found: Grade, material: Material) -> Any:
    """Labels are taken to go from best to worst, unless the first one says no."""
    if material.yes_is_bad and labels == ["yes", "no"]:
        return "yes" if found == "bad" else "no"
    best_first = labels[::-1] if _NEGATIVE.fullmatch(str(labels[0])) else labels
    # A half rounds to the even place: of two labels, the better one.
    return best_first[round(_PLACE[found] * (len(labels) - 1))]
