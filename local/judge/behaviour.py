"""How the stand-in judge is told to answer, and what it counts."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Literal

Mode = Literal[
    "ok", "malformed", "down", "denied", "hang", "dead", "legacy", "no_access", "declines", "thinks"
]
Access = Literal[
    "no_policy",
    "service_control_policy",
    "marketplace",
    "use_case_form",
    "no_access_to_legacy",
    "invalid_id",
]
Declined = Literal["refusal", "content_filtered", "guardrail_intervened"]


@dataclass(frozen=True, slots=True)
class Behaviour:
    """How it answers from now on.

    Modes, each for the models whose id contains `model`: `malformed` answers prose instead of a
    verdict, `down` 503, `denied` 403, `hang` not at all. `dead` and `legacy` refuse as a model at
    its end, or at the beginning of it; `no_access` for the reason in `access` (`invalid_id` is what
    a Region says that does not have the model). `declines` ends with the stop reason `declined_by`
    where the regular expression `declines` is found in the answer to be judged. `thinks` uses
    `thoughts` tokens before it says anything.

    `latency` in seconds. `throttle` is the probability of a ThrottlingException. The quota per
    minute is for all callers together; calls beyond it are throttled at once. `burst_seconds` of it
    may come at once; a change of behaviour fills it up again.

    `stands_for` adds to the ARNs of `models.yaml`: the end of an ARN, and a model's id. With
    `takes_any_id`, an id that is not in `models.yaml` is a model that refuses nothing; else it is
    refused as Bedrock refuses one that it does not know.
    """

    mode: Mode = "ok"
    model: str = ""
    latency: float = 0.0
    throttle: float = 0.0
    requests_per_minute: float | None = None
    tokens_per_minute: float | None = None
    burst_seconds: float = 1.0
    access: Access = "no_policy"
    declines: str = ""
    declined_by: Declined = "refusal"
    thoughts: int = 100_000
    stands_for: dict[str, str] = field(default_factory=dict)
    takes_any_id: bool = False

    def of(self, model_id: str) -> Mode:
        """How it answers for a model."""
        return self.mode if self.model in model_id else "ok"

    def declined(self, model_id: str, judged: str) -> Declined | None:
        """The stop reason with which it declines to judge an answer; None when it judges it."""
        if self.of(model_id) == "declines" and re.search(self.declines, judged):
            return self.declined_by
        return None


@dataclass(slots=True)
class Stats:
    """Requests since the start; `calls` counts all, `answered` those that got an answer.

    `input_tokens` is all that was sent with answered calls, from the cache or not; `output_tokens`
    all that was answered, `thought_tokens` of it thoughts. `refusals` counts by model and reason.
    """

    calls: int = 0
    answered: int = 0
    throttled: int = 0
    refused: int = 0
    declined: int = 0
    in_flight: int = 0
    max_in_flight: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    thought_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    by_model: dict[str, int] = field(default_factory=dict)
    refusals: dict[str, dict[str, int]] = field(default_factory=dict)

    def count_call(self, model_id: str) -> None:
        """Count a call that has begun."""
        self.calls += 1
        self.by_model[model_id] = self.by_model.get(model_id, 0) + 1
        self.in_flight += 1
        self.max_in_flight = max(self.max_in_flight, self.in_flight)

    def count_refusal(self, model_id: str, reason: str) -> None:
        """Count a refusal."""
        self.refused += 1
        self.throttled += reason == "throttled"
        of_model = self.refusals.setdefault(model_id, {})
        of_model[reason] = of_model.get(reason, 0) + 1
