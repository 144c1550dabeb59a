"""How the stand-in judge is told to answer, and what it counts."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True, slots=True)
class Behaviour:
    """How it answers from now on.

    `latency` in seconds. `throttle` is the probability of a ThrottlingException. Modes: `malformed`
    answers prose instead of calling the tool, `down` 503, `denied` 403, and `hang` not at all.
    The quota per minute is for all callers together; calls beyond it are throttled at once.
    `burst_seconds` of it may come at once; a change of behaviour fills it up again.
    """

    mode: Literal["ok", "malformed", "down", "denied", "hang"] = "ok"
    latency: float = 0.0
    throttle: float = 0.0
    requests_per_minute: float | None = None
    tokens_per_minute: float | None = None
    burst_seconds: float = 1.0


@dataclass(slots=True)
class Stats:
    """Requests since the start; `calls` counts all, `answered` those that got a verdict.

    `input_tokens` is all that was sent with answered calls, from the cache or not.
    """

    calls: int = 0
    answered: int = 0
    throttled: int = 0
    refused: int = 0
    in_flight: int = 0
    max_in_flight: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    by_model: dict[str, int] = field(default_factory=dict)
