"""A judge's answer to one call, and what it has used."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

from inference_monitor.config.models import ModelTable, Way
from inference_monitor.scoring.judge.output import DECLINED, stop_reason, thoughts
from inference_monitor.text import estimate_tokens


@dataclass(frozen=True, slots=True)
class Answer:
    """A Converse response, and what it used, in tokens; `attempts` counts the calls until it came.

    Thoughts are in `output_tokens`; `thought_tokens` is an estimate of their part, as far as the
    model shows them. `way` is how the verdict was asked for.
    """

    response: Mapping[str, Any]
    input_tokens: int
    output_tokens: int
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    thought_tokens: int = 0
    attempts: int = 1
    way: Way | None = None

    @classmethod
    def of(cls, response: Mapping[str, Any], attempts: int = 1, way: Way | None = None) -> Answer:
        """Read what a response says it has used; a model that says nothing has used 0."""
        usage = response.get("usage") or {}
        return cls(
            response,
            usage.get("inputTokens", 0),
            usage.get("outputTokens", 0),
            usage.get("cacheReadInputTokens", 0),
            usage.get("cacheWriteInputTokens", 0),
            estimate_tokens(thoughts(response)),
            attempts,
            way,
        )

    def after(self, earlier: Self | None) -> Self:
        """This answer with what an earlier one to the same call has used, which is paid as well."""
        if earlier is None:
            return self
        return replace(
            self,
            input_tokens=self.input_tokens + earlier.input_tokens,
            output_tokens=self.output_tokens + earlier.output_tokens,
            cache_read_tokens=self.cache_read_tokens + earlier.cache_read_tokens,
            cache_write_tokens=self.cache_write_tokens + earlier.cache_write_tokens,
            thought_tokens=self.thought_tokens + earlier.thought_tokens,
        )

    @property
    def all_input_tokens(self) -> int:
        """What was sent, whether the model had it in its cache or not."""
        return self.input_tokens + self.cache_read_tokens + self.cache_write_tokens

    def cost(self, models: ModelTable, model_id: str, *, batch: bool = False) -> float | None:
        """USD for the answer; None where the table does not know the model's price."""
        return models.cost(
            model_id,
            self.input_tokens,
            self.output_tokens,
            cache_read=self.cache_read_tokens,
            cache_write=self.cache_write_tokens,
            batch=batch,
        )

    @property
    def declined(self) -> str | None:
        """The stop reason of a judge that will not judge the content; None of any other answer."""
        reason = stop_reason(self.response)
        return reason if reason in DECLINED else None

    def quota_tokens(self, output_weight: int) -> int:
        """What the answer has taken from the quota per minute; reading from the cache is free."""
        written = self.input_tokens + self.cache_write_tokens
        return written + output_weight * self.output_tokens
