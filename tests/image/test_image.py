"""The image runs where Lambda would run it, and does there what it is for."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from mlflow import MlflowClient
from mlflow.entities import Trace

from inference_monitor.ledger import Summary, ledger_key
from tests.image.conftest import CAPTURES, ENDPOINT, RESULTS, Deployed
from tests.image.engine import BUILD_SECONDS, ROOT, inspect, mounted
from tests.image.function_image import MEMORY_MB, TAG, FunctionImage

# Includes building the image from nothing, on a machine that does other things, too.
pytestmark = pytest.mark.timeout(BUILD_SECONDS)

SAMPLES = ROOT / "samples"
LAMBDA_SRC = ROOT / "lambda_src"
BUILD_ONLY = {".dockerignore", "Dockerfile", "__pycache__"}
TIMEOUT_SECONDS = 120
# Both with a wide margin: 116 MB, and 3 to 8 s where cores are shared.
PEAK_RSS_MB = 450
INIT_SECONDS = 30
JUDGED = {
    "safety", "relevance_to_query", "fluency", "follows_objective", "professional_tone",
    "no_harmful_advice", "coherence",
}  # fmt: skip
_WRITE = """
import pathlib
for folder in ("/", "/var/task", "/var/lang", "/var/tmp", "/run", "/dev/shm", "/home", "/tmp"):
    try:
        (pathlib.Path(folder) / "written").write_text("x")
        print(folder)
    except OSError:
        pass
"""


def _sample(folder: str) -> Path:
    (file,) = SAMPLES.glob(f"{folder}/*.jsonl")
    return file


def _traces(deployed: Deployed, key: str) -> list[Trace]:
    client = MlflowClient(deployed.chain.mlflow.url)
    experiment = client.get_experiment_by_name(ENDPOINT)
    assert experiment
    found = client.search_traces(
        locations=[experiment.experiment_id],
        filter_string=f"tags.source_uri = 's3://{CAPTURES}/{key}'",
        max_results=100,
    )
    return list(found)


@pytest.fixture
def batch() -> dict[str, Any]:
    """What the map sends for seven new records, one of them without a text to judge."""
    file = _sample("shop-assistant/AllTraffic/2026/03/02/10")
    items = [json.loads(line) for line in file.read_text().splitlines()]
    run = uuid4().hex
    for item in items:
        item["eventMetadata"]["eventId"] += run
    key = str(file.relative_to(SAMPLES).with_name(f"{run}.jsonl"))
    return {"BatchInput": {"bucket": CAPTURES, "key": key, "execution": run}, "Items": items}


def test_a_batch_is_traced_and_scored_once(deployed: Deployed, batch: dict[str, Any]) -> None:
    """Records become traces with their texts and seven scores; another delivery adds nothing."""
    answer = deployed.container.invoke(batch, seconds=TIMEOUT_SECONDS)
    assert not answer.is_error, answer.body
    expected = {
        "captured": 7, "traced": 7, "duplicate": 0, "skipped": 0, "quarantined": 0,
        "scored": 6, "unscored": 1, "judge_calls": 42,
    }  # fmt: skip
    assert {name: answer.body[name] for name in expected} == expected
    key = batch["BatchInput"]["key"]
    traces = _traces(deployed, key)
    captured = {item["eventMetadata"]["eventId"]: item for item in batch["Items"]}
    assert Counter(t.info.tags["event_id"] for t in traces) == Counter(captured.keys())
    for trace in traces:
        body = captured[trace.info.tags["event_id"]]["captureData"]["endpointInput"]["data"]
        assert trace.data.spans[0].inputs["messages"] == json.loads(body)["messages"]
    judged = Counter(frozenset(a.name for a in t.info.assessments) & JUDGED for t in traces)
    assert judged == {frozenset(JUDGED): 6, frozenset(): 1}

    batch["BatchInput"]["execution"] = "another"
    again = deployed.container.invoke(batch, seconds=TIMEOUT_SECONDS)
    assert not again.is_error, again.body
    counts = {name: again.body[name] for name in ("captured", "traced", "duplicate", "judge_calls")}
    assert counts == {"captured": 7, "traced": 0, "duplicate": 7, "judge_calls": 0}
    assert {t.to_json() for t in _traces(deployed, key)} == {t.to_json() for t in traces}


def test_a_file_is_read_and_its_ledger_written(deployed: Deployed) -> None:
    """The function reads S3 itself, keeps what it cannot read, and balances the file's ledger."""
    file = _sample("shop-lab/canary/2026/03/02/11")
    key = str(file.relative_to(SAMPLES))
    s3 = deployed.chain.emulated("s3")
    s3.put_object(Bucket=CAPTURES, Key=key, Body=file.read_bytes())
    answer = deployed.container.invoke({"bucket": CAPTURES, "key": key}, seconds=TIMEOUT_SECONDS)
    assert not answer.is_error, answer.body
    counts = {name: answer.body[name] for name in ("captured", "traced", "quarantined")}
    assert counts == {"captured": 4, "traced": 2, "quarantined": 2}
    assert len(_traces(deployed, key)) == 2
    stored = s3.get_object(Bucket=RESULTS, Key=ledger_key(CAPTURES, key))["Body"].read()
    assert Summary.from_dict(json.loads(stored)).as_dict() == answer.body


