"""The turns of a conversation as one text, in tags that only we write."""

from __future__ import annotations

import re

from inference_monitor.scoring.tags import Tags

_TURNS = Tags(["message"])
_CLOSING = "\n</message>"
_TAG = re.compile(rf'<message role="[\w-]*">\n|{_CLOSING}')


def escape_turns(text: str) -> str:
    """Keep a text from ending its turn and speaking as somebody else."""
    return _TURNS.escape(text)


def turn(role: str, text: str) -> str:
    """One turn; its text is escaped."""
    name = re.sub(r"[^\w-]", "", role) or "unknown"
    return f'<message role="{name}">\n{escape_turns(text)}{_CLOSING}'


def conversation(request: str, response: str) -> str:
    """A rendered request and the answer to it, both escaped, as the turns of one conversation."""
    asked = request if _TAG.match(request) else turn("user", request)
    return f"{asked}\n{turn('assistant', response)}"


def cut_middle(text: str, limit: int) -> str:
    """Keep about `limit` characters of a text: its start, a note of what is left out, its end.

    A turn that is cut is closed before the note and opened again after it: otherwise a long one
    would swallow the tags of the next, and the end would seem to be said by somebody else.
    """
    if len(text) <= limit:
        return text
    head, tail = limit // 2, len(text) - (limit - limit // 2)
    before = after = ""
    for tag in _TAG.finditer(text):
        opened = "" if tag[0] == _CLOSING else tag[0]
        if tag.end() <= head:
            before = opened
        elif tag.start() < head:
            head = tag.start()
        if tag.start() < tail:
            after, tail = opened, max(tail, tag.end())
    note = f"[… {tail - head} characters left out …]"
    return f"{text[:head]}{_CLOSING if before else ''}\n{note}\n{after}{text[tail:]}"
