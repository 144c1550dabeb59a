"""Third-party scorers in scorers.yaml: what is checked before anything is deployed."""

from __future__ import annotations

import ast
import importlib.util
from pathlib import Path

import pytest
from pydantic import BaseModel

from inference_monitor.config.scorers import InvalidScorersError, load_scorers
from inference_monitor.config.third_party import framework_of
from inference_monitor.scoring.third_party.judge_line import tool_schema
from tests.third_party.test_packages import LACKING, USABLE

HEAD = "scorers:\n  - name: mine\n    type: mlflow\n    class: "
LOCKED = "botocore==1.44.5 \\\n    --hash=sha256:0\nragas==0.4.3 \\\n    --hash=sha256:0\n"


def write(folder: Path, text: str, locked: str | None = LOCKED) -> Path:
    """A scorers.yaml with the lock file of the image beside it."""
    if locked is not None:
        (folder / "requirements.txt").write_text(locked, encoding="utf-8")
    path = folder / "scorers.yaml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("key", "distribution"), [("deepeval", "deepeval"), ("phoenix", "arize-phoenix-evals")]
)
def test_a_package_that_the_image_will_not_have_is_told_with_its_line(
    tmp_path: Path, key: str, distribution: str
) -> None:
    """Synth says which dependency group is missing, and where the class is named."""
    path = write(tmp_path, f"{HEAD}mlflow.genai.scorers.{key}.Toxicity\n")
    with pytest.raises(InvalidScorersError) as error:
        load_scorers(path)
    (line,) = str(error.value).splitlines()
    assert line == (
        f"scorers.yaml:4: scorer `mine`: {distribution} is not in requirements.txt: include the"
        f" dependency group `{key}` in the group `lambda` of pyproject.toml, run `make lock`, and"
        " deploy again"
    )


def registered(key: str) -> set[str]:
    """The metrics that MLflow registers of a package, read where the package is not installed."""
    folder = importlib.util.find_spec("mlflow.genai.scorers")
    assert folder is not None
    assert folder.submodule_search_locations
    source = Path(folder.submodule_search_locations[0]) / key / "registry.py"
    for statement in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
        if isinstance(statement, ast.Assign | ast.AnnAssign) and isinstance(
            statement.value, ast.Dict
        ):
            return {ast.literal_eval(name) for name in statement.value.keys if name}
    raise AssertionError(source)


@pytest.mark.parametrize("key", ["deepeval", "ragas", "phoenix"])
def test_every_metric_judges_captures_or_is_refused_with_what_it_lacks(
    tmp_path: Path, key: str
) -> None:
    """A metric that a newer MLflow registers has to be sorted in; none fails on every trace."""
    metrics = registered(key)
    assert len(metrics) >= 5
    assert metrics == set(USABLE[key]) | set(LACKING[key])
    every = "".join(f"{name}==1.0 \\\n" for name in ("deepeval", "ragas", "arize-phoenix-evals"))
    for metric in metrics:
        path = write(tmp_path, f"{HEAD}mlflow.genai.scorers.{key}.{metric}\n", every)
        if metric in USABLE[key]:
            assert load_scorers(path).scorers[0].name == "mine"
            continue
        with pytest.raises(InvalidScorersError) as error:
            load_scorers(path)
        (line,) = str(error.value).splitlines()
        assert line.startswith(f"scorers.yaml:4: scorer `mine`: {metric} needs ")
        assert line.endswith("; a capture does not have that")


@pytest.mark.parametrize("locked", [LOCKED, None])
def test_a_package_that_is_there_or_cannot_be_told_is_no_problem(
    tmp_path: Path, locked: str | None
) -> None:
    """A file that is tried elsewhere has no lock file beside it; then the run tells."""
    path = write(tmp_path, f"{HEAD}mlflow.genai.scorers.ragas.RubricsScore\n", locked)
    assert load_scorers(path).scorers[0].asks_judge


def test_the_deployments_model_is_granted_to_those_that_name_none(tmp_path: Path) -> None:
    """A third-party scorer is judged by the default model; a class without a judge by none."""
    text = f"{HEAD}mlflow.genai.scorers.ragas.RubricsScore\n"
    default = "bedrock:/default"
    assert load_scorers(write(tmp_path, text)).models(default) == {default}
    own = text + "    model: bedrock:/own\n"
    assert load_scorers(write(tmp_path, own)).models(default) == {"bedrock:/own"}
    plain = f"{HEAD}mlflow.genai.scorers.RegexMatch\n"
    assert load_scorers(write(tmp_path, plain)).models(default) == set()


def test_parameters_that_nobody_would_send_are_refused(tmp_path: Path) -> None:
    """They are for scorers that ask our judge, and for no other class."""
    wanted = "    inference_parameters: {max_tokens: 2048}\n"
    path = write(tmp_path, f"{HEAD}mlflow.genai.scorers.ragas.RubricsScore\n{wanted}")
    load_scorers(path)
    path = write(tmp_path, f"{HEAD}mlflow.genai.scorers.RegexMatch\n{wanted}")
    with pytest.raises(InvalidScorersError, match="are sent only for MLflow's judges and"):
        load_scorers(path)


@pytest.mark.parametrize(
    "class_path",
    ["mlflow.genai.scorers.RegexMatch", "mlflow.genai.scorers.trulens.X", "mine.deepeval.X"],
)
def test_other_classes_are_none_of_theirs(class_path: str) -> None:
    """Only MLflow's modules for the three packages are taken for them."""
    assert framework_of(class_path) is None


class Leaf(BaseModel):
    """Used twice."""

    title: str


class Tree(BaseModel):
    """Contains itself."""

    leaf: Leaf
    leaves: list[Leaf]
    branches: list[Tree] | None = None


def test_schemas_hold_no_references() -> None:
    """Definitions stand where they are used; one that contains itself is left open there."""
    leaf = {
        "description": "Used twice.",
        "type": "object",
        "properties": {"title": {"type": "string"}},
        "required": ["title"],
    }
    schema = tool_schema(Tree.model_json_schema())
    assert schema["type"] == "object"
    assert schema["required"] == ["leaf", "leaves"]
    assert schema["properties"]["leaf"] == leaf
    assert schema["properties"]["leaves"] == {"type": "array", "items": leaf}
    assert schema["properties"]["branches"]["anyOf"][1] == {"type": "null"}
    assert "$ref" not in str(schema)
