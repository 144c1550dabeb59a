"""Make the scorers that a `scorers.yaml` names."""

from __future__ import annotations

from pathlib import Path

from inference_monitor.scoring.config import (
    AnySpec,
    CodeSpec,
    MlflowSpec,
    ScorersConfig,
    TokenCountSpec,
)
from inference_monitor.scoring.config_checks import DROP_IN_FOLDER
from inference_monitor.scoring.custom import CustomScorer, load_class, load_function
from inference_monitor.scoring.judge import ConverseClient, Judge
from inference_monitor.scoring.judged import JudgedScorer
from inference_monitor.scoring.prices import PriceTable
from inference_monitor.scoring.record import Scorer
from inference_monitor.scoring.scorers import Scorers
from inference_monitor.scoring.token_count import TokenCountScorer

_DEPLOYED = Path(__file__).parents[2]
SCORERS_FILE = _DEPLOYED / "scorers.yaml"
DROP_INS = _DEPLOYED / DROP_IN_FOLDER


def build_scorers(
    config: ScorersConfig,
    client: ConverseClient,
    *,
    default_model: str,
    concurrency: int,
    prices: PriceTable | None = None,
    drop_ins: Path = DROP_INS,
) -> Scorers:
    """Put the scorers of a configuration together.

    Args:
        config: A valid `scorers.yaml`.
        client: The shared Bedrock client, see `bedrock_client`.
        default_model: `bedrock:/…`, for scorers that name no model.
        concurrency: Scorer runs in flight at once; as many as the client has connections.
        prices: The price table; `prices.yaml` when left out.
        drop_ins: The folder with the user's own scorers.
    """
    judge, table = Judge(client), prices or PriceTable.load()

    def build(spec: AnySpec) -> Scorer:
        match spec:
            case TokenCountSpec():
                return TokenCountScorer(spec)
            case CodeSpec():
                return CustomScorer(spec, lambda: load_function(spec, drop_ins))
            case MlflowSpec():
                return CustomScorer(spec, lambda: load_class(spec))
        return JudgedScorer(spec, judge, table, default_model)

    return Scorers(
        [build(spec) for spec in config.scorers],
        concurrency=concurrency,
        max_characters=config.max_characters,
    )
