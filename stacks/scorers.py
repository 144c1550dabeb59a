"""The judges that `scorers.yaml` names, checked before anything is deployed."""

from __future__ import annotations

from inference_monitor.config.scorers import InvalidScorersError, ScorersConfig, load_scorers
from stacks import LAMBDA_SRC
from stacks.judge_models import JudgeModel

__all__ = ["InvalidScorersError", "ScorersConfig", "judges", "load"]

SCORERS = LAMBDA_SRC / "scorers.yaml"


def load() -> ScorersConfig:
    """Read the scorers that go into the image.

    Raises:
        InvalidScorersError: If the file cannot be used; one line for every problem.
    """
    config = load_scorers(SCORERS)
    try:
        judges(config, "bedrock:/any.model")
    except ValueError as error:
        raise InvalidScorersError(f"{SCORERS.name}: {error}") from error
    return config


def judges(config: ScorersConfig, default: str) -> list[JudgeModel]:
    """Every model the scorers may ask, in a stable order; `default` is for those that name none."""
    return [JudgeModel.parse(model) for model in sorted(config.models(default))]
