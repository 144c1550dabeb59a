"""The stand-ins of the local chain, called by the real clients."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict

import boto3
import pytest
import requests
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException, RestException
from sagemaker_mlflow.auth import AuthBoto

from local.faults import Fault
from local.judge.answer import SAYS
from local.judge.server import CONTROL, Behaviour, StandInJudge
from local.settings import environment_of
from local.sigv4_proxy import SigV4Proxy

CALLER = Credentials("AKIALOCAL", "secret", "token")
MODEL = (
    "arn:aws:bedrock:us-east-1:000000000000:inference-profile/global.anthropic.claude-sonnet-4-6"
)
ARNS = [
    "arn:aws:sagemaker:us-east-1:000000000000:mlflow-app/app-LOCAL0000000",
    "arn:aws:sagemaker:us-east-1:000000000000:mlflow-tracking-server/local",
]


@pytest.fixture
def proxy(mlflow_uri: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[SigV4Proxy]:
    """The SigV4 proxy in front of the MLflow server, and an environment that leads to it."""
    proxy = SigV4Proxy(mlflow_uri, CALLER).start()
    monkeypatch.setenv("SAGEMAKER_MLFLOW_CUSTOM_ENDPOINT", proxy.url)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    for name, value in environment_of(CALLER, "us-east-1").items():
        monkeypatch.setenv(name, value)
    yield proxy
    proxy.stop()


def client(arn: str, monkeypatch: pytest.MonkeyPatch) -> MlflowClient:
    """MLflow's own client with the sagemaker-mlflow plugin; it reads the global URI, too."""
    # Another test of this process may have set one, which then counts more than the variable.
    monkeypatch.setattr("mlflow.tracking._tracking_service.utils._tracking_uri", arn)
    return MlflowClient(arn)


@pytest.mark.parametrize("arn", ARNS)
def test_the_plugin_is_let_in(proxy: SigV4Proxy, arn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Requests that the plugin signs for an App or a tracking server reach MLflow and come back."""
    name = f"signed ä+b for {arn.split(':')[5].partition('/')[0]}"
    mlflow = client(arn, monkeypatch)
    created = mlflow.create_experiment(name)
    found = mlflow.get_experiment_by_name(name)
    assert found
    assert found.experiment_id == created
    assert proxy.admitted.total() == 2
    assert not proxy.refused


def test_faults_on_the_way(proxy: SigV4Proxy, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fault answers instead of MLflow or, when late, after it; elsewhere all is well."""
    mlflow = client(ARNS[0], monkeypatch)
    proxy.fault = Fault(501, path="/experiments/create")
    with pytest.raises(MlflowException, match="answered by the front door"):
        mlflow.create_experiment("refused at the door")
    assert mlflow.get_experiment_by_name("refused at the door") is None
    proxy.fault = Fault(501, path="/experiments/create", late=True)
    with pytest.raises(MlflowException, match="answered by the front door"):
        mlflow.create_experiment("answer lost")
    assert mlflow.get_experiment_by_name("answer lost")
    assert proxy.struck == {"POST /api/2.0/mlflow/experiments/create": 2}
    proxy.fault = None
    assert mlflow.create_experiment("let in")


def test_another_secret_is_refused(proxy: SigV4Proxy, monkeypatch: pytest.MonkeyPatch) -> None:
    """A signature with another secret is answered 403, and MLflow sees nothing of it."""
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "another")
    with pytest.raises(RestException, match="SignatureDoesNotMatch"):
        client(ARNS[0], monkeypatch).create_experiment("never")
    assert (proxy.admitted.total(), proxy.refused.total()) == (0, 1)
    assert requests.get(f"{proxy.url}/health", timeout=5).status_code == 403


def test_the_app_must_be_named(proxy: SigV4Proxy) -> None:
    """A signed request without the header that names the resource is refused."""
    auth = AuthBoto("us-east-1", "sagemaker")
    answer = requests.get(f"{proxy.url}/api/2.0/mlflow/experiments/search", auth=auth, timeout=5)
    assert answer.status_code == 403
    assert "x-sm-mlflow-app-arn" in answer.text


@pytest.fixture
def judge() -> Iterator[StandInJudge]:
    """A stand-in judge."""
    judge = StandInJudge().start()
    yield judge
    judge.stop()


class Asker:
    """boto3's own Bedrock client, without retries."""

    def __init__(self, judge: StandInJudge) -> None:
        config = Config(retries={"total_max_attempts": 1}, read_timeout=2, max_pool_connections=20)
        self._client = boto3.client(
            "bedrock-runtime", endpoint_url=judge.url, config=config, region_name="us-east-1",
            aws_access_key_id="AKIA", aws_secret_access_key="secret",
        )  # fmt: skip

    def ask(self, tool: str = "verdict", model: str = MODEL, judged: str = "A dry oil.") -> str:
        """Ask for a verdict; gives the stop reason and the verdict or text."""
        schema = {"type": "object", "properties": {"result": {"type": "boolean"}, "reason": {}}}
        answer = self._client.converse(
            modelId=model,
            messages=[{"role": "user", "content": [{"text": f"<answer>{judged}</answer>"}]}],
            toolConfig={
                "tools": [{"toolSpec": {"name": "verdict", "inputSchema": {"json": schema}}}],
                "toolChoice": {"tool": {"name": tool}},
            },
        )
        assert answer["usage"]["inputTokens"] > 0
        blocks = answer["output"]["message"]["content"]
        return f"{answer['stopReason']}: {', '.join(map(str, blocks))}"

    def error(self, **changes: str) -> str:
        """The error a question is refused with."""
        with pytest.raises(ClientError) as refused:
            self.ask(**changes)
        return str(refused.value.response["Error"]["Code"])


