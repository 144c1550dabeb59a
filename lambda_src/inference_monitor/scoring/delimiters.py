"""Delimiters around judged text, and the escaping that keeps a text from writing them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

_NO_WIDTH = "\u200b"
_NO_WIDTH_CATEGORIES = ("Cf", "Mn", "Me", "Cc")  # format characters, accents, controls
_BLANKS = "\u115f\u1160\u2800\u3164\uffa0"  # fillers of Hangul and Braille
_QUOTE = "\u2039"
_SHAPES = {
    **dict.fromkeys("\u27e8\u27ea\u276e\u2770\u29fc\u02c2\u02f1\u1438\u227a\u22d6", "<"),
    # These quote words in French, German or Chinese, so they only count before a slash.
    **dict.fromkeys("\u2039\u00ab\u3008\u300a", _QUOTE),
    **dict.fromkeys("\u2044\u2215\u29f8\u2571", "/"),
}
# Letters of the tags only: Cyrillic, Greek, small capitals and others that no normalization folds.
_LOOK_ALIKES = str.maketrans(
    "аеорсхуіѕԛпԝгԁӏмтɡɑıαεχυιοηωρτνᴀᴇᴏᴘᴛᴜꜱǫɴᴡʀɢᴅʟᴍɪ"
    "АЕОРСХУІЅԚМТΑΕΧΥΙΟΝΡΤΜ",
    "aeopcxyisqnwrdlmtgaiaexuionwptvaeoptusqnwrgdlmi"
    "aeopcxyisqmtaexyionptm",
)  # fmt: skip


class _Skeleton(dict[int, str]):
    """A table for `str.translate`, one character for one, filled as characters are met."""

    def __missing__(self, code: int) -> str:
        character = chr(code)
        if character in _SHAPES:
            shape = _SHAPES[character]
        elif character in _BLANKS or _is_narrow(character):
            shape = _NO_WIDTH
        else:
            folded = unicodedata.normalize("NFKD", character)[:1].translate(_LOOK_ALIKES)
            shape = folded.lower()[:1] or character
        self[code] = shape
        return shape


def _is_narrow(character: str) -> bool:
    if character.isspace():
        return "\u2000" <= character <= "\u205f"  # thin spaces
    return unicodedata.category(character) in _NO_WIDTH_CATEGORIES


_SKELETON = _Skeleton()


class Tags:
    """The names of tags that a text must neither open nor close."""

    def __init__(self, names: Iterable[str]) -> None:
        # Possessive, and never past the next bracket: however long a text, each of its characters
        # is looked at once or twice for every name.
        between = f"(?:_|[^\\w<{_QUOTE}])*+"
        tag = "|".join(f"{_NO_WIDTH}*+".join(name) for name in names)
        tag = f"{between}(?:{tag})(?![a-z0-9])"
        # `<|` begins the control tokens that many models put between the turns of a chat.
        self._pattern = re.compile(
            f"<(?={tag}|{_NO_WIDTH}*+\\|)|{_QUOTE}(?=[^\\w<{_QUOTE}/]*+/{tag})"
        )

    def escape(self, text: str) -> str:
        """The text with `&lt;` for each bracket, of whatever alphabet, that begins such a tag."""
        parts, done = [], 0
        for match in self._pattern.finditer(text.translate(_SKELETON)):
            parts += [text[done : match.start()], "&lt;"]
            done = match.end()
        return "".join([*parts, text[done:]])


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


def render_exchange(request: str, response: str) -> str:
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
