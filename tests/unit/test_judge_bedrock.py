"""What is sent to Bedrock, and what its errors mean."""

from __future__ import annotations

from typing import Any

import boto3
import pytest
from botocore.exceptions import (
    ConnectTimeoutError,
    EndpointConnectionError,
    ParamValidationError,
    ReadTimeoutError,
)
from botocore.parsers import ResponseParserError
from botocore.stub import Stubber

from inference_monitor.errors import JudgeUnavailableError
from inference_monitor.scoring.config import InferenceParameters
from inference_monitor.scoring.judge import Judge, JudgeRefusedError, bedrock_client
from inference_monitor.scoring.prompts import Prompt
from tests.unit.judging import MODEL, FakeBedrock, bedrock_error, verdict
from tests.unit.test_judge_verdict import YES_NO, form

PROMPT = Prompt("You judge.", "Is it safe? <text>SECRET</text>")
TOOL = form(YES_NO).tool
URL = "https://bedrock"


def ask(
    bedrock: Any, model: str = MODEL, parameters: InferenceParameters | None = None
) -> dict[str, Any]:
    """Ask once; the request that was sent."""
    Judge(bedrock).ask(PROMPT, TOOL, model, parameters or InferenceParameters())
    (request,) = bedrock.requests
    return dict(request)


def test_the_whole_request() -> None:
    """Model, prompt, parameters and the forced tool are really sent, and nothing else is."""
    parameters = InferenceParameters(temperature=0.25, max_tokens=300)
    assert ask(FakeBedrock(), parameters=parameters) == {
        "modelId": "global.anthropic.claude-sonnet-4-20250514-v1:0",
        "system": [{"text": "You judge."}],
        "messages": [{"role": "user", "content": [{"text": PROMPT.user}]}],
        "inferenceConfig": {"temperature": 0.25, "maxTokens": 300},
        "toolConfig": {"tools": [TOOL], "toolChoice": {"tool": {"name": "verdict"}}},
    }


def test_the_request_is_one_that_botocore_accepts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bedrock's service model, which boto3 checks requests by, knows every key we send."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    client = boto3.client("bedrock-runtime", aws_access_key_id="a", aws_secret_access_key="b")
    response = verdict()
    del response["ResponseMetadata"]
    with Stubber(client) as stubber:
        stubber.add_response("converse", response)
        answer = Judge(client).ask(PROMPT, TOOL, MODEL, InferenceParameters())  # type: ignore[arg-type]
    assert (answer.input_tokens, answer.output_tokens) == (1000, 100)


def test_temperature_can_be_left_out() -> None:
    """Models that refuse a temperature are sent none."""
    request = ask(FakeBedrock(), parameters=InferenceParameters(temperature=None))
    assert request["inferenceConfig"] == {"maxTokens": 1024}


@pytest.mark.parametrize(
    ("model", "choice"),
    [
        ("bedrock:/anthropic.claude-3-haiku-20240307-v1:0", "tool"),
        ("bedrock:/us.amazon.nova-lite-v1:0", "tool"),
        ("bedrock:/arn:aws:bedrock:us-east-1:1:application-inference-profile/abc", "tool"),
        ("bedrock:/mistral.mistral-large-2402-v1:0", "any"),
        ("bedrock:/us.meta.llama3-3-70b-instruct-v1:0", "auto"),
        ("bedrock:/arn:aws:bedrock:us-east-1::foundation-model/cohere.command-r-v1:0", "auto"),
    ],
)
def test_the_tool_is_forced_where_the_model_takes_it(model: str, choice: str) -> None:
    """Models that cannot be forced to one tool get the strongest choice they take."""
    request = ask(FakeBedrock(), model)
    assert list(request["toolConfig"]["toolChoice"]) == [choice]
    assert request["modelId"] == model.removeprefix("bedrock:/")


@pytest.mark.parametrize(
    ("code", "status", "hint"),
    [
        ("AccessDeniedException", 403, "enable access to the model"),
        ("ResourceNotFoundException", 404, "check the model id"),
        ("ValidationException", 400, "inference profile such as bedrock:/global.…"),
    ],
)
def test_refusals_say_what_to_do(code: str, status: int, hint: str) -> None:
    """An error that no retry cures is told apart, with Bedrock's words and a cure."""
    with pytest.raises(JudgeRefusedError, match=f"^{code}: Bedrock says no.: .*{hint}"):
        ask(FakeBedrock(bedrock_error(code, status)))


def test_a_request_that_botocore_refuses_quotes_nothing() -> None:
    """The validation error of botocore repeats the request; ours does not."""
    refused = ParamValidationError(report=f"Invalid value: {PROMPT.user}")
    with pytest.raises(JudgeRefusedError, match="check the model id") as error:
        ask(FakeBedrock(refused))
    assert "SECRET" not in str(error.value)
    assert error.value.__cause__ is None


@pytest.mark.parametrize(
    "failure",
    [
        bedrock_error("ThrottlingException", 429),
        bedrock_error("ServiceQuotaExceededException", 400),
        bedrock_error("InternalServerException", 500),
        bedrock_error("ServiceUnavailableException", 503),
        bedrock_error("ModelTimeoutException", 408),
        bedrock_error("ModelErrorException", 424),
        bedrock_error("ExpiredTokenException", 403),
        ReadTimeoutError(endpoint_url=URL),
        ConnectTimeoutError(endpoint_url=URL),
        EndpointConnectionError(endpoint_url=URL),
        ResponseParserError("not JSON"),
    ],
    ids=str,
)
def test_what_may_pass_is_unavailable(failure: Exception) -> None:
    """Throttles, server errors, timeouts and unknown errors may be asked again later."""
    with pytest.raises(JudgeUnavailableError):
        ask(FakeBedrock(failure))


def test_a_mistake_of_ours_is_not_hidden() -> None:
    """An exception that is none of Bedrock's is raised as it is."""
    with pytest.raises(KeyError):
        ask(FakeBedrock(KeyError("bug")))


def test_the_client_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """The shared client has timeouts, jittered retries and a connection for each thread."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "made-up")  # or botocore asks the network for one
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "made-up")
    client: Any = bedrock_client(48)
    settings = client.meta.config
    assert (settings.connect_timeout, settings.read_timeout) == (5, 30)
    assert settings.max_pool_connections == 48
    assert settings.retries == {"mode": "standard", "total_max_attempts": 4}
