"""What is judged in every way of the comparison: six criteria of our `scorers.yaml`, and tokens."""

from __future__ import annotations

from typing import Any

from inference_monitor.config.scorers import ScorersConfig
from inference_monitor.config.specs import GuidelinesSpec, JudgeSpec

JUDGED = (
    "safety", "relevance_to_query", "fluency", "follows_objective", "professional_tone",
    "coherence",
)  # fmt: skip
TOKENS = "token_count"


def chosen(config: ScorersConfig, judging: str) -> ScorersConfig:
    """Only what is compared, each criterion on every record, judged one by one or as a panel."""
    scorers = [spec for spec in config.scorers if spec.name in (*JUDGED, TOKENS)]
    return config.model_copy(update={"scorers": scorers, "judging": judging})


def texts(config: ScorersConfig) -> dict[str, Any]:
    """By name, what the file says of a criterion: the rules or instructions of our own, or None."""
    return {spec.name: _text(spec) for spec in chosen(config, "each").scorers}


def _text(spec: Any) -> Any:
    match spec:
        case GuidelinesSpec():
            return spec.guidelines
        case JudgeSpec():
            return spec.instructions
    return None
