"""Text as the judge and MLflow's databases can take it."""

from __future__ import annotations

import math
import re

# Long enough to leave hashes and tokens in a text alone.
_INLINE_DATA = re.compile(
    r"data:[\w/.+-]{1,80}(?:;[\w=.+-]{1,80}){0,4};base64,[A-Za-z0-9+/=_-]{64,}"
)


def well_formed(text: str) -> str:
    """Replace what JSON text may hold but UTF-8 (lone surrogates) or Postgres (NUL) refuses."""
    paired = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return paired.replace("\0", "\ufffd")


def without_inline_data(text: str) -> str:
    """Replace base64 `data:` URLs by a note: they cost thousands of tokens and say nothing."""
    return _INLINE_DATA.sub("[base64 data left out]", text)


def cut_end(text: str, limit: int) -> str:
    """Shorten a text to at most `limit` characters, with an ellipsis when something was cut."""
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def estimate_tokens(text: str) -> int:
    """About how many tokens a text has: a quarter of its ASCII characters, and all others.

    Tokenizers of English text come to about four characters. Cyrillic is overrated by this and
    Chinese is about right: better to cut and to reserve too much than too little.
    """
    beyond = 0 if text.isascii() else sum(character > "\x7f" for character in text)
    return math.ceil((len(text) - beyond) / 4) + beyond
