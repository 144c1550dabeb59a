"""Text that every reader accepts, and that keeps its limits."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference_monitor.text import CUT_MARK, cut, cut_end, json_text, well_formed


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a\x00b", "a\ufffdb"),
        ("a\ud800b", "a\ufffdb"),
        ("\udc00", "\ufffd"),
        ("\ud83d\ude00", "😀"),
        ("\ude00\ud83d", "\ufffd\ufffd"),
    ],
)
def test_what_cannot_be_stored_is_replaced(text: str, expected: str) -> None:
    """A NUL and each lone surrogate become U+FFFD; the halves of a pair become their character."""
    assert well_formed(text) == expected


@given(st.text())
def test_well_formed_text_is_left_alone(text: str) -> None:
    """Text that UTF-8 can encode comes out as it went in, but for NUL."""
    assert well_formed(text) == text.replace("\x00", "\ufffd")


@pytest.mark.parametrize(
    ("text", "limit", "expected"),
    [("abcd", 4, "abcd"), ("abcde", 4, "abc…"), ("", 0, ""), ("ab", 1, "…")],
)
def test_a_shortened_text_ends_in_an_ellipsis(text: str, limit: int, expected: str) -> None:
    """A text of the limit's length stays whole; a longer one has exactly that length."""
    assert cut_end(text, limit) == expected


def test_the_mark_of_a_shortened_text_can_be_chosen() -> None:
    """The mark counts towards the limit."""
    assert cut_end("abcdefghij", 8, "[cut]") == "abc[cut]"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a\x00b", '"a\ufffdb"'),
        ("a\ud800b", '"a\ufffdb"'),
        ("\\u0000", '"\\\\u0000"'),  # six written-out characters, not a NUL
        ("\\\x00", '"\\\\\ufffd"'),  # a backslash and a NUL
        ("\x00\x00", '"\ufffd\ufffd"'),
        (float("nan"), '"NaN"'),
        ([1e999], '["Infinity"]'),
        ({"seed": 2**64}, '{"seed": "18446744073709551616"}'),
        ([2**63 - 1, -(2**63)], "[9223372036854775807, -9223372036854775808]"),
        ("NaN 18446744073709551616", '"NaN 18446744073709551616"'),
        ("😀 語", '"😀 語"'),
    ],
)
def test_json_text(value: object, text: str) -> None:
    """Only what cannot be stored is replaced, also where JSON escapes it."""
    assert json_text(value) == text


@given(st.text())
def test_good_text_is_left_alone(text: str) -> None:
    """Text that UTF-8 can encode comes out as it went in, but for NUL."""
    assert well_formed(text) == text.replace("\x00", "\ufffd")
    assert json.loads(json_text(text)) == well_formed(text)


@given(st.text(max_size=40), st.integers(min_value=len(CUT_MARK), max_value=40))
def test_cut_keeps_the_limit(text: str, limit: int) -> None:
    """No text is longer than its limit, and a shortened one says that it is."""
    short = cut(text, limit)
    assert len(short) <= limit
    assert short == well_formed(text) or short.endswith(CUT_MARK)
