"""`inference-monitor load`: each inference goes through endpoint, capture and chain to a trace."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from botocore.exceptions import ClientError
from mlflow import MlflowClient
from mlflow.entities import Trace

from tests.e2e.deployed import Stack, eventually


@pytest.fixture
def prompts(tmp_path: Path) -> Path:
    """Three prompts."""
    file = tmp_path / "prompts.txt"
    file.write_text("Which oil is good for a chain?\nDo you fix wheels?\n\nAre you open?\n")
    return file


def load(dev: Stack, prompts: Path, *more: str) -> tuple[int, dict[str, Any]]:
    """Run a load test: its exit status and its report."""
    done = dev.command("load", str(prompts), "--json", "--wait", "60", *more)
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


@pytest.mark.parametrize("more", [(), ("--captures",)])
def test_every_inference_becomes_a_trace(dev: Stack, prompts: Path, more: tuple[str, ...]) -> None:
    """By way of the endpoint's data capture, and of capture files that the command writes."""
    status, report = load(dev, prompts, "--rate", "8", "--count", "24", *more)
    assert (status, report["sent"], report["answered"]) == (0, 24, 24), report
    assert (report["traced"], report["missing"], report["errors"]) == (24, [], {})
    lag = report["lag_seconds"]
    assert 0 < lag["p50"] <= lag["p95"] <= lag["p99"] < 60


def test_what_the_model_refuses_is_counted_and_not_missed(dev: Stack, tmp_path: Path) -> None:
    """A request the model cannot read is a ModelError; the others are traces all the same."""
    file = tmp_path / "bodies.jsonl"
    file.write_text('{"neither": "of the two"}\n"Which oil?"\n')
    status, report = load(dev, file, "--rate", "4", "--count", "4")
    assert (status, report["errors"]) == (1, {"ModelError": 2}), report
    assert (report["answered"], report["traced"], report["missing"]) == (2, 2, [])


def test_a_captured_inference_keeps_its_id(dev: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    """The endpoint is as strict as SageMaker, and puts the caller's id into the trace."""
    runtime = dev.chain.emulated("sagemaker-runtime")
    body = json.dumps({"messages": [{"role": "user", "content": "Which oil?"}]})
    for refused in ({"EndpointName": "no-such"}, {"InferenceId": "x" * 65}):
        arguments = {"EndpointName": "dev-llm", "Body": body, **refused}
        with pytest.raises(ClientError) as error:
            runtime.invoke_endpoint(**arguments)
        assert error.value.response["Error"]["Code"] == "ValidationError"
    mine = f"mine-{uuid4()}"
    answer = runtime.invoke_endpoint(
        EndpointName="dev-llm", ContentType="application/json", Body=body, InferenceId=mine
    )
    assert answer["InvokedProductionVariant"] == "AllTraffic"
    # MLflow's client looks for spans that are not in the database in the server's artifacts.
    monkeypatch.setenv("MLFLOW_TRACKING_URI", dev.chain.mlflow.url)
    client = MlflowClient(dev.chain.mlflow.url)

    def traced() -> Trace | None:
        experiment = client.get_experiment_by_name(dev.deployment.experiment)
        if experiment is None:
            return None
        found = client.search_traces(
            locations=[experiment.experiment_id], filter_string=f"tags.inference_id = '{mine}'"
        )
        # The record of a trace is written before its spans.
        return found[0] if found and found[0].data.spans else None

    trace = eventually(traced, f"{mine} is a trace")
    assert (trace.info.tags["endpoint"], trace.info.tags["variant"]) == ("dev-llm", "AllTraffic")
    assert trace.data.spans[0].inputs["messages"][0]["content"] == "Which oil?"
