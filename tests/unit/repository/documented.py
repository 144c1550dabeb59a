"""Commands as the documentation has them: what is in a shell block or a code span, as words."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[3]
PAGES = [
    ROOT / "README.md",
    ROOT / "QUICKSTART.md",
    *sorted((ROOT / "docs").glob("*.md")),
    *sorted((ROOT / "docs" / "how-to").glob("*.md")),
]
PROGRAMS = ("aws", "inference-monitor", "make", "npx")
_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_SPAN = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
_BETWEEN = ("&&", "||", "|", ";")
_ASSIGNMENT = re.compile(r"[A-Z][A-Z0-9_]*=.*", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Typed:
    """One command as it is typed."""

    page: str
    words: tuple[str, ...]
    environment: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.page}: {' '.join(self.words)}"


def blocks(path: Path, language: str) -> list[str]:
    """The texts of the fenced blocks of a page in a language; none is a shell's."""
    return [text for name, text in _BLOCK.findall(path.read_text()) if name == language]


def typed_on(path: Path) -> Iterator[Typed]:
    """Every command of a page, from its shell blocks and its code spans."""
    page = path.relative_to(ROOT).as_posix()
    for block in blocks(path, ""):
        for line in block.replace("\\\n", " ").splitlines():
            yield from _commands(line, page)
    for span in _SPAN.findall(_BLOCK.sub("", path.read_text())):
        if span.startswith(tuple(f"{program} " for program in PROGRAMS)) and "…" not in span:
            yield from _commands(span, page)


def _commands(line: str, page: str) -> Iterator[Typed]:
    words: list[str] = []
    for word in [*shlex.split(line, comments=True), ";"]:
        if word not in _BETWEEN:
            words.append(word)
            continue
        if words:
            yield _typed(words, page)
        words = []


def _typed(words: list[str], page: str) -> Typed:
    if ">" in words:
        words = words[: words.index(">")]
    environment = []
    while words and _ASSIGNMENT.fullmatch(words[0]):
        environment.append(words.pop(0))
    return Typed(page, tuple(words), tuple(environment))
