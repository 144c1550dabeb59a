"""The documents that an answer should be true to, as far as a capture holds them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

from inference_monitor.inference import Request
from inference_monitor.scoring.messages import content_text

Mark = tuple[str, str]
"""What begins and what ends a part of the prompt that holds documents."""

MARKS: tuple[Mark, ...] = (
    ("<context>", "</context>"),
    ("<documents>", "</documents>"),
    ("Context:", "Question:"),
)

# Cohere's chat API, vLLM's and TGI's chat templates for retrieval, question answering pipelines.
_FIELDS = ("documents", "contexts", "context")
_RESULT_ROLES = ("tool", "function")


def contexts_of(
    request: Request, messages: Sequence[dict[str, Any]], marks: Sequence[Mark] = MARKS
) -> str | None:
    """All documents of a request, numbered; None when there are none.

    Args:
        request: For the fields beside the conversation.
        messages: The conversation up to the answer.
        marks: Texts that begin and end a part of a message with documents, whatever their case.
            One that is no tag counts only where a line begins with it.
    """
    found = [*_fields(request), *_results(messages), *_marked(messages, marks)]
    told = dict.fromkeys(text for document in found if (text := document.strip()))
    return "\n\n".join(f"[{n}]\n{text}" for n, text in enumerate(told, start=1)) or None


def _fields(request: Request) -> Iterator[str]:
    """Documents that were sent beside the conversation."""
    body = request.body if isinstance(request.body, dict) else {}
    places = (body, body.get("inputs"), request.parameters, body.get("parameters"))
    for place in places:
        if isinstance(place, dict):
            for field in _FIELDS:
                yield from _documents(place.get(field))


def _documents(value: Any) -> Iterator[str]:
    match value:
        case str():
            yield value
        case list():
            for one in value:
                yield from _documents(one)
        case dict():
            yield "\n".join(
                f"{name}: {text if isinstance(text, str) else json.dumps(text, ensure_ascii=False)}"
                for name, text in value.items()
            )


def _results(messages: Sequence[dict[str, Any]]) -> Iterator[str]:
    """What tools answered."""
    for message in messages:
        if message.get("role") in _RESULT_ROLES:
            yield content_text(message.get("content"))


def _marked(messages: Sequence[dict[str, Any]], marks: Sequence[Mark]) -> Iterator[str]:
    """Parts of what the user and the system said."""
    patterns = [_between(begin, end) for begin, end in marks]
    for message in messages:
        if message.get("role") in ("user", "system", "developer"):
            text = content_text(message.get("content"))
            for pattern in patterns:
                yield from pattern.findall(text)


def _between(begin: str, end: str) -> re.Pattern[str]:
    first, last = (re.escape(mark) if mark[0] == "<" else rf"^[ \t]*{re.escape(mark)}"
                   for mark in (begin, end))  # fmt: skip
    return re.compile(f"{first}(.*?){last}", re.DOTALL | re.IGNORECASE | re.MULTILINE)
