"""Let every process of the MLflow server do once what it is slow at the first time."""

from __future__ import annotations

from datetime import UTC, datetime

import requests

from inference_monitor.inference import (
    Choice,
    Inference,
    Kind,
    Request,
    Response,
    Source,
    Usage,
)
from inference_monitor.traces.build import BuiltTrace, build_trace
from inference_monitor.traces.server import ExperimentByName, connect
from inference_monitor.traces.span_transport import encode

# The system hands connections to the server's processes as it likes: of four, one is missed by
# all of so many in one run of some hundred thousand.
_CONNECTIONS = 50
_SECONDS = 60


def warm_up(url: str) -> None:
    """Send spans over many connections, so that each process has imported what it needs for them.

    Raises:
        HTTPError: If the server does not take them.
    """
    experiment = ExperimentByName(connect(url), "warm-up").get().id
    headers = {"Content-Type": "application/x-protobuf", "x-mlflow-experiment-id": experiment}
    for number in range(_CONNECTIONS):
        body = encode(_trace(f"warm-up-{number}", experiment))
        requests.post(
            f"{url}/v1/traces", data=body, headers=headers, timeout=_SECONDS
        ).raise_for_status()
        search = f"{url}/api/2.0/mlflow/traces?experiment_ids={experiment}&max_results=1"
        requests.get(search, timeout=_SECONDS).raise_for_status()


def _trace(event: str, experiment: str) -> BuiltTrace:
    request = Request("openai_chat", messages=[{"role": "user", "content": "Warm?"}])
    # With a model and tokens, for their price: the server looks for prices on the network,
    # which takes seconds where there is none.
    response = Response(
        "openai_chat", choices=(Choice("Warm."),), usage=Usage(1, 1), model="warm-up"
    )
    when = datetime(2026, 3, 2, tzinfo=UTC)
    inference = Inference(event, when, Kind.LLM, "openai_chat", request, response)
    return build_trace(inference, Source("captures", "warm-up", "warm-up"), experiment)
