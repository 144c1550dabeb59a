"""`scorers.yaml` as a whole: its schema, how it is read, and what is wrong with it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, get_args

from pydantic import Field

from inference_monitor.config.conditions import MOST_PER_HOUR, AlwaysRule, Strict
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


_TOKENS = "[least, most], two whole numbers of which one may be null"

RIGHT: dict[str, str] = {
    "": "a mapping with the key `scorers`",
    "additional": "a mapping of the model's own parameters, e.g. {top_k: 5}",
    "always": "a list of rules",
    "arguments": "a mapping of the class's keyword arguments",
    "class": "a dotted path, e.g. mlflow.genai.scorers.RegexMatch",
    "first_per_hour": f"a whole number from 1 to {MOST_PER_HOUR}",
    "effort": "a word the model knows for how much it is to think: low, medium, high, …",
    "finish_reason": "a finish reason as the endpoint says it, e.g. length, or a list of them",
    "context_marks": "a list of pairs of texts, what begins and what ends a document,"
    ' e.g. [["<context>", "</context>"]]',
    "family": "the name of a payload family, or a list of them",
    "function": "module:function, e.g. my_checks:is_polite",
    "guidelines": "a rule in plain words, or a list of them",
    "inference_parameters": "a mapping with one or more of temperature, top_p, max_tokens,"
    " effort, stop_sequences, additional",
    "input_tokens": _TOKENS,
    "instructions": "the judge's instructions, as text",
    "judging": "each (one call for each scorer) or panel (one call for all scorers of a record)",
    "kind": "one or more of llm, embedding, rerank, classifier, other",
    "max_judged_answers": "a whole number of at least 1",
    "max_record_tokens": "a whole number of at least 500",
    "needs_text": "true, or false",
    "max_tokens": "a whole number of at least 64",
    "model": "bedrock:/ and a model or inference profile id,"
    " e.g. bedrock:/global.anthropic.claude-haiku-4-5-20251001-v1:0",
    "name": "letters, digits, `_`, `.` or `-`, at most 250, beginning with a letter or `_`",
    "output_tokens": _TOKENS,
    "output": "bool, number, or a list of at least two different categories, best first"
    ' (words like yes, no, on, off need quotes: ["yes", "no"])',
    "range": "[lowest, highest], two numbers",
    "sample_rate": "a number from 0 (no record) to 1 (every record)",
    "scorers": "a list of scorers",
    "stop_sequences": "a list of texts",
    "status": "ok, error, or both as a list",
    "tool_calls": "true, or false",
    "tag": "a mapping of tags to a value or a list of them, e.g. {tenant: [acme, umbrella]}",
    "temperature": "a number from 0 to 1, or null to leave it out",
    "top_p": "a number above 0, at most 1",
    "type": "one of safety, relevance_to_query, fluency, groundedness, tool_use,"
    " instruction_following, conversation_completeness, user_frustration, summarization,"
    " guidelines, judge, token_count, code, mlflow",
    "variant": "the name of a production variant, or a list of them",
    "version": 'a text in quotes or a whole number, e.g. "1.10"',
    "when": "a mapping with one or more of variant, family, kind, status, input_tokens,"
    " output_tokens, finish_reason, tool_calls, tag",
}
"""What would be right, for every key of the schema."""

SENTENCES = {
    "model_attributes_type": "a scorer is {found}; it must be a mapping with `name` and `type`",
}


_MLFLOW_SORTS = [(sort,) for sort in get_args(MlflowSort)]


def location_in_file(location: Location) -> Location:
    """Leave out the scorer's type, which pydantic puts in: ("scorers", 2, "judge", "output").

    Of type `mlflow` there are two sorts, which it puts in behind that.
    It also names the two things that a limit of tokens may be: ("input_tokens", 0, "int").
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

    scorers: list[AnySpec]
    judging: Judging = "each"
    max_record_tokens: int = Field(default=10_000, ge=500)
    max_judged_answers: int = Field(default=10, ge=1)
    context_marks: list[Marks] = Field(default_factory=lambda: [list(pair) for pair in MARKS])
    always: list[AlwaysRule] = Field(default_factory=list)

    def models(self, default: str) -> set[str]:
        """Every judge model that may be called, as `bedrock:/…`; `default` where none is named."""
        asking = [s for s in self.scorers if isinstance(s, JudgedSpec | MlflowSpec)]
        return {s.model or default for s in asking if s.model or s.asks_judge}


_FILE = ConfigFile(
    ScorersConfig,
    InvalidScorersError,
    RIGHT,
    SENTENCES,
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
