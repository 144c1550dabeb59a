"""What callers write into the custom attributes, read without trusting it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference_monitor.capture.attributes import Caller, read_caller

PARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"session_id": "s", "user_id": "u", "trace_id": "t"}', Caller("s", "u", "t")),
        ('{"Session-Id": "s", "User": 7}', Caller("s", "7")),
        ("session_id=s,user_id=u,trace_id=t", Caller("s", "u", "t")),
        ("accept_eula=true; sessionId = 's'", Caller("s")),
        (f'{{"traceparent": "{PARENT}"}}', Caller(trace_id="4bf92f3577b34da6a3ce929d0e0e4736")),
        (f"traceparent={PARENT}", Caller(trace_id="4bf92f3577b34da6a3ce929d0e0e4736")),
        ("accept_eula=true", Caller()),
        ("", Caller()),
        ('["session_id"]', Caller()),
        ('{"session_id": {"deep": 1}, "user_id": true, "trace_id": null}', Caller()),
        ("session_id=", Caller()),
        ("session_id=a,session_id=b", Caller("a")),
        ("[" * 5000, Caller()),
        ("session_id=" + "x" * 5000, Caller()),
    ],
)
def test_known_spellings(text: str, expected: Caller) -> None:
    """JSON objects and pairs are read under the usual names; everything else is left alone."""
    assert read_caller([text]) == expected


def test_several_strings() -> None:
    """The list may hold more than one string; the first to name something counts."""
    assert read_caller(["user=a", '{"user": "b", "session": "s"}']) == Caller("s", "a")


@given(st.lists(st.text(st.characters(codec=None)), max_size=3))
def test_any_text_is_harmless(texts: list[str]) -> None:
    """No text makes the reader fail."""
    assert isinstance(read_caller(texts), Caller)
