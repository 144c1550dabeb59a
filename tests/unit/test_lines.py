"""Cutting a stream of bytes into lines."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from inference_monitor.capture.lines import iter_lines


@given(st.binary(max_size=300), st.integers(1, 40))
def test_lines_do_not_depend_on_how_the_bytes_arrive(data: bytes, size: int) -> None:
    """Any cut into chunks gives the same lines, numbers and offsets."""
    pieces = [data[i : i + size] for i in range(0, len(data), size)]
    assert list(iter_lines(pieces)) == list(iter_lines([data]))


@given(st.binary(max_size=300))
def test_no_line_is_lost(data: bytes) -> None:
    """Every line that is not blank comes out once, with its number."""
    expected = {
        number: stripped
        for number, raw in enumerate(data.split(b"\n"), 1)
        if (stripped := raw.removeprefix(b"\xef\xbb\xbf").strip(b"\r \t"))
    }
    assert {line.number: line.data for line in iter_lines([data])} == expected


def test_a_line_over_the_limit_is_cut_and_says_so() -> None:
    """Memory stays bounded, the true length is known, and the next line is untouched."""
    first, second = iter_lines([b"a" * 30, b"a" * 30 + b"\nbb"], limit=16)
    assert (first.data, first.length, first.complete) == (b"a" * 16, 60, False)
    assert (second.data, second.offset, second.complete) == (b"bb", 61, True)


def test_unusual_separators_do_not_end_a_line() -> None:
    """U+2028 and U+0085 may stand unescaped in a JSON string."""
    text = '{"a": "x\u2028y\u0085z"}'
    assert [line.data.decode() for line in iter_lines([text.encode() + b"\r\n"])] == [text]
