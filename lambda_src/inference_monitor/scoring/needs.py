"""What of an inference a judge's question is about, and whether it is there."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from enum import StrEnum

from inference_monitor.domain import Material

LEAST_TURNS = 2
"""User turns from which on a conversation is judged as a whole; one is judged by itself."""


class Need(StrEnum):
    """Something that is not there in every inference; its value says what that is."""

    REQUEST = "the request, which was not captured"
    CONTEXTS = "documents or tool results, and the conversation has none"
    TOOLS = "tools, and the request offers none and the answer calls none"
    TOOL_CALLS = "tool calls, and the answer makes none"
    TURNS = f"a conversation with at least {LEAST_TURNS} turns of the user, and this has fewer"


OF_TEXTS: Mapping[str, frozenset[Need]] = {
    "contexts": frozenset({Need.CONTEXTS}),
    "conversation": frozenset({Need.REQUEST, Need.TURNS}),
    "request": frozenset({Need.REQUEST}),
}
"""What must be there where a question shows one of these texts."""


def first_missing(needs: Collection[Need], material: Material) -> Need | None:
    """The first of these that an inference does not have; None when it has all."""
    there = {
        Need.REQUEST: material.request is not None,
        Need.CONTEXTS: material.contexts is not None,
        Need.TOOLS: material.tools is not None or material.calls_tools,
        Need.TOOL_CALLS: material.calls_tools,
        Need.TURNS: material.turns >= LEAST_TURNS,
    }
    return next((need for need in Need if need in needs and not there[need]), None)