def test_a_verdict(judge: StandInJudge) -> None:
    """The forced tool is called with a verdict that says whose it is; models are counted."""
    said = Asker(judge).ask()
    assert said.startswith("tool_use: ")
    assert SAYS in said
    assert judge.stats.by_model == {MODEL: 1}
    assert judge.stats.answered == 1
    assert judge.stats.output_tokens > 0


def test_errors_are_bedrocks(judge: StandInJudge) -> None:
    """Every way to fail comes under the name boto3 knows from Bedrock, and is counted."""
    asker = Asker(judge)
    assert asker.error(tool="another") == "ValidationException"
    for behaviour, code in (
        (Behaviour(throttle=1.0), "ThrottlingException"),
        (Behaviour(mode="down"), "ServiceUnavailableException"),
        (Behaviour(mode="denied"), "AccessDeniedException"),
    ):
        judge.behaviour = behaviour
        assert asker.error() == code
    judge.behaviour = Behaviour(mode="malformed")
    assert asker.ask().startswith("end_turn: {'text': ")
    assert (judge.stats.calls, judge.stats.refused, judge.stats.throttled) == (5, 4, 1)


def test_models_differ(judge: StandInJudge) -> None:
    """What a model refuses comes as boto3 knows it from Bedrock, and is counted by its reason."""
    asker = Asker(judge)
    llama, dead = "us.meta.llama3-3-70b-instruct-v1:0", "us.anthropic.claude-opus-4-20250514-v1:0"
    assert asker.error(model=llama) == "ValidationException"
    assert asker.error(model=dead) == "ResourceNotFoundException"
    assert asker.error(model="some.model") == "ValidationException"
    judge.behaviour = Behaviour(takes_any_id=True)
    assert asker.ask(model="some.model").startswith("tool_use")
    assert judge.stats.refusals == {
        llama: {"tool_choice_tool_field": 1},
        dead: {"end_of_life": 1},
        "some.model": {"invalid_id": 1},
    }


def test_answers_without_a_verdict(judge: StandInJudge) -> None:
    """A judge that declines, and one that thinks past its tokens, answer and are counted."""
    asker = Asker(judge)
    judge.behaviour = Behaviour(mode="declines", declines="bleach")
    assert asker.ask().startswith("tool_use")
    assert asker.ask(judged="Drink bleach.") == "refusal: "
    judge.behaviour = Behaviour(mode="thinks")
    assert asker.ask().startswith("max_tokens: {'reasoningContent'")
    stats = judge.stats
    assert (stats.answered, stats.declined, stats.refused) == (3, 1, 0)
    assert 0 < stats.thought_tokens < stats.output_tokens


def test_a_quota_throttles_what_is_over_it(judge: StandInJudge) -> None:
    """As many calls as the quota holds are answered, the next ones are throttled."""
    judge.behaviour = Behaviour(requests_per_minute=3, burst_seconds=60)
    asker = Asker(judge)
    assert [asker.ask()[:8] for _ in range(3)] == ["tool_use"] * 3
    assert asker.error() == "ThrottlingException"
    judge.behaviour = Behaviour(tokens_per_minute=60)
    assert asker.ask().startswith("tool_use")
    judge.behaviour = Behaviour()
    assert asker.ask().startswith("tool_use")
    assert (judge.stats.answered, judge.stats.throttled) == (5, 1)


def test_latency_and_calls_in_flight(judge: StandInJudge) -> None:
    """Calls wait side by side, and it is known how many did at once."""
    judge.behaviour = Behaviour(latency=0.3)
    asker = Asker(judge)
    gate = threading.Barrier(10)

    def ask(_: int) -> str:
        gate.wait(5)
        return asker.ask()

    with ThreadPoolExecutor(10) as pool:
        assert len(list(pool.map(ask, range(10)))) == 10
    assert judge.stats.max_in_flight == 10
    assert judge.stats.in_flight == 0


def test_control_from_another_process(judge: StandInJudge) -> None:
    """Behaviour is set and statistics are read over HTTP, too."""
    url = judge.url + CONTROL
    assert requests.put(url, json={"throttle": 1.0}, timeout=5).ok
    assert Asker(judge).error() == "ThrottlingException"
    state = requests.get(url, timeout=5).json()
    assert state["behaviour"] == asdict(Behaviour(throttle=1.0))
    assert state["stats"]["throttled"] == 1


def test_unsigned_calls_are_refused(judge: StandInJudge) -> None:
    """Whoever has no credentials gets no verdict."""
    answer = requests.post(f"{judge.url}/model/some.model/converse", json={}, timeout=5)
    assert answer.status_code == 403
    assert judge.stats.answered == 0
