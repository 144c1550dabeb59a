"""Make hostile payloads storable: what Postgres, protobuf and the UI's JSON parser refuse.

A NUL is refused by Postgres, a lone surrogate by UTF-8, NaN by every JSON parser but Python's, and
an integer of more than 64 bits by protobuf. Each stays visible: a character as U+FFFD, a number as
its text.
"""

from __future__ import annotations

import json
import re
from typing import Any

from inference_monitor.text import cut_end, well_formed

CUT_MARK = "…[cut]"
"""Ends every text that was shortened to a limit of MLflow's."""

_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
# An escaped NUL in JSON text: after an odd number of backslashes it is the text "\u0000" instead.
_ESCAPED_NUL = re.compile(r"((?<!\\)(?:\\\\)*)\\u0000")

# Also matches inside strings, which then come through unchanged.
_ODD_NUMBER = re.compile(r"NaN|Infinity|\d{19}")


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


def _integer(digits: str) -> int | str:
    number = int(digits)
    return number if -(2**63) <= number < 2**63 else digits
