"""Find the user's capture files, and give each a key under the prefix that is watched."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

SUFFIX = ".jsonl"
# <endpoint>/<variant>/yyyy/mm/dd/hh/<file>, wherever in a path it begins.
_LAYOUT = re.compile(r"(?:^|/)([^/]+/[^/]+/\d{4}/\d\d/\d\d/\d\d/[^/]+)$")


class CapturesError(Exception):
    """There is nothing to do, and why."""


@dataclass(frozen=True, slots=True)
class CaptureFile:
    """A file, its key in the capture bucket, and its number of non-blank lines."""

    path: Path
    key: str
    lines: int


@dataclass(frozen=True, slots=True)
class Captures:
    """What was found: capture files in the order of their keys, and everything else."""

    files: list[CaptureFile]
    ignored: list[Path]

    @property
    def lines(self) -> int:
        """Lines of all files."""
        return sum(file.lines for file in self.files)


def find_captures(paths: Sequence[Path], prefix: str) -> Captures:
    """Find every `.jsonl` file among these files and folders, however deep.

    A file in SageMaker's folder layout keeps it; any other keeps its name, and its place in the
    folder that was given.

    Raises:
        CapturesError: If a path does not exist, or there is no capture file at all.
    """
    missing = [str(path) for path in paths if not path.exists()]
    if missing:
        raise CapturesError(f"no such file or folder: {', '.join(missing)}")
    found = {file.resolve(): name for path in paths for file, name in _walk(path)}
    ignored = sorted(file for file in found if file.suffix != SUFFIX)
    files: dict[str, CaptureFile] = {}
    for file, name in sorted(found.items()):
        if file.suffix == SUFFIX:
            key = _free(f"{prefix}/{name}", files)
            files[key] = CaptureFile(file, key, count_lines(file))
    if not files:
        raise CapturesError(
            f"no {SUFFIX} file in {', '.join(map(str, paths))}; capture files of SageMaker end in "
            f"{SUFFIX}"
        )
    return Captures([files[key] for key in sorted(files)], ignored)


def count_lines(path: Path) -> int:
    """Lines with something on them, counted apart from the code that is to be checked by it."""
    with path.open("rb") as file:
        return sum(bool(line.removeprefix(b"\xef\xbb\xbf").strip(b"\r\n \t")) for line in file)


def _walk(path: Path) -> Iterator[tuple[Path, str]]:
    """Files with the names they get under the prefix."""
    if path.is_file():
        yield path, _name(path, path.name)
        return
    for file in path.rglob("*"):
        if file.is_file():
            yield file, _name(file, file.relative_to(path).as_posix())


def _name(file: Path, otherwise: str) -> str:
    found = _LAYOUT.search(file.resolve().as_posix())
    return found[1] if found else otherwise


def _free(key: str, taken: dict[str, CaptureFile]) -> str:
    """The key, in a folder of its own when two files of different folders have one name."""
    folder, name = key.rsplit("/", 1)
    number = 2
    while key in taken:
        key = f"{folder}/{number}/{name}"
        number += 1
    return key
