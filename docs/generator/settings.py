"""The page of the deploy settings: `.env.example`, with types and defaults of the model."""

from __future__ import annotations

import re
from typing import Any, get_args

from pydantic.fields import FieldInfo

from docs.generator.markdown import code, page, table
from docs.generator.source import ROOT
from stacks.settings import DeploySettings

_ASSIGNMENT = re.compile(r"^(# )?([A-Z][A-Z0-9_]+)=(.*)$")
_BOUNDS = {"ge": "from {}", "gt": "above {}", "le": "to {}", "lt": "below {}"}


def settings_page() -> str:
    """Every deploy setting, required ones first."""
    told = descriptions((ROOT / ".env.example").read_text(encoding="utf-8"))
    fields = {name.upper(): field for name, field in DeploySettings.model_fields.items()}
    required = [name for name, field in fields.items() if field.is_required()]
    optional = [name for name in fields if name not in required]
    header = ("setting", "what it says", "values", "default", "example")
    return page(
        "Settings",
        "`stacks/settings.py` and `.env.example`",
        "A setting is a line `NAME=value` in `.env`, in the folder from which you deploy, or a "
        "variable of the environment, which wins. An empty value is none. A misspelt name stops "
        "the deployment and the command.",
        "## Required",
        table(header, (_row(name, fields[name], told[name]) for name in required)),
        "## Optional",
        table(header, (_row(name, fields[name], told[name]) for name in optional)),
    )


def descriptions(example: str) -> dict[str, tuple[str, str]]:
    """The comment above each setting of `.env.example`, and the value it is shown with."""
    found: dict[str, tuple[str, str]] = {}
    comment: list[str] = []
    for line in example.splitlines():
        if assigned := _ASSIGNMENT.match(line):
            found[assigned[2]] = (" ".join(comment), assigned[3])
            comment = []
        elif line.startswith("# "):
            comment.append(line[2:])
        else:
            comment = []
    return found


def _row(name: str, field: FieldInfo, told: tuple[str, str]) -> tuple[str, ...]:
    text, example = told
    return (f"{code(name)}", text, _values(field), _default(field), code(example))


def _values(field: FieldInfo) -> str:
    """The choices, or the range, as far as the type tells them."""
    if choices := _choices(field.annotation):
        return ", ".join(code(choice) for choice in choices)
    bounds = [
        text.format(f"{getattr(bound, name):,}")
        for bound in field.metadata
        for name, text in _BOUNDS.items()
        if getattr(bound, name, None) is not None
    ]
    return " ".join(bounds)


def _choices(annotation: Any) -> list[str]:
    """The texts of a `Literal`, also inside `Annotated`."""
    inner = get_args(annotation)
    if inner and all(isinstance(one, str) for one in inner):
        return [str(one) for one in inner]
    return [choice for one in inner for choice in _choices(one)]


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "**required**"
    if field.default_factory is not None:
        return "the endpoint's name"
    return code(field.default) if field.default is not None else ""
