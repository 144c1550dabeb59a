"""Ask MLflow which traces it holds. Imported only when asked: inspecting files needs no MLflow."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from mlflow import MlflowClient
from mlflow.entities import LifecycleStage
from mlflow.exceptions import MlflowException

from inference_monitor.domain import StoredTrace
from inference_monitor.traces.records import search, stored_trace
from inference_monitor.traces.server import connect
from inference_monitor_cli.problems import CommandError

_PER_REQUEST = 100
_THREADS = 4


class NoExperimentError(CommandError):
    """MLflow has no experiment of this name."""


def find_experiment(tracking_uri: str, name: str) -> str:
    """The id of an experiment, which is never created here.

    Raises:
        CommandError: If MLflow does not answer, or if it is deleted; `NoExperimentError` if there
            is none of this name.
    """
    try:
        found = MlflowClient(tracking_uri).get_experiment_by_name(name)
    except MlflowException as error:
        raise CommandError(f"MLflow at {tracking_uri} does not answer: {error}") from error
    if found is None:
        raise NoExperimentError(
            f"MLflow at {tracking_uri} has no experiment {name!r}: nothing was traced "
            "yet, or --tracking-uri or --experiment is wrong"
        )
    if found.lifecycle_stage != LifecycleStage.ACTIVE:
        raise CommandError(
            f"experiment {name!r} is deleted in MLflow: restore it "
            f"(mlflow experiments restore --experiment-id {found.experiment_id})"
        )
    return str(found.experiment_id)


class StoredTraces:
    """The traces of one experiment, which is never created here."""

    def __init__(self, tracking_uri: str, experiment: str) -> None:
        self._api = connect(tracking_uri)
        self.experiment_id = find_experiment(tracking_uri, experiment)

    def lookup(self, trace_ids: Sequence[str]) -> dict[str, bool]:
        """For each of these traces that exists, whether it is complete.

        Raises:
            MonitorError: If MLflow fails or refuses.
        """
        return {name: trace.complete for name, trace in self.stored(trace_ids).items()}

    def stored(self, trace_ids: Sequence[str]) -> dict[str, StoredTrace]:
        """Those of these traces that exist, with their assessments.

        Raises:
            MonitorError: If MLflow fails or refuses.
        """
        groups = [
            trace_ids[start : start + _PER_REQUEST]
            for start in range(0, len(trace_ids), _PER_REQUEST)
        ]
        with ThreadPoolExecutor(_THREADS) as pool:
            answers = list(pool.map(lambda ids: search(self._api, self.experiment_id, ids), groups))
        return {name: stored_trace(info) for found in answers for name, info in found.items()}
