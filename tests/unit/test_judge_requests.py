"""What is sent to Bedrock: the prompt, the tool, and no parameter that a model refuses."""

from __future__ import annotations

from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from inference_monitor.scoring.models import model_facts
from inference_monitor.scoring.requests import converse_request
from inference_monitor.scoring.specs import InferenceParameters
from tests.unit.judging import MODEL, verdict
from tests.unit.test_judge_verdict import YES_NO, form

TOOL = form(YES_NO).tool
LONG = "word " * 6000  # 7,500 tokens, more than any model's least


def request(
    parameters: InferenceParameters | None = None,
    *,
    model: str = MODEL,
    system: str = "You judge.",
    tool: dict[str, Any] = TOOL,
    cache: bool = False,
) -> dict[str, Any]:
    """The request for a question about safety."""
    parameters = parameters or InferenceParameters()
    return converse_request(model, system, "Is it safe?", tool, parameters, cache=cache)


def test_the_whole_request() -> None:
    """Model, prompt, parameters and the forced tool are sent, and nothing else is."""
    assert request(InferenceParameters(temperature=0.25, max_tokens=300)) == {
        "modelId": "global.anthropic.claude-sonnet-4-6",
        "system": [{"text": "You judge."}],
        "messages": [{"role": "user", "content": [{"text": "Is it safe?"}]}],
        "inferenceConfig": {"temperature": 0.25, "maxTokens": 300},
        "toolConfig": {"tools": [TOOL], "toolChoice": {"tool": {"name": "verdict"}}},
    }


def test_every_parameter_is_one_that_botocore_knows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bedrock's service model, which boto3 checks requests by, has every key we can send."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    client = boto3.client("bedrock-runtime", aws_access_key_id="a", aws_secret_access_key="b")
    response = verdict()
    del response["ResponseMetadata"]
    parameters = InferenceParameters(
        temperature=0.5, top_p=0.9, stop_sequences=["END"], additional={"top_k": 5}
    )
    full = request(parameters, system=LONG, cache=True)
    assert full["inferenceConfig"] == {
        "maxTokens": 1024, "temperature": 0.5, "topP": 0.9, "stopSequences": ["END"]
    }  # fmt: skip
    assert full["additionalModelRequestFields"] == {"top_k": 5}
    assert full["system"][1] == {"cachePoint": {"type": "default"}}
    with Stubber(client) as stubber:
        stubber.add_response("converse", response, full)
        client.converse(**full)


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ({}, {"temperature": 0.0}),
        ({"temperature": None}, {}),
        ({"top_p": 0.9}, {"topP": 0.9}),
        ({"top_p": 0.9, "temperature": 0.0}, {"topP": 0.9, "temperature": 0.0}),
        ({"top_p": 0.9, "temperature": None}, {"topP": 0.9}),
    ],
)
def test_what_was_not_asked_for_is_left_out(given: dict[str, Any], sent: dict[str, Any]) -> None:
    """Our own default temperature does not go with a `top_p`: some models refuse both."""
    config = request(InferenceParameters.model_validate(given))["inferenceConfig"]
    assert config == {"maxTokens": 1024, **sent}


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
    sent = request(model=model)
    assert list(sent["toolConfig"]["toolChoice"]) == [choice]
    assert sent["modelId"] == model.removeprefix("bedrock:/")


def test_the_forced_tool_is_the_one_that_is_sent() -> None:
    """A tool of another name is forced by that name."""
    other = {"toolSpec": {**TOOL["toolSpec"], "name": "panel"}}
    assert request(tool=other)["toolConfig"]["toolChoice"] == {"tool": {"name": "panel"}}


@pytest.mark.parametrize(
    ("model", "least"),
    [
        ("global.anthropic.claude-sonnet-4-20250514-v1:0", 1024),
        ("anthropic.claude-opus-4-1-20250805-v1:0", 1024),
        ("eu.anthropic.claude-sonnet-4-5-20250929-v1:0", 1024),
        ("global.anthropic.claude-sonnet-4-6", 2048),
        ("global.anthropic.claude-opus-4-5-20251101-v1:0", 4096),
        ("us.anthropic.claude-haiku-4-5-20251001-v1:0", 4096),
        ("us.anthropic.claude-3-7-sonnet-20250219-v1:0", 1024),
        ("us.anthropic.claude-3-5-haiku-20241022-v1:0", 2048),
        ("us.amazon.nova-lite-v1:0", 1000),
        ("anthropic.claude-3-5-sonnet-20240620-v1:0", None),
        ("us.meta.llama3-3-70b-instruct-v1:0", None),
        ("arn:aws:bedrock:us-east-1:1:application-inference-profile/abc", None),
    ],
)
def test_what_a_model_caches(model: str, least: int | None) -> None:
    """A cache point is set from the model's own minimum on, and never where a model refuses it."""
    assert model_facts(model).least_cached == least
    marks = request(model=f"bedrock:/{model}", system=LONG, cache=True)["system"][1:]
    assert marks == ([{"cachePoint": {"type": "default"}}] if least else [])
    assert not request(model=f"bedrock:/{model}", cache=True)["system"][1:]
    assert not request(model=f"bedrock:/{model}", system=LONG)["system"][1:]


def test_tools_count_where_they_are_cached() -> None:
    """Claude's prefix begins with the tools; Nova caches none, so its system prompt has to do."""
    large = {"toolSpec": {**TOOL["toolSpec"], "description": LONG}}
    assert request(tool=large, cache=True)["system"][1:]
    nova = "bedrock:/us.amazon.nova-pro-v1:0"
    assert not request(model=nova, tool=large, cache=True)["system"][1:]
