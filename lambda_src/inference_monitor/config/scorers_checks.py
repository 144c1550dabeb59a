"""What can be wrong in `scorers.yaml` that its schema cannot see."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from inference_monitor.config.mlflow_classes import why_refused
from inference_monitor.config.third_party_names import missing_package
from inference_monitor.config.third_party_packages import lacking
from inference_monitor.config.yaml_file import Problem

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
