"""Text as JSON, MLflow's databases and judge models accept it.

Payloads may hold what others refuse: a NUL (Postgres), a lone surrogate (UTF-8), NaN (every JSON
parser but Python's), an integer of more than 64 bits (protobuf). Each stays visible: a character as
U+FFFD, a number as its text.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any

NAME_LIMIT = 250
"""Characters of an assessment's name and source in MLflow's database (`VARCHAR(250)`, 3.4 to 3.17);
sqlite ignores the limit, Postgres does not."""

CUT_MARK = "…[cut]"
"""Ends every text that was shortened to a limit of MLflow's."""

_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
# An escaped NUL in JSON text: after an odd number of backslashes it is the text "\u0000" instead.
_ESCAPED_NUL = re.compile(r"((?<!\\)(?:\\\\)*)\\u0000")

# Also matches inside strings, which then come through unchanged.
_ODD_NUMBER = re.compile(r"NaN|Infinity|\d{19}")
# Long enough to leave hashes and tokens in a text alone.
_INLINE_DATA = re.compile(
    r"data:[\w/.+-]{1,80}(?:;[\w=.+-]{1,80}){0,4};base64,[A-Za-z0-9+/=_-]{64,}"
)


def well_formed(text: str) -> str:
    """Replace what JSON text may hold but UTF-8 (lone surrogates) or Postgres (NUL) refuses.

    Each becomes U+FFFD. The two halves of a surrogate pair become the character they stand for.
    """
    if not _UNSTORABLE.search(text):
        return text
    paired = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return paired.replace("\0", _REPLACEMENT)


def cut_end(text: str, limit: int, mark: str = "…") -> str:
    """Shorten a text to at most `limit` characters; a shortened one ends in `mark`."""
    return text if len(text) <= limit else text[: limit - len(mark)] + mark


def cut(text: str, limit: int) -> str:
    """Clean a text and shorten it to `limit` characters; a shortened one ends in `CUT_MARK`."""
    return cut_end(well_formed(text), limit, CUT_MARK)


def json_text(value: Any) -> str:
    """Write a parsed document as clean JSON text.

    Raises:
        RecursionError: If it is nested more deeply than Python can follow.
    """
    text = json.dumps(value, ensure_ascii=False)
    if _ODD_NUMBER.search(text):
        plain = json.loads(text, parse_constant=str, parse_int=_integer)
        text = json.dumps(plain, ensure_ascii=False)
    return clean_json(text)


def clean_json(text: str) -> str:
    """Replace lone surrogates and escaped NULs inside of JSON text."""
    return well_formed(_ESCAPED_NUL.sub(rf"\1{_REPLACEMENT}", text))


def without_inline_data(text: str) -> str:
    """Replace base64 `data:` URLs by a note: they cost thousands of tokens and say nothing."""
    return _INLINE_DATA.sub("[base64 data left out]", text)


def estimate_tokens(text: str) -> int:
    """About how many tokens a text has: a quarter of its ASCII characters, and all others.

    Tokenizers of English text come to about four characters. This overestimates Cyrillic and is
    about right for Chinese: it is better to cut and to reserve too much than too little.
    """
    beyond = 0 if text.isascii() else sum(character > "\x7f" for character in text)
    return math.ceil((len(text) - beyond) / 4) + beyond


def _integer(digits: str) -> int | str:
    number = int(digits)
    return number if -(2**63) <= number < 2**63 else digits
