"""A judge in memory whose bills nobody can foresee."""

from __future__ import annotations

import random
import time
from collections.abc import Mapping
from threading import Event
from typing import Any

from benchmarks.budget.traffic import INPUT_TOKENS, OUTPUT_TOKENS


class Judge:
    """Converse in memory: a verdict after a while, and a bill that nobody can foresee.

    With `until` it answers nobody before that. `dearer` is how often the expected bill is the mean
    one.
    """

    def __init__(self, seed: str, until: Event | None, dearer: float) -> None:
        self._chance = random.Random(seed)
        self._until = until
        self._dearer = dearer

    def converse(self, **request: Any) -> Mapping[str, Any]:
        """Fill in whatever the tool asks for."""
        if self._until:
            assert self._until.wait(120)
        else:
            time.sleep(self._chance.uniform(0, 0.5))
        (tool,) = (t["toolSpec"] for t in request["toolConfig"]["tools"] if "toolSpec" in t)
        call = {"name": tool["name"], "input": _filled_in(tool["inputSchema"]["json"])}
        usage = {
            "inputTokens": self._about(INPUT_TOKENS),
            "outputTokens": self._about(OUTPUT_TOKENS),
        }
        message = {"role": "assistant", "content": [{"toolUse": {"toolUseId": "1", **call}}]}
        return {"output": {"message": message}, "stopReason": "tool_use", "usage": usage}

    def _about(self, tokens: int) -> int:
        return round(tokens * self._dearer * self._chance.uniform(0.5, 1.5))


def _filled_in(schema: Mapping[str, Any]) -> Any:
    if "properties" in schema:
        return {name: _filled_in(part) for name, part in schema["properties"].items()}
    return schema.get("enum", ["Because."])[0]
