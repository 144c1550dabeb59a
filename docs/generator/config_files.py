"""The pages of the files that users edit: the file's own comments, and the keys of its schema."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, get_args, get_origin

from pydantic import BaseModel

from docs.generator.markdown import code, page, table
from docs.generator.source import ROOT
from inference_monitor.config.conditions import When
from inference_monitor.config.specs import AnySpec, InferenceParameters, ScorerSpec

SCORERS = "lambda_src/scorers.yaml"
PRIVACY = "lambda_src/privacy.yaml"


def scorers_page() -> str:
    """`scorers.yaml`: the keys of each type of scorer, then the file as it is shipped."""
    parts: list[str] = []
    for spec in _specs(AnySpec):
        types = get_args(spec.model_fields["type"].annotation)
        document = " ".join((spec.__doc__ or "").split())
        parts += [f"### {', '.join(code(one) for one in types)}", document]
        parts.append(_keys(spec, without=set(ScorerSpec.model_fields) | {"type"}))
    return page(
        "scorers.yaml",
        f"`{SCORERS}` and the schema that checks it",
        "`inference-monitor scorers check` names every mistake with its line. "
        "[How scoring works](../scoring.md) explains what is judged, when and at which price.",
        "## Keys of every scorer",
        table(
            ("key", "value", "default"), [("`type`", "a type of the list below", "**required**")]
        ).rstrip()
        + "\n"
        + _keys(ScorerSpec).split("\n", 2)[2],
        "## Keys by type",
        *parts,
        "## Keys of `inference_parameters`",
        _keys(InferenceParameters),
        "## Keys of `when`",
        _keys(When),
        "## The file as shipped",
        f"```yaml\n{(ROOT / SCORERS).read_text(encoding='utf-8')}```",
    )


def privacy_page() -> str:
    """`privacy.yaml` as it is shipped."""
    return page(
        "privacy.yaml",
        code(PRIVACY),
        "The deployment reads it when `REDACTION` is `patterns` or `presidio`. "
        "[Redact personal text](../how-to/redact.md) shows how to change it.",
        f"```yaml\n{(ROOT / PRIVACY).read_text(encoding='utf-8')}```",
    )


def _specs(annotation: Any) -> Iterator[type[ScorerSpec]]:
    """The classes of a union, also inside `Annotated`, in their order."""
    if isinstance(annotation, type) and issubclass(annotation, ScorerSpec):
        yield annotation
        return
    if get_origin(annotation) is not None:
        for one in get_args(annotation):
            yield from _specs(one)


def _keys(model: type[BaseModel], without: set[str] | None = None) -> str:
    rows = []
    for name, field in model.model_fields.items():
        if name in (without or ()):
            continue
        key = field.alias or name
        default = "**required**" if field.is_required() else _shown(field.get_default())
        rows.append((code(key), field.description or "", default))
    return table(("key", "value", "default"), rows)


def _shown(default: object) -> str:
    if isinstance(default, BaseModel) or default is None or default == {}:
        return ""
    return code(str(default).lower() if isinstance(default, bool) else default)
