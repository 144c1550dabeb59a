"""Text that every reader accepts, and that keeps its limits."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference_monitor.text import cut_end, well_formed


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
