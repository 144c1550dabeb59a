"""Text as JSON, MLflow's databases and judge models accept it."""

from __future__ import annotations

import math
import re

NAME_LIMIT = 250
"""Characters of an assessment's name and source in MLflow's database (`VARCHAR(250)`, 3.4 to 3.17);
sqlite ignores the limit, Postgres does not."""

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
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
    return paired.replace("\0", "\N{REPLACEMENT CHARACTER}")


def cut_end(text: str, limit: int, mark: str = "…") -> str:
    """Shorten a text to at most `limit` characters; a shortened one ends in `mark`."""
    return text if len(text) <= limit else text[: limit - len(mark)] + mark


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
