"""What is sent to Bedrock: the prompt, the way to a verdict, and no parameter that is refused."""

from __future__ import annotations

import json
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from inference_monitor.config.models import Way, model_table
from inference_monitor.config.specs import InferenceParameters
from inference_monitor.scoring.judge.converse import (
    JudgeRequest,
    Terms,
    build_request,
    closed_schema,
)
from inference_monitor.scoring.judge.negotiation import first_terms
from tests.unit.judging import MODEL, verdict
from tests.unit.scoring.judge.test_verdict import NUMBER, YES_NO, form

TOOL = form(YES_NO).tool
SCHEMA = TOOL["toolSpec"]["inputSchema"]["json"]
LONG = "word " * 6000  # 7,500 tokens, more than any model's least


def request(
    terms: Terms | None = None,
    parameters: InferenceParameters | None = None,
    *,
    model: str = MODEL,
    system: str = "You judge.",
    tool: dict[str, Any] | None = TOOL,
    cache: bool = False,
) -> dict[str, Any]:
    """The request for a question about safety; of a model that is known, as at first."""
    parameters = parameters or InferenceParameters()
    asked = JudgeRequest(model, system, "Is it safe?", tool, parameters, cache)
    known = first_terms(model_table().facts(asked.model_id))
    return build_request(asked, terms or known).arguments


@pytest.mark.parametrize(
    ("way", "choice"),
    [
        ("forced_tool", {"toolChoice": {"tool": {"name": "verdict"}}}),
        ("any_tool", {"toolChoice": {"any": {}}}),
        ("offered_tool", {}),
    ],
)
def test_the_whole_request_with_a_tool(way: Way, choice: dict[str, Any]) -> None:
    """Model, prompt, parameters and the tool are sent, and nothing else is."""
    parameters = InferenceParameters(temperature=0.25, max_tokens=300)
    assert request(Terms(ways=(way,)), parameters) == {
        "modelId": "global.anthropic.claude-sonnet-4-6",
        "system": [{"text": "You judge.\n\nAnswer by calling the tool `verdict`, once."}],
        "messages": [{"role": "user", "content": [{"text": "Is it safe?"}]}],
        "inferenceConfig": {"temperature": 0.25, "maxTokens": 300},
        "toolConfig": {"tools": [TOOL], **choice},
    }


@pytest.mark.parametrize("way", ["json_schema", "words"])
def test_the_whole_request_for_json(way: Way) -> None:
    """The schema stands in the instructions, also where Bedrock enforces it."""
    sent = request(Terms(ways=(way,)))
    told, _, schema = sent["system"][0]["text"].rpartition("\n")
    assert told.startswith("You judge.\n\nAnswer with one JSON object, nothing before it")
    assert json.loads(schema) == SCHEMA
    assert "toolConfig" not in sent
    enforced = sent.get("outputConfig", {}).get("textFormat")
    assert bool(enforced) == (way == "json_schema")
    if enforced:
        assert enforced["type"] == "json_schema"
        given = json.loads(enforced["structure"]["jsonSchema"]["schema"])
        assert given == {**SCHEMA, "additionalProperties": False}
        assert list(given["properties"]) == ["rationale", "result"]


def test_an_enforced_schema_has_no_keyword_that_bedrock_refuses() -> None:
    """Limits are left out and objects are closed, at every depth; categories stay."""
    number = form(NUMBER).tool["toolSpec"]["inputSchema"]["json"]
    nested: dict[str, Any] = {
        "type": "object",
        "properties": {
            "minimum": number,
            "list": {"type": "array", "items": number, "minItems": 2},
        },
        "$defs": {"part": {"type": "object", "properties": {"a": {"enum": [{"maximum": 1}]}}}},
    }
    closed = closed_schema(nested)
    text = json.dumps(closed)
    assert text.count('"additionalProperties": false') == 4
    assert '"maximum": 5' not in text
    assert "minItems" not in text
    assert set(closed["properties"]) == {"minimum", "list"}
    assert closed["$defs"]["part"]["properties"]["a"] == {"enum": [{"maximum": 1}]}
    assert nested["properties"]["minimum"]["properties"]["result"]["maximum"] == 5


def test_every_parameter_is_one_that_botocore_knows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bedrock's service model, which boto3 checks requests by, has every key we can send."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    client = boto3.client("bedrock-runtime", aws_access_key_id="a", aws_secret_access_key="b")
    response = verdict()
    del response["ResponseMetadata"]
    parameters = InferenceParameters(
        temperature=0.5, top_p=0.9, effort="low", stop_sequences=["END"], additional={"top_k": 5}
    )
    terms = Terms(least_cached=1000)
    full = request(terms, parameters, system=LONG, cache=True)
    assert full["inferenceConfig"] == {
        "maxTokens": 1024, "temperature": 0.5, "topP": 0.9, "stopSequences": ["END"]
    }  # fmt: skip
    assert full["additionalModelRequestFields"] == {"top_k": 5}
    assert set(full["outputConfig"]) == {"effort", "textFormat"}
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
        ({"top_p": 0.9, "temperature": None}, {"topP": 0.9}),
    ],
)
def test_what_was_not_asked_for_is_left_out(given: dict[str, Any], sent: dict[str, Any]) -> None:
    """Our own default temperature does not go with a `top_p`: some models refuse both."""
    config = request(parameters=InferenceParameters.model_validate(given))["inferenceConfig"]
    assert config == {"maxTokens": 1024, **sent}


@pytest.mark.parametrize(
    ("model", "least"),
    [
        ("eu.anthropic.claude-sonnet-4-5-20250929-v1:0", 1024),
        ("global.anthropic.claude-sonnet-4-6", 2048),
        ("global.anthropic.claude-opus-4-5-20251101-v1:0", 4096),
        ("us.anthropic.claude-haiku-4-5-20251001-v1:0", 4096),
        ("us.amazon.nova-lite-v1:0", 1000),
        ("us.meta.llama3-3-70b-instruct-v1:0", None),
        ("arn:aws:bedrock:us-east-1:1:application-inference-profile/abc", None),
    ],
)
def test_what_a_model_caches(model: str, least: int | None) -> None:
    """A cache point is set from the model's own minimum on, and never where a model refuses it."""
    facts = model_table().facts(model)
    assert (facts.least_cached if facts else None) == least
    marks = request(model=f"bedrock:/{model}", system=LONG, cache=True)["system"][1:]
    assert marks == ([{"cachePoint": {"type": "default"}}] if least else [])
    assert not request(model=f"bedrock:/{model}", cache=True)["system"][1:]
    assert not request(model=f"bedrock:/{model}", system=LONG)["system"][1:]


def test_tools_count_where_they_are_cached() -> None:
    """Claude's prefix begins with the tools; Nova caches none, so its system prompt has to do."""
    large = {"toolSpec": {**TOOL["toolSpec"], "description": LONG}}
    forced: tuple[Way, ...] = ("forced_tool",)
    claude = Terms(ways=forced, least_cached=2048)
    assert request(claude, tool=large, cache=True)["system"][1:]
    nova = Terms(ways=forced, least_cached=1000, caches_tools=False)
    assert not request(nova, tool=large, cache=True)["system"][1:]
