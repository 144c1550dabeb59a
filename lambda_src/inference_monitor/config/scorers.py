"""`scorers.yaml` as a whole: its schema, how it is read, and what is wrong with it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, get_args

from pydantic import Field

from inference_monitor.config.conditions import AlwaysRule, Strict
from inference_monitor.config.mlflow_classes import why_refused
from inference_monitor.config.specs import AnySpec, JudgedSpec, Judging, MlflowSort, MlflowSpec
from inference_monitor.config.third_party import lacking, missing_package
from inference_monitor.config.yaml_file import ConfigFile, Location, Problem
from inference_monitor.errors import MonitorError

MARKS: tuple[tuple[str, str], ...] = (
    ("<context>", "</context>"),
    ("<documents>", "</documents>"),
    ("Context:", "Question:"),
)
"""What begins and what ends a part of a prompt that holds documents, unless the file says else."""

DROP_IN_FOLDER = "scorers"
"""Python files with the user's own scorers, in a folder of this name beside `scorers.yaml`."""


def find_problems(document: Any, path: Path) -> Iterator[Problem]:
    """Find names used twice, functions that no drop-in file defines, and unusable classes."""
    scorers = document.get("scorers") if isinstance(document, dict) else None
    first_use: dict[str, int] = {}
    for index, scorer in enumerate(scorers if isinstance(scorers, list) else []):
        if not isinstance(scorer, dict):
            continue
        name, function, made_by = scorer.get("name"), scorer.get("function"), scorer.get("class")
        if isinstance(name, str) and first_use.setdefault(name, index) != index:
            yield Problem(("scorers", index, "name"), f"the name `{name}` is already used above")
        if isinstance(function, str) and (wrong := _wrong_function(function, path.parent)):
            yield Problem(("scorers", index, "function"), wrong)
        if isinstance(made_by, str) and (wrong := _wrong_class(made_by, path.parent)):
            yield Problem(("scorers", index, "class"), wrong)


def _wrong_class(class_path: str, folder: Path) -> str | None:
    """Why a class cannot score captures, or the image will not have it.

    None also where no lock file lies beside this file, to tell what the image will have.
    """
    if refused := why_refused(class_path) or lacking(class_path):
        return refused
    lock_file = folder / "requirements.txt"
    if not lock_file.is_file():
        return None
    return missing_package(class_path, lock_file.read_text(encoding="utf-8").splitlines())


def _wrong_function(function: str, folder: Path) -> str | None:
    """Why `module:name` cannot work, without running it; None also for an installed package."""
    module, _, name = function.partition(":")
    file = (folder / DROP_IN_FOLDER).joinpath(*module.split(".")).with_suffix(".py")
    if not name or not file.is_file():
        return None
    shown = file.relative_to(folder)
    try:
        tree = ast.parse(file.read_bytes())
    except (SyntaxError, ValueError) as error:
        return f"{shown} is not valid Python: {error}"
    if not {name, "*"} & set(_top_level_names(tree)):
        return f"{shown} does not define `{name}`"
    return None


def _top_level_names(tree: ast.Module) -> Iterator[str]:
    for statement in tree.body:
        match statement:
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                yield name
            case ast.ImportFrom(names=names) | ast.Import(names=names):
                yield from (alias.asname or alias.name for alias in names)
            case ast.Assign(targets=targets):
                yield from (t.id for t in targets if isinstance(t, ast.Name))
            case ast.AnnAssign(target=ast.Name(id=name)):
                yield name


class InvalidScorersError(MonitorError):
    """`scorers.yaml` cannot be used; one line for each problem, with the file's line number."""


_SENTENCES = {
    "model_attributes_type": "a scorer is {found}; it must be a mapping with `name` and `type`",
}


_MLFLOW_SORTS = [(sort,) for sort in get_args(MlflowSort)]


def location_in_file(location: Location) -> Location:
    """Leave out what pydantic adds to a location.

    That is the scorer's type, as in ("scorers", 2, "judge", "output"), of type `mlflow` also which
    of its two specs, and the alternatives of a value, as in ("input_tokens", 0, "int").
    """
    if location[:1] == ("scorers",) and len(location) > 2:
        location = location[:2] + location[4 if location[3:4] in _MLFLOW_SORTS else 3 :]
    if location[-1:] in (("int",), ("none",)):
        location = location[:-1]
    return location


def scorer_of(document: Any, location: Location) -> str:
    """`scorer NAME: ` for a place inside a scorer that has a name, else nothing."""
    match location:
        case ("scorers", int(index), *_):
            scorer = document["scorers"][index]
            name = scorer.get("name") if isinstance(scorer, dict) else None
            return f"scorer `{name}`: " if isinstance(name, str) else ""
    return ""


__all__ = ["InvalidScorersError", "ScorersConfig", "load_scorers"]


Marks = Annotated[list[Annotated[str, Field(min_length=1)]], Field(min_length=2, max_length=2)]


class ScorersConfig(Strict):
    """A valid `scorers.yaml`."""

    scorers: list[AnySpec] = Field(description="A list of scorers.")
    judging: Judging = Field(
        default="each",
        description="each (one call for each scorer) or panel (one call for all scorers of a"
        " record).",
    )
    max_record_tokens: int = Field(
        default=10_000,
        ge=500,
        description="A whole number of at least 500.\nConversation, answer and tools are cut in the"
        " middle to this length before they are judged.",
    )
    max_judged_answers: int = Field(
        default=10,
        ge=1,
        description="A whole number of at least 1.\nOf a request with more answers, the first ones"
        " are judged, and the worst one counts.",
    )
    context_marks: list[Marks] = Field(
        default_factory=lambda: [list(pair) for pair in MARKS],
        description="A list of pairs of texts, before and after a document,"
        ' e.g. [["<context>", "</context>"]].\nThey mark the parts of a prompt that an answer'
        " should be true to.",
    )
    always: list[AlwaysRule] = Field(
        default_factory=list,
        description="A list of rules.\nInferences that are judged whatever the sample rates say.",
    )

    def models(self, default: str) -> set[str]:
        """All judge models, as `bedrock:/…`; `default` stands in where a scorer names none."""
        asking = [s for s in self.scorers if isinstance(s, JudgedSpec | MlflowSpec)]
        return {s.model or default for s in asking if s.model or s.asks_judge}


_FILE = ConfigFile(
    ScorersConfig,
    InvalidScorersError,
    sentences=_SENTENCES,
    check=find_problems,
    locate=location_in_file,
    part=scorer_of,
)


def load_scorers(path: Path) -> ScorersConfig:
    """Read `scorers.yaml`.

    Raises:
        InvalidScorersError: If anything in it is wrong; its text has one line per problem.
    """
    return _FILE.read(path)
