"""The page of messages: every text that the product may print, log or write, found in its source.

A message is any text of the code with three words or more, and any text of an exception that is
raised. What is filled in when it is printed reads `…`.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

from docs.generator.markdown import code, page
from docs.generator.source import ROOT

HOLE = "…"
LEAST_WORDS = 3
AREAS = {
    "The command": "cli/inference_monitor_cli",
    "The deployment": "stacks",
    "The function": "lambda_src/inference_monitor",
}
_NOT_PRINTED = {
    "lambda_src/inference_monitor/families/failure_words.py": "errors of model servers",
    "lambda_src/inference_monitor/families/text_failures.py": "errors of model servers",
    "lambda_src/inference_monitor/traces/database_errors.py": "errors of MLflow's database",
    "lambda_src/inference_monitor/scoring/judge/refusal_words.py": "errors of Bedrock",
    "lambda_src/inference_monitor/scoring/judge/panel.py": "instructions for judges",
    "lambda_src/inference_monitor/scoring/judge/prompts.py": "instructions for judges",
    "lambda_src/inference_monitor/scoring/judge/converse.py": "instructions for judges",
    "lambda_src/inference_monitor/scoring/judge/probe.py": "instructions for judges",
    "lambda_src/inference_monitor/privacy/patterns.py": "patterns of personal text",
}
"""Modules whose texts are compared with what others say, or are sent to a judge."""
_HELP = {"Option", "Argument", "Typer"}
_FILLED_IN_LATER = re.compile(r"%(?:\.\d+)?[sdfr]|(?<!\{)\{[a-z_]+\}(?!\})")
"""By logging's `%s`, and by pydantic's `{name}`."""


@dataclass(frozen=True, slots=True)
class Message:
    """A text of the code, with `…` for what is filled in."""

    text: str
    path: str
    line: int

    @property
    def pattern(self) -> re.Pattern[str]:
        """What a printed message looks like; an ellipsis in it stands for what was filled in."""
        parts = self.text.split(HOLE)
        return re.compile(".*".join(re.escape(part) for part in parts), re.DOTALL)


def messages_page() -> str:
    """Every message, by the part of the product and the module that it is in."""
    parts: list[str] = []
    for area, folder in AREAS.items():
        parts.append(f"## {area}")
        by_module: dict[str, list[Message]] = {}
        for message in messages(folder):
            by_module.setdefault(message.path, []).append(message)
        for path, found in by_module.items():
            name = path.removeprefix(f"{folder}/").removesuffix(".py").removesuffix("/__init__")
            lines = [f"* {code(' '.join(one.text.split()))}" for one in found]
            parts += [f"### {name}", "\n".join(lines)]
    return page(
        "Messages",
        "the texts of the code",
        "Every text that the command prints, the deployment stops with, and the function logs or "
        f"writes into an assessment. `{HOLE}` stands for what is filled in. "
        "[Troubleshooting](../troubleshooting.md) says what to do about the common ones; most "
        "messages say it themselves.",
        *parts,
    )


def messages(folder: str) -> Iterator[Message]:
    """The messages of a folder, each text of a module once."""
    for path in sorted((ROOT / folder).rglob("*.py")):
        name = path.relative_to(ROOT).as_posix()
        if name not in _NOT_PRINTED:
            yield from messages_of(path.read_text(encoding="utf-8"), name)


def messages_of(source: str, path: str) -> Iterator[Message]:
    """The messages of one module, in the order of its lines."""
    tree = ast.parse(source)
    left_out = set(_left_out(tree))
    raised = set(_raised(tree))
    seen: set[str] = set()
    texts = [node for node in ast.walk(tree) if isinstance(node, ast.Constant | ast.JoinedStr)]
    for node in sorted(texts, key=lambda one: (one.lineno, one.col_offset)):
        text = _text(node)
        if text is None or id(node) in left_out or text in seen:
            continue
        words = [word for word in text.split() if HOLE in word or any(map(str.isalpha, word))]
        if len(words) >= LEAST_WORDS or (id(node) in raised and any(map(str.isalpha, text))):
            seen.add(text)
            yield Message(text, path, node.lineno)


def _text(node: ast.Constant | ast.JoinedStr) -> str | None:
    if isinstance(node, ast.JoinedStr):
        parts = [_text(v) if isinstance(v, ast.Constant) else HOLE for v in node.values]
        return "".join(part or "" for part in parts)
    return _FILLED_IN_LATER.sub(HOLE, node.value) if isinstance(node.value, str) else None


def _left_out(tree: ast.Module) -> Iterator[int]:
    """Docstrings, help texts, regular expressions, keys, and the parts of longer texts."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            yield id(node.value)
        elif isinstance(node, ast.JoinedStr):
            yield from (id(value) for value in node.values)
        elif isinstance(node, ast.Dict):
            yield from (id(key) for key in node.keys)
        elif isinstance(node, ast.Call) and (_name(node.func) in _HELP or _compiles(node.func)):
            for argument in [*node.args, *(keyword.value for keyword in node.keywords)]:
                yield from (id(one) for one in ast.walk(argument))


def _raised(tree: ast.Module) -> Iterator[int]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
            yield from (id(argument) for argument in node.exc.args)


def _compiles(function: ast.expr) -> bool:
    return ast.unparse(function) == "re.compile"


def _name(function: ast.expr) -> str:
    return ast.unparse(function).rpartition(".")[2]
