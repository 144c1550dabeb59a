"""Replace what was found in a text by its kind in brackets."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence

from inference_monitor.privacy.patterns import Finder, Found

# Images and other inline data: a card number found in it would be chance, and break the image.
_INLINE_DATA = re.compile(
    r"(data:[\w/.+-]{1,80}(?:;[\w=.+-]{1,80}){0,4};base64,[A-Za-z0-9+/=_-]{64,}+)"
)
_BASE64 = re.compile(r"[A-Za-z0-9+/]{252,}+={0,2}")


def redact_text(text: str, finders: Sequence[Finder], counts: Counter[str]) -> str:
    """Replace what the finders find by `[KIND]`, and count it by kind.

    Base64 data is left as it is: `data:` URLs, and a text that is nothing but base64.
    """
    if _BASE64.fullmatch(text):
        return text
    pieces = _INLINE_DATA.split(text) if "data:" in text else [text]
    # With one group, `split` gives text and data in turn.
    pieces[::2] = [_redact_piece(piece, finders, counts) for piece in pieces[::2]]
    return "".join(pieces)


def _redact_piece(text: str, finders: Sequence[Finder], counts: Counter[str]) -> str:
    found = _joined(place for finder in finders for place in finder(text))
    if not found:
        return text
    parts, done = [], 0
    for place in found:
        parts += [text[done : place.start], f"[{place.kind}]"]
        counts[place.kind] += 1
        done = place.end
    return "".join([*parts, text[done:]])


def _joined(found: Iterable[Found]) -> list[Found]:
    """Places in order, overlapping ones as one, so that no part of either is left.

    It is called what begins first, of several the longest, then what stands first in the table.
    """
    joined: list[Found] = []
    for place in sorted(found, key=lambda place: (place.start, -place.end)):
        if joined and place.start < joined[-1].end:
            first = joined[-1]
            joined[-1] = first._replace(end=max(first.end, place.end))
        elif place.end > place.start:
            joined.append(place)
    return joined