def test_requests_are_signed_and_none_refused(deployed: Deployed, batch: dict[str, Any]) -> None:
    """The image holds the plugin that signs for SageMaker's MLflow, and its certificates."""
    deployed.container.invoke(batch, seconds=TIMEOUT_SECONDS)
    proxy = deployed.chain.proxy
    assert proxy.admitted.total() > 0
    assert proxy.refused.total() == 0


def test_nothing_but_tmp_can_be_written(deployed: Deployed) -> None:
    """The function has neither rights nor places to write to that Lambda would not give it."""
    assert deployed.container.python(_WRITE).split() == ["/tmp"]  # noqa: S108  # as in Lambda
    status = deployed.container.status()
    assert set(status["Uid"].split()) == {"993"}
    assert set(status["Gid"].split()) == {"990"}
    assert int(status["CapEff"], 16) == int(status["CapBnd"], 16) == 0
    assert status["NoNewPrivs"] == "1"


def test_memory_and_init(
    deployed: Deployed,
    batch: dict[str, Any],
    image: FunctionImage,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A batch fits easily into the least memory that can be chosen; the figures are printed."""
    deployed.container.invoke(batch, seconds=TIMEOUT_SECONDS)
    container = deployed.container
    with capsys.disabled():
        print(f"\n{image}\ninit   {container.init_seconds:.1f} s")  # noqa: T201
        print(f"peak   {container.peak_rss_mb():.0f} MB of {MEMORY_MB} MB")  # noqa: T201
    assert container.memory_limit_mb() == MEMORY_MB
    assert container.peak_rss_mb() < PEAK_RSS_MB
    assert container.init_seconds < INIT_SECONDS


def test_entrypoint_and_command_are_the_images_own(image: FunctionImage) -> None:
    """Lambda starts the base's entrypoint with the handler that the Dockerfile names."""
    found, base = inspect(TAG), inspect(image.base)
    assert found
    assert base
    assert found["Config"]["Entrypoint"] == base["Config"]["Entrypoint"]
    assert found["Config"]["Cmd"] == ["inference_monitor.handler.handler"]


@pytest.mark.usefixtures("image")
def test_what_lies_beside_the_handler() -> None:
    """The package with its bytecode, readable by anyone, and no file that only the build needs."""
    with mounted(TAG) as root:
        task = root / "var/task"
        names = {path.name for path in LAMBDA_SRC.iterdir()}
        assert {path.name for path in task.iterdir()} == names - BUILD_ONLY
        sources = {path.relative_to(task) for path in task.rglob("*.py")}
        assert sources == {path.relative_to(LAMBDA_SRC) for path in LAMBDA_SRC.rglob("*.py")}
        compiled = {
            path.parents[1] / f"{path.name.split('.')[0]}.py" for path in task.rglob("*.pyc")
        }
        assert {path.relative_to(task) for path in compiled} == sources
        assert all(path.stat().st_mode & 0o004 for path in task.rglob("*"))
