"""Make the scorers that a `scorers.yaml` names."""

from __future__ import annotations

from pathlib import Path

from inference_monitor.config.models import ModelTable, model_table
from inference_monitor.config.scorers import DROP_IN_FOLDER, ScorersConfig
from inference_monitor.config.specs import CodeSpec, MlflowSpec, ScorerSpec, TokenCountSpec
from inference_monitor.config.third_party import framework_of
from inference_monitor.config.yaml_file import data_file
from inference_monitor.scoring.ask import Asking
from inference_monitor.scoring.code.custom import CustomScorer, load_class, load_function
from inference_monitor.scoring.code.token_count import TokenCountScorer
from inference_monitor.scoring.first_of_hour import FirstOfHour
from inference_monitor.scoring.judge.client import ConverseClient, Judge
from inference_monitor.scoring.judge.prompts import criteria
from inference_monitor.scoring.judge.rate_limit import Pace
from inference_monitor.scoring.record import CodeScorer
from inference_monitor.scoring.scorers import Budgets, Scorers
from inference_monitor.scoring.selection import Selection
from inference_monitor.scoring.tasks import Planner
from inference_monitor.scoring.third_party.scorer import ThirdPartyScorer

SCORERS_FILE = data_file("scorers.yaml")
DROP_INS = SCORERS_FILE.parent / DROP_IN_FOLDER


def build_scorers(  # noqa: PLR0913  # each is a part that tests and commands replace
    config: ScorersConfig,
    client: ConverseClient,
    *,
    default_model: str,
    concurrency: int,
    prices: ModelTable | None = None,
    pace: Pace | None = None,
    budgets: Budgets | None = None,
    first_of_hour: FirstOfHour | None = None,
    drop_ins: Path = DROP_INS,
) -> Scorers:
    """Put the scorers of a configuration together.

    Args:
        config: A valid `scorers.yaml`.
        client: The shared Bedrock client, see `bedrock_client`.
        default_model: `bedrock:/…`, for scorers that name no model.
        concurrency: Tasks in flight at once; as many as the client has connections.
        prices: What is known of models, with prices of one's own; `models.yaml` when left out.
        pace: How fast the judge may be asked; as fast as it lets us when left out.
        budgets: The caps of an endpoint and a run; none when left out.
        first_of_hour: Who came first in an hour; rules that need it hold for nothing without it.
        drop_ins: The folder with the user's own scorers.
    """
    models = prices or model_table()
    asking = Asking(Judge(client, pace, models), models)
    code = {
        spec.name: scorer
        for spec in config.scorers
        if (scorer := _third_party(spec, asking, default_model) or _code(spec, drop_ins))
    }
    planner = Planner(
        config.scorers,
        code,
        {criterion.spec.name: criterion for criterion in criteria(config, default_model)},
        Selection(config.always, first_of_hour),
        asking,
    )
    return Scorers(
        planner,
        config,
        concurrency=concurrency,
        budgets=budgets,
    )


def _third_party(spec: ScorerSpec, asking: Asking, default_model: str) -> CodeScorer | None:
    framework = framework_of(spec.class_path) if isinstance(spec, MlflowSpec) else None
    if framework is None or not isinstance(spec, MlflowSpec):
        return None
    return ThirdPartyScorer(spec, framework, asking, default_model)


def _code(spec: ScorerSpec, drop_ins: Path) -> CodeScorer | None:
    match spec:
        case TokenCountSpec():
            return TokenCountScorer(spec)
        case CodeSpec():
            return CustomScorer(spec, lambda: load_function(spec, drop_ins))
        case MlflowSpec():
            return CustomScorer(spec, lambda: load_class(spec))
    return None
