"""Search MLflow for the traces of a run. Imported only when needed: it needs MLflow's client."""

from __future__ import annotations

from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

from inference_monitor.traces.server import configure_process
from inference_monitor_cli.problems import CommandError
from inference_monitor_cli.stored_traces import NoExperimentError, find_experiment

_PAGE = 500


class RunTraces:
    """The traces whose inference id begins with the name of a run."""

    def __init__(self, tracking_uri: str, experiment: str) -> None:
        configure_process(tracking_uri)
        self._uri, self._experiment = tracking_uri, experiment
        self._client = MlflowClient(tracking_uri)

    def inference_ids(self, run: str) -> set[str]:
        """The inference ids of a run that have a trace; none while there is no experiment.

        Raises:
            CommandError: If MLflow cannot be searched.
        """
        try:
            experiment = find_experiment(self._uri, self._experiment)
        except NoExperimentError:
            return set()
        found: set[str] = set()
        token = None
        while True:
            try:
                page = self._client.search_traces(
                    locations=[experiment],
                    filter_string=f"tags.inference_id LIKE '{run}-%'",
                    max_results=_PAGE,
                    page_token=token,
                    include_spans=False,
                )
            except MlflowException as error:
                raise CommandError(f"MLflow at {self._uri} does not answer: {error}") from error
            found |= {trace.info.tags["inference_id"] for trace in page}
            token = page.token
            if not token:
                return found
