"""The documents that an answer should be true to, as far as a capture holds them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

from inference_monitor.config.scorers import MARKS
from inference_monitor.inference import Request
from inference_monitor.scoring.messages import content_text, document_text

Mark = Sequence[str]
"""What begins and what ends a part of the prompt that holds documents: two texts."""

# Cohere's chat API, vLLM's and TGI's chat templates for retrieval, question answering pipelines.
_FIELDS = ("documents", "contexts", "context", "tool_results")
_RESULT_ROLES = ("tool", "function")
_PROMPT_ROLES = ("user", "system", "developer")


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
    found = [*_fields(request), *_parts(messages), *_marked(messages, marks)]
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


def _parts(messages: Sequence[dict[str, Any]]) -> Iterator[str]:
    """What tools answered, and documents among the parts of a message."""
    for message in messages:
        content = message.get("content")
        if message.get("role") in _RESULT_ROLES:
            yield content_text(content)
        elif isinstance(content, list):
            yield from filter(None, map(document_text, content))


def _marked(messages: Sequence[dict[str, Any]], marks: Sequence[Mark]) -> Iterator[str]:
    """Parts of what the user and the system said."""
    for message in messages:
        if message.get("role") in _PROMPT_ROLES:
            text = content_text(message.get("content"))
            for begin, end in marks:
                yield from _between(text, _pattern(begin), _pattern(end))


def _between(text: str, begin: re.Pattern[str], end: re.Pattern[str]) -> Iterator[str]:
    """The parts of a text that begin and end so; one without an end is none."""
    opened = begin.search(text)
    while opened and (closed := end.search(text, opened.end())):
        yield text[opened.end() : closed.start()]
        opened = begin.search(text, closed.start())


def _pattern(mark: str) -> re.Pattern[str]:
    line_start = "" if mark.startswith("<") else r"^[ \t]*"
    return re.compile(line_start + re.escape(mark), re.IGNORECASE | re.MULTILINE)
