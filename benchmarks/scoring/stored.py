"""What MLflow holds after a run: the speed of scores that are not there would mean nothing."""

from __future__ import annotations

import logging

from mlflow import MlflowClient
from mlflow.entities import Feedback, Trace

from benchmarks.scoring.criteria import JUDGED, TOKENS

_PAGE = 200
# Warns at every request to an http address that SageMaker's plugin cannot sign.
logging.getLogger("mlflow.tracking.request_header.registry").setLevel(logging.ERROR)


def fully_scored(mlflow: str, experiment: str) -> int:
    """How many traces of an experiment have every score, with a value and without an error."""
    client = MlflowClient(mlflow)
    found = client.get_experiment_by_name(experiment)
    assert found, f"there is no experiment {experiment}"
    complete, token = 0, None
    while True:
        page = client.search_traces(
            locations=[found.experiment_id],
            max_results=_PAGE,
            page_token=token,
            include_spans=False,
        )
        complete += sum(map(_is_complete, page))
        token = page.token
        if not token:
            return complete


def _is_complete(trace: Trace) -> bool:
    scores = [a for a in trace.info.assessments if isinstance(a, Feedback)]
    given = {score.name for score in scores if score.error is None and score.value is not None}
    return given >= {*JUDGED, TOKENS}
