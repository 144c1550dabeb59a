"""The JSON Schemas of the files that users edit, and the descriptions that they are made of."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml
from jsonschema import Draft7Validator
from pydantic import BaseModel

from inference_monitor.config.models import ModelTable
from inference_monitor.config.privacy import PrivacyConfig
from inference_monitor.config.schema import privacy_schema, scorers_schema, write_schemas
from inference_monitor.config.scorers import ScorersConfig, load_scorers
from inference_monitor.config.specs import AnySpec, MlflowJudgeSpec, MlflowSpec, ScorerSpec

REPOSITORY = Path(__file__).parents[3]
LAMBDA_SRC = REPOSITORY / "lambda_src"
SCHEMAS = REPOSITORY / "docs" / "schemas"
JUDGE = {"name": "j", "type": "judge", "instructions": "x"}

VALID: list[dict[str, Any]] = [
    {"name": "a", "type": "safety", "model": "bedrock:/amazon.nova-pro-v1:0", "judging": "panel"},
    {"name": "b", "type": "guidelines", "guidelines": "Be brief.", "version": 2},
    {"name": "c", "type": "guidelines", "guidelines": ["Be brief.", "Be kind."]},
    {**JUDGE, "output": "bool", "needs_text": True},
    {**JUDGE, "output": "number", "range": [1, 5]},
    {**JUDGE, "output": ["good", "fair", "poor"], "sample_rate": 0.1},
    {"name": "d", "type": "token_count", "when": {"status": "error", "input_tokens": [1, None]}},
    {"name": "e", "type": "code", "function": "mine:polite", "when": {"kind": ["llm", "other"]}},
    {"name": "f", "type": "mlflow", "class": "mlflow.genai.scorers.Completeness"},
    {"name": "g", "type": "mlflow", "class": "mine.Own", "arguments": {"a": [1]}},
    {"name": "h", "type": "fluency", "when": {"tag": {"tenant": ["acme"]}, "tool_calls": False}},
    {"name": "i", "type": "safety", "inference_parameters": {"temperature": None, "top_p": 0.5}},
]
INVALID: list[dict[str, Any]] = [
    {"name": "a", "type": "safety", "sample_rates": 0.5},
    {"name": "a", "type": "safty"},
    {"name": "a b", "type": "safety"},
    {"name": "a", "type": "safety", "sample_rate": 1.5},
    {"name": "a", "type": "guidelines"},
    {"name": "a", "type": "guidelines", "guidelines": []},
    {"name": "a", "type": "safety", "when": {"variants": "x"}},
    {"name": "a", "type": "safety", "model": "claude"},
    {"name": "a", "type": "safety", "version": 1.5},
    {"name": "a", "type": "token_count", "judging": "panel"},
    {**JUDGE, "output": ["one"]},
    {"type": "safety"},
]


def is_valid(document: Any) -> bool:
    """Whether an editor would accept a `scorers.yaml`."""
    return bool(Draft7Validator(scorers_schema()).is_valid(document))


def test_the_written_schemas_are_up_to_date(tmp_path: Path) -> None:
    """`make schemas` would change nothing, and leaves no other file behind."""
    write_schemas(tmp_path)
    names = [path.name for path in sorted(SCHEMAS.iterdir())]
    assert names == ["privacy.schema.json", "scorers.schema.json"]
    for name in names:
        assert (tmp_path / name).read_text() == (SCHEMAS / name).read_text(), "run `make schemas`"


@pytest.mark.parametrize("name", ["scorers", "privacy"])
def test_the_shipped_files_are_valid_and_name_their_schema(name: str) -> None:
    """An editor finds the schema beside the repository's file, and marks nothing in it."""
    file = LAMBDA_SRC / f"{name}.yaml"
    first, _, _ = file.read_text().partition("\n")
    schema = file.parent / first.removeprefix("# yaml-language-server: $schema=")
    loaded = json.loads(schema.read_text())
    Draft7Validator.check_schema(loaded)
    assert list(Draft7Validator(loaded).iter_errors(yaml.safe_load(file.read_text()))) == []


@pytest.mark.parametrize("scorer", VALID, ids=lambda scorer: str(scorer)[:60])
def test_what_the_check_accepts_an_editor_accepts(scorer: dict[str, Any], tmp_path: Path) -> None:
    """An entry of each type, and each way to write a value."""
    document = {"scorers": [scorer], "always": [{"when": scorer.get("when", {"variant": "x"})}]}
    file = tmp_path / "scorers.yaml"
    file.write_text(yaml.safe_dump(document))
    load_scorers(file)
    assert is_valid(document)


@pytest.mark.parametrize("scorer", INVALID, ids=lambda scorer: str(scorer)[:60])
def test_an_editor_marks_what_is_wrong(scorer: dict[str, Any]) -> None:
    """Misspelt keys and types, missing ones, and values that cannot be."""
    assert is_valid({"scorers": []})
    assert not is_valid({"scorers": [scorer]})


def test_a_misspelt_key_is_marked_in_every_part() -> None:
    """On top, in a rule, and in `privacy.yaml`."""
    assert not is_valid({"scorers": [], "judgeing": "each"})
    assert not is_valid({"scorers": [], "always": [{"first_per_hours": 1}]})
    privacy = Draft7Validator(privacy_schema())
    assert privacy.is_valid({"patterns": {"ORDER": "A-1"}, "presidio": {"language": "de"}})
    assert not privacy.is_valid({"patern": {}})
    assert not privacy.is_valid({"patterns": {"order": "A-1"}})
    assert not privacy.is_valid({"presidio": {"entity": ["PERSON"]}})


def test_the_examples_of_the_documentation_are_valid() -> None:
    """The scorers that the shipped file has commented out can be switched on."""
    text = (LAMBDA_SRC / "scorers.yaml").read_text()
    commented = text[text.index("# More, off until") :].splitlines()
    lines = [line.removeprefix("#") for line in commented if line.startswith(("#  - ", "#    "))]
    scorers = yaml.safe_load("\n".join(lines))
    assert len(scorers) == 7
    assert is_valid({"scorers": scorers})


def spec_classes(annotation: Any) -> set[type[ScorerSpec]]:
    """The specs of a union, and of the unions in it."""
    if isinstance(annotation, type):
        return {annotation} if issubclass(annotation, ScorerSpec) else set()
    return {spec for part in get_args(annotation) for spec in spec_classes(part)}


def models_of(annotation: Any) -> Iterator[type[BaseModel]]:
    """All models that a document of a type may have."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
        for info in annotation.model_fields.values():
            yield from models_of(info.annotation)
    for part in get_args(annotation):
        yield from models_of(part)


@pytest.mark.parametrize("root", [ScorersConfig, PrivacyConfig, ModelTable])
def test_every_key_is_described(root: type[BaseModel]) -> None:
    """A new key says what would be right for it, in the first line of its description."""
    assert {MlflowJudgeSpec, MlflowSpec} <= spec_classes(AnySpec)
    models = set(models_of(root))
    if root is ScorersConfig:
        assert spec_classes(AnySpec) <= models
    for model in models:
        for name, info in model.model_fields.items():
            assert info.description, f"{model.__name__}.{name}"
            assert all(line.endswith(".") for line in info.description.splitlines()), name


def test_descriptions_are_shown_by_the_schema() -> None:
    """An editor shows the same words as a message about a mistake."""
    rate = scorers_schema()["definitions"]["BuiltinSpec"]["properties"]["sample_rate"]
    assert rate["description"].startswith("A number from 0 (no record) to 1 (every record).\n")
