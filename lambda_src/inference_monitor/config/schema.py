"""JSON Schemas of the files that users edit, for completion and checks in an editor.

`make schemas` writes them to `docs/schemas`; the first line of each file refers to its schema.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from inference_monitor.config.privacy import PrivacyConfig
from inference_monitor.config.scorers import ScorersConfig

# What every YAML language server supports, by its documentation of 2026-11.
_DIALECT = "http://json-schema.org/draft-07/schema#"


def scorers_schema() -> dict[str, Any]:
    """The JSON Schema of `scorers.yaml`."""
    return _schema(ScorersConfig)


def privacy_schema() -> dict[str, Any]:
    """The JSON Schema of `privacy.yaml`."""
    return _schema(PrivacyConfig)


def write_schemas(folder: Path) -> None:
    """Write `scorers.schema.json` and `privacy.schema.json` into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, schema in (("scorers", scorers_schema()), ("privacy", privacy_schema())):
        text = json.dumps(schema, indent=2, ensure_ascii=False)
        (folder / f"{name}.schema.json").write_text(f"{text}\n", encoding="utf-8")


def _schema(model: type[BaseModel]) -> dict[str, Any]:
    generated = model.model_json_schema(ref_template="#/definitions/{model}")
    definitions = generated.pop("$defs", {})
    return {
        "$schema": _DIALECT,
        **_simplify(generated),
        "definitions": {name: _simplify(part) for name, part in sorted(definitions.items())},
    }


def _simplify(part: Any) -> Any:
    """Leave out titles, defaults that say nothing, and what is not part of JSON Schema.

    An entry of type `mlflow` fits two definitions, so alternatives are `anyOf` instead of `oneOf`.
    """
    if isinstance(part, list):
        return [_simplify(item) for item in part]
    if not isinstance(part, dict):
        return part
    return {
        "anyOf" if key == "oneOf" else key: _simplify(value)
        for key, value in part.items()
        if not (
            key == "discriminator"
            or (key == "title" and isinstance(value, str))
            or (key == "default" and (value is None or isinstance(value, dict)))
        )
    }


if __name__ == "__main__":
    write_schemas(Path(sys.argv[1]))
