"""What Bedrock refuses of a JSON schema that an answer or a strict tool call is to fit.

Source: the user guide, "Get validated JSON results from models", read in November 2026; the words
are Anthropic's, as users report them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

# The guide names the first two groups; `uniqueItems`, `maxItems` and `oneOf` are users' reports.
_UNSUPPORTED = {
    "number": ("maximum", "minimum", "exclusiveMaximum", "exclusiveMinimum", "multipleOf"),
    "integer": ("maximum", "minimum", "exclusiveMaximum", "exclusiveMinimum", "multipleOf"),
    "string": ("maxLength", "minLength"),
    "array": ("maxItems", "uniqueItems"),
}


def schema_problem(schema: dict[str, Any]) -> str | None:
    """Why a schema is refused; None when it is not."""
    return next(_problems(schema, schema, ()), None)


def _problems(
    schema: dict[str, Any], root: dict[str, Any], inside: tuple[str, ...]
) -> Iterator[str]:
    if reference := schema.get("$ref"):
        yield from _referred(str(reference), root, inside)
    kind = schema.get("type")
    if kind == "object" and schema.get("additionalProperties") is not False:
        yield "For 'object' type, 'additionalProperties' must be explicitly set to false"
    if found := sorted(key for key in _UNSUPPORTED.get(str(kind), ()) if key in schema):
        names = f"properties {', '.join(found)} are" if found[1:] else f"property '{found[0]}' is"
        yield f"For '{kind}' type, {names} not supported"
    if schema.get("minItems", 0) > 1:
        yield "For 'array' type, 'minItems' values other than 0 or 1 are not supported"
    if "oneOf" in schema:
        yield "Schema type 'oneOf' is not supported"
    for part in _parts(schema):
        yield from _problems(part, root, inside)


def _referred(reference: str, root: dict[str, Any], inside: tuple[str, ...]) -> Iterator[str]:
    if not reference.startswith("#/"):
        yield "External schema references are not supported"
    elif reference in inside:
        yield "Recursive schemas are not supported"
    else:
        target: Any = root
        for name in reference.removeprefix("#/").split("/"):
            target = target.get(name, {})
        yield from _problems(target, root, (*inside, reference))


def _parts(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield from schema.get("properties", {}).values()
    for key in ("anyOf", "allOf", "oneOf"):
        yield from schema.get(key, ())
    if isinstance(items := schema.get("items"), dict):
        yield items
