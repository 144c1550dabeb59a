"""Read a YAML file with the line of every key, and say what is wrong on which line."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from importlib.resources import files
from pathlib import Path
from typing import Any, Generic, TypeVar

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from inference_monitor.errors import MonitorError

# The folder `lambda_src` under the name that pyproject.toml gives it in a wheel.
_INSTALLED_AS = "inference_monitor_defaults"


def data_file(name: str) -> Path:
    """Find a data file: beside the package in the repository and the image, else in the wheel.

    Raises:
        ModuleNotFoundError: If the package was copied without its data files.
    """
    beside = Path(__file__).parents[2] / name
    return beside if beside.exists() else Path(str(files(_INSTALLED_AS).joinpath(name)))


Location = tuple[str | int, ...]
ModelT = TypeVar("ModelT", bound=BaseModel)

_SENTENCES = {
    "extra_forbidden": "{subject} is no key that belongs here{guess}",
    "missing": "{subject} is missing; it must be {right}",
    "not_usable": "{reason}",
    "union_tag_not_found": "{subject} is missing; it must be {right}",
}
"""How a pydantic error type is put; all others are "… is …; it must be …"."""


class _Loader(yaml.SafeLoader):
    """Leaves a date that the calendar does not have as text, so that its line can be told."""

    def construct_date(self, node: ScalarNode) -> Any:
        """A date or time; text if it is none."""
        try:
            return self.construct_yaml_timestamp(node)
        except ValueError:
            return self.construct_yaml_str(node)


_Loader.add_constructor("tag:yaml.org,2002:timestamp", _Loader.construct_date)


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong, and where in the document."""

    location: Location
    message: str


def _no_problem(_document: Any, _path: Path) -> Iterable[Problem]:
    return ()


def _no_part(_document: Any, _location: Location) -> str:
    return ""


@dataclass(frozen=True, slots=True)
class ConfigFile(Generic[ModelT]):
    """One kind of file, and the words for its mistakes.

    `error` is raised with one line for each problem. `right` says for every key what would be right
    (under "" for the file itself), `sentences` how pydantic errors of this file alone are put.
    `check` adds what the model cannot see, `locate` turns a place in the model into one in the
    file, and `part` names the part of the file that a problem is in, as a prefix.
    """

    model: type[ModelT]
    error: type[MonitorError]
    right: Mapping[str, str]
    sentences: Mapping[str, str]
    check: Callable[[Any, Path], Iterable[Problem]] = _no_problem
    locate: Callable[[Location], Location] = tuple
    part: Callable[[Any, Location], str] = _no_part

    def read(self, path: Path) -> ModelT:
        """Read and validate a file.

        Raises:
            MonitorError: The `error` of this kind of file, with all problems in the order of lines.
        """
        try:
            loader = _Loader(path.read_text(encoding="utf-8"))
            root = loader.get_single_node()
            document = loader.construct_document(root) if root else None
        except (OSError, UnicodeDecodeError) as error:
            raise self.error(f"{path}: cannot be read: {error}") from error
        except yaml.MarkedYAMLError as error:
            line = error.problem_mark.line + 1 if error.problem_mark else 1
            raise self.error(f"{path.name}:{line}: not valid YAML: {error.problem}") from error
        except yaml.YAMLError as error:
            raise self.error(f"{path.name}: not valid YAML: {error}") from error

        problems = [*_duplicate_keys(root), *self.check(document, path)]
        config = None
        try:
            config = self.model.model_validate(document)
        except ValidationError as error:
            problems += [self._describe(details) for details in error.errors(include_url=False)]
        if config is None or problems:
            numbered = sorted(
                {(_line(root, p.location), self.part(document, p.location), p.message)
                 for p in problems}
            )  # fmt: skip
            raise self.error(
                "\n".join(f"{path.name}:{line}: {part}{text}" for line, part, text in numbered)
            )
        return config

    def _describe(self, details: ErrorDetails) -> Problem:
        """Say in the file's own words what pydantic found."""
        location, kind = self.locate(details["loc"]), details["type"]
        if kind.startswith("union_tag"):
            location = (*location, "type")
        key = next((part for part in reversed(location) if isinstance(part, str)), "")
        found = details["input"].get("type") if kind == "union_tag_invalid" else details["input"]
        close = [] if key in self.right else get_close_matches(key, self.right, n=1)
        sentence = {**_SENTENCES, **self.sentences}.get(
            kind, "{subject} is {found}; it must be {right}"
        )
        message = sentence.format(
            subject=f"`{key}`" if key else "the file",
            found=_shown(found),
            right=self.right.get(key, "left out"),
            guess=f"; did you mean `{close[0]}`?" if close else "",
            reason=details["msg"],
        )
        return Problem(location, message)


def _line(node: Node | None, location: Location) -> int:
    """The line (from 1) of a location; where a part is missing, of what should hold it."""
    line = 1
    for part in location:
        if isinstance(node, MappingNode):
            # The last of two equal keys is the one that counts.
            pairs = ((k, v) for k, v in reversed(node.value) if getattr(k, "value", None) == part)
            key, value = next(pairs, (None, None))
            if key is None or value is None:
                break
            node, line = value, key.start_mark.line + 1
        elif isinstance(node, SequenceNode) and isinstance(part, int) and part < len(node.value):
            node = node.value[part]
            line = node.start_mark.line + 1
        else:
            break
    return line


def _duplicate_keys(root: Node | None) -> Iterator[Problem]:
    """Find keys given twice in one mapping: YAML silently keeps the last."""
    nodes: list[tuple[Node | None, Location]] = [(root, ())]
    visited: set[int] = set()  # an alias may lead back to its own anchor
    while nodes:
        node, location = nodes.pop()
        if id(node) in visited:
            continue
        visited.add(id(node))
        if isinstance(node, SequenceNode):
            nodes += [(item, (*location, index)) for index, item in enumerate(node.value)]
        elif isinstance(node, MappingNode):
            keys = [str(key.value) for key, _ in node.value]
            nodes += [(value, (*location, str(key.value))) for key, value in node.value]
            for key in {key for key in keys if keys.count(key) > 1}:
                yield Problem(
                    (*location, key), f"`{key}` is given twice; only the last would count"
                )


def _shown(value: Any) -> str:
    """A value as the file has it, shortened."""
    names = {type(None): "empty", dict: "a mapping", list: "a list"}
    if (name := names.get(type(value))) is not None:
        return f"an empty {name.removeprefix('a ')}" if value in ([], {}) else name
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:59]}…"
