"""What is known of Bedrock's models that no API tells: what they cache, how they count a quota.

Sources, read in November 2026: the Bedrock user guide's pages "Prompt caching for faster model
inference" and "How tokens are counted in Amazon Bedrock"; for Claude 4.5 and later Anthropic's page
"Prompt caching". Where two sources differ, the larger minimum is taken: a prefix that is too short
is simply not cached, but a model that is not in the table refuses to be told what to cache.
"""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """One family of models.

    `least_cached` is the shortest prefix that is kept, in tokens; None where none is. A prefix is
    made of the tools and the system prompt, or of the system prompt alone. One output token uses
    `output_weight` tokens of the quota per minute.
    """

    least_cached: int | None = None
    caches_tools: bool = True
    output_weight: int = 1


_UNKNOWN = ModelFacts()
_FAMILIES = (
    (re.compile(r"anthropic\.claude-(haiku-4-5|opus-4-[5-9])"), ModelFacts(4096, output_weight=5)),
    # Documented with 1,024; users saw nothing cached below 2,048.
    (re.compile(r"anthropic\.claude-sonnet-4-6"), ModelFacts(2048, output_weight=5)),
    (re.compile(r"anthropic\.claude-(sonnet|opus)-4"), ModelFacts(1024, output_weight=5)),
    (re.compile(r"anthropic\.claude-3-7-sonnet"), ModelFacts(1024)),
    (re.compile(r"anthropic\.claude-3-5-haiku"), ModelFacts(2048)),
    (re.compile(r"amazon\.nova-(micro|lite|pro|premier)"), ModelFacts(1000, caches_tools=False)),
)


def model_facts(model_id: str) -> ModelFacts:
    """The facts of a model by its id, inference profile id or ARN; an alias's are not known."""
    return next((facts for ids, facts in _FAMILIES if ids.search(model_id)), _UNKNOWN)
