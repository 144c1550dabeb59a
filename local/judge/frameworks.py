"""Where the prompts of DeepEval, Ragas and Phoenix have the texts that they are about.

They put labels before the texts instead of tags around them, and before that come examples with the
same labels: the last one counts.
"""

from __future__ import annotations

import ast
import json
import re
from dataclasses import dataclass

_ANSWERS = (
    "actual output|llm actual output|ai output|ai response|response|answer|statements|opinions"
    "|summary|text"
)
_QUESTIONS = "input|user input|question|original document"
# The last of DeepEval's calls wants the reason for a score that it has counted itself.
_SCORE = re.compile(r"\bscore(?: is)?:\s*(?P<text>\d\.\d+)", re.IGNORECASE)
_LISTED = re.compile(r"^Based on these [\w ]+: (?P<text>\[.*?\])$", re.MULTILINE)
# Ragas shows a record as JSON.
_JSON = '"{name}": (?P<text>"(?:[^"\\\\]|\\\\.)*")'
# What these look for is a fault, so that their `yes` is bad news.
_FAULT = re.compile(
    r"\btoxic|\bbias|\bPII\b|\bmisuse\b|violat|inappropriate|\badvice\b|harmful|malicious|offensive",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Labelled:
    """What was found.

    `items` where a list is to be judged one by one, `score` where it was. `questions` are to be
    answered with yes or no.
    """

    instructions: str
    question: str
    answer: str
    items: tuple[str, ...]
    yes_is_bad: bool
    score: str | None
    questions: tuple[str, ...]


def find_labelled(prompt: str) -> Labelled | None:
    """The texts of a framework's prompt; None when it has no such labels."""
    score = _last(_SCORE, prompt)
    answer = _last(_LISTED, prompt) or _json(prompt, "response") or _after(_ANSWERS, prompt)
    answer = answer or score
    if answer is None:
        return None
    question = _json(prompt, "user_input") or _after(_QUESTIONS, prompt) or ""
    items = _list(answer)
    # What comes before the examples, without the texts: what is wanted.
    instructions = prompt.split("Example", 1)[0].replace(answer, "")
    instructions = instructions.replace(question, "") if question else instructions
    return Labelled(
        instructions,
        question,
        " ".join(items) or answer,
        items,
        bool(_FAULT.search(instructions)),
        score,
        _list(_after("questions", prompt) or ""),
    )


def _after(labels: str, prompt: str) -> str | None:
    """The text after a label at the start of a line, to the next blank line or rule."""
    pattern = rf"^[ \t]*\[?(?:{labels})\]?:[ \t]*\n?(?P<text>\S.*?)(?=\n\s*\n|\n\s*\*{{4}}|\Z)"
    return _last(re.compile(pattern, re.MULTILINE | re.DOTALL | re.IGNORECASE), prompt)


def _json(prompt: str, name: str) -> str | None:
    found = _last(re.compile(_JSON.format(name=name)), prompt)
    return None if found is None else str(json.loads(found))


def _last(pattern: re.Pattern[str], prompt: str) -> str | None:
    found = None
    for found in pattern.finditer(prompt):  # noqa: B007  # the last one is wanted
        pass
    return found["text"].strip() if found else None


def _list(text: str) -> tuple[str, ...]:
    """The items of a Python list that was printed into a prompt; none for any other text."""
    try:
        items = ast.literal_eval(text)
    except (SyntaxError, ValueError):
        return ()
    return tuple(map(str, items)) if isinstance(items, list) else ()
