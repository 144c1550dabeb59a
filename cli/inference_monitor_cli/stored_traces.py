"""Ask MLflow which traces it holds. Imported only when asked: inspecting files needs no MLflow."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

from mlflow import MlflowClient
from mlflow.entities import LifecycleStage, Trace
from mlflow.exceptions import MlflowException

from inference_monitor.domain import StoredTrace
from inference_monitor.traces.records import search, stored_trace
from inference_monitor.traces.server import connect
from inference_monitor_cli.captures import Hours
from inference_monitor_cli.problems import CommandError

_PER_REQUEST = 100
_PER_PAGE = 500
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


def read_traces(
    client: MlflowClient, experiment_id: str, conditions: Sequence[str] = ()
) -> Iterator[Trace]:
    """Read the traces of an experiment that meet all conditions, without their spans.

    Args:
        client: The client of an MLflow server that the process is configured for.
        experiment_id: The experiment.
        conditions: Parts of a filter of MLflow's search, see `within`.

    Raises:
        CommandError: If MLflow fails or refuses.
    """
    token = None
    while True:
        try:
            page = client.search_traces(
                locations=[experiment_id],
                filter_string=" AND ".join(conditions) or None,
                max_results=_PER_PAGE,
                page_token=token,
                include_spans=False,
            )
        except MlflowException as error:
            raise CommandError(f"MLflow did not search traces: {error}") from error
        yield from page
        token = page.token
        if not token:
            return


def within(hours: Hours | None) -> list[str]:
    """The conditions of a search for traces of these hours; none for all traces."""
    if hours is None:
        return []
    start, end = hours.milliseconds()
    return [f"timestamp_ms >= {start}", f"timestamp_ms < {end}"]


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
