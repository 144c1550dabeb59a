"""The stand-in's prompt cache: what a request says is to be cached, and whether it was before."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from typing import Any

LEAST_TOKENS = 1024
"""Bedrock's minimum for Claude Sonnet; shorter prefixes are not cached, and nothing says so."""


class PromptCache:
    """Remembers prefixes for ever; Bedrock forgets them after minutes without use."""

    def __init__(self) -> None:
        self._known: set[tuple[str, str]] = set()
        self._lock = threading.Lock()

    def look_up(self, model_id: str, request: dict[str, Any]) -> tuple[int, int]:
        """The tokens of a request that are read from the cache, and those written to it."""
        read = end = 0
        with self._lock:
            for prefix in _prefixes(request):
                tokens = len(prefix) // 4
                if tokens < LEAST_TOKENS:
                    continue
                if (model_id, prefix) in self._known:
                    read = tokens
                self._known.add((model_id, prefix))
                end = tokens
        return read, end - read


def _prefixes(request: dict[str, Any]) -> Iterator[str]:
    """The text before each cache point, in the order in which models read: tools first."""
    tools = (request.get("toolConfig") or {}).get("tools", [])
    messages = [block for message in request["messages"] for block in message["content"]]
    before: list[Any] = []
    for block in [*tools, *(request.get("system") or []), *messages]:
        if "cachePoint" in block:
            yield json.dumps(before)
        else:
            before.append(block)
