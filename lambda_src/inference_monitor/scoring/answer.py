"""A judge's answer to one call, and what it has used."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from inference_monitor.scoring.models import model_facts


@dataclass(frozen=True, slots=True)
class Answer:
    """A Converse response, and what it used; `attempts` counts the calls until it came."""

    response: Mapping[str, Any]
    input_tokens: int
    output_tokens: int
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    attempts: int = 1

    @classmethod
    def of(cls, response: Mapping[str, Any], attempts: int = 1) -> Answer:
        """Read what a response says it has used; a model that says nothing has used 0."""
        usage = response.get("usage", {})
        return cls(
            response,
            usage.get("inputTokens", 0),
            usage.get("outputTokens", 0),
            usage.get("cacheReadInputTokens", 0),
            usage.get("cacheWriteInputTokens", 0),
            attempts,
        )

    @property
    def all_input_tokens(self) -> int:
        """What was sent, whether the model had it in its cache or not."""
        return self.input_tokens + self.cache_read_tokens + self.cache_write_tokens

    def quota_tokens(self, model_id: str) -> int:
        """What the answer has taken from the quota per minute; reading from the cache is free."""
        written = self.input_tokens + self.cache_write_tokens
        return written + model_facts(model_id).output_weight * self.output_tokens
