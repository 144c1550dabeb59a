"""Read a YAML file with the line of every key, and say what is wrong on which line."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from importlib.resources import files
from pathlib import Path
from typing import Any, Generic, TypeVar, get_args

import yaml
from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
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
    "extra_forbidden": "unknown key {subject}{guess}",
    "missing": "{subject} is missing; it must be {right}",
    "not_usable": "{reason}",
    "union_tag_not_found": "{subject} is missing; it must be {right}",
}
"""Messages for pydantic's error types; all others are "… is …; it must be …"."""


class _Loader(yaml.SafeLoader):
    """Reads an impossible date as text, so that the check names its line."""

    def construct_date(self, node: ScalarNode) -> Any:
        """Read a date or time; text if the calendar does not have it."""
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
    """One kind of file, and how its mistakes are described.

    What would be right for a key is the first line of its description in the model, see
    `expected_value`.

    Attributes:
        model: What the file is validated against.
        error: Raised with one line for each problem.
        right: What would be right, by key, where the model's fields have no description.
        sentences: Messages for pydantic's error types, where they differ from the usual ones.
        check: Finds problems that the model cannot see.
        locate: Turns pydantic's location of an error into one in the file.
        part: Names the part of the file that a location is in, as a prefix of the message.
    """

    model: type[ModelT]
    error: type[MonitorError]
    right: Mapping[str, str] = field(default_factory=dict)
    sentences: Mapping[str, str] = field(default_factory=dict)
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
        """Turn an error of pydantic into a problem of the file."""
        location, kind = self.locate(details["loc"]), details["type"]
        if kind.startswith("union_tag"):
            location = (*location, "type")
        keys = tuple(part for part in location if isinstance(part, str))
        guess = ""
        if kind == "extra_forbidden":
            key = keys[-1]
            siblings = known_keys(self.model, keys[:-1])
            close = [] if key in siblings else get_close_matches(key, siblings, n=1)
            guess = f"; did you mean `{close[0]}`?" if close else ""
        else:
            # A value in a mapping with keys of the user's own is described by the mapping's key.
            while keys and not self._expects(keys):
                keys = keys[:-1]
            key = keys[-1] if keys else ""
        found = details["input"].get("type") if kind == "union_tag_invalid" else details["input"]
        sentence = {**_SENTENCES, **self.sentences}.get(
            kind, "{subject} is {found}; it must be {right}"
        )
        message = sentence.format(
            subject=f"`{key}`" if key else "the file",
            found=_shown(found),
            right=self._expects(keys),
            guess=guess,
            reason=details["msg"],
        )
        return Problem(location, message)

    def _expects(self, keys: tuple[str, ...]) -> str | None:
        """What would be right for a key, or for the file; None for a key that is not described."""
        if (right := self.right.get(keys[-1] if keys else "")) is not None:
            return right
        return expected_value(self.model, keys) if keys else _mapping_of(self.model)


def expected_value(model: type[BaseModel], keys: tuple[str, ...]) -> str | None:
    """The first line of a field's description, as it follows "it must be".

    Descriptions have the right value in their first line, and what it means below.

    Args:
        model: The model of the document.
        keys: The keys on the way to the field; of a union of models, all are searched.
    """
    found, _ = _look_up(model, keys)
    if found is None or found.description is None:
        return None
    first = found.description.partition("\n")[0].removesuffix(".")
    return first[:1].lower() + first[1:]


def known_keys(model: type[BaseModel], keys: tuple[str, ...]) -> list[str]:
    """The keys that may stand in a mapping of the document, of any of its kinds."""
    _, models = _look_up(model, keys)
    return [key for one in models for key in _fields(one)]


def _look_up(
    model: type[BaseModel], keys: tuple[str, ...]
) -> tuple[FieldInfo | None, list[type[BaseModel]]]:
    """The field at the end of some keys, and the models of its value."""
    found, models = None, [model]
    for key in keys:
        fields = [fields[key] for one in models if key in (fields := _fields(one))]
        found = fields[0] if fields else None
        models = [one for each in fields for one in _models_in(each.annotation)]
    return found, models


def _fields(model: type[BaseModel]) -> dict[str, FieldInfo]:
    """The fields of a model by their keys in the file."""
    return {info.alias or name: info for name, info in model.model_fields.items()}


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    """The models of a type, of a list of it, and of its alternatives."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from _models_in(part)


def _mapping_of(model: type[BaseModel]) -> str:
    keys = _fields(model)
    needed = [f"`{key}`" for key, info in keys.items() if info.is_required()]
    if needed:
        *others, last = needed
        return f"a mapping with {', '.join(others)}{' and ' if others else ''}{last}"
    return f"a mapping with one or more of {', '.join(f'`{key}`' for key in keys)}"


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
