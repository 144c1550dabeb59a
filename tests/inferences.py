"""Inferences and assessments as the parser and the scorers would make them, for tests."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from mlflow.entities import AssessmentError, AssessmentSource, Feedback

from inference_monitor.domain import Record, Verdicts
from inference_monitor.identity import assessment_id, trace_id
from inference_monitor.inference import (
    Choice,
    Failure,
    Inference,
    Kind,
    Request,
    Response,
    Source,
    ToolCall,
    Usage,
)

SOURCE = Source(
    "captures",
    "llm/llm-endpoint/AllTraffic/2026/01/07/22/18-03-869-0000.jsonl",
    "llm-endpoint",
    "AllTraffic",
)
TIME = datetime(2026, 1, 7, 22, 18, 3, tzinfo=UTC)
WEATHER_TOOL = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather at a place",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    },
}


def chat(event_id: str = "e-1", **changes: Any) -> Inference:
    """A conversation with a system prompt and one answer, 120 tokens in and 9 out."""
    request = Request(
        "openai_chat",
        messages=[
            {"role": "system", "content": "Answer in one sentence."},
            {"role": "user", "content": "Why is the sky blue?"},
        ],
        parameters={"temperature": 0.2, "max_tokens": 64},
    )
    response = Response(
        "openai_chat",
        choices=(Choice("Air scatters blue light more than red light.", "stop"),),
        usage=Usage(120, 9),
        model="llama-3-8b",
    )
    inference = Inference(event_id, TIME, Kind.LLM, "openai_chat", request, response)
    return replace(inference, **changes)


def answered(event_id: str = "e-1", *choices: Choice, **request: Any) -> Inference:
    """A chat with these answers; keyword arguments change the request."""
    base = chat(event_id)
    assert base.request
    assert base.response
    return replace(
        base,
        request=replace(base.request, **request),
        response=replace(base.response, choices=choices or base.response.choices),
    )


def failed(event_id: str = "e-1", status_code: int | None = 424) -> Inference:
    """A chat that the model server could not answer."""
    body = {"code": status_code, "error": "CUDA out of memory", "message": "invoke handler failure"}
    failure = Failure("CUDA out of memory", "ModelError", status_code)
    return chat(event_id, response=Response("djl_error", body, failure=failure))


def tool_call(event_id: str = "e-1") -> Inference:
    """A chat answered by the wish to call a tool."""
    call = ToolCall("get_weather", '{"city": "Brooklyn"}', "call_7")
    return answered(
        event_id,
        Choice(None, "tool_calls", tool_calls=(call,)),
        messages=[{"role": "user", "content": "What is the weather in Brooklyn?"}],
        tools=[WEATHER_TOOL],
    )


def batch(event_id: str = "e-1") -> Inference:
    """Two prompts in one request, the second one answered twice."""
    prompts = [[{"role": "user", "content": f"Prompt {n}"}] for n in range(2)]
    return answered(
        event_id,
        Choice("Answer 0", "stop"),
        Choice("Answer 1", "length", item=1),
        Choice("Answer 1 again", "stop", item=1),
        messages=[m for prompt in prompts for m in prompt],
        items=prompts,
    )


def vision(event_id: str = "e-1") -> Inference:
    """A question about an image that is part of the message."""
    pixel = (
        "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk"
        "+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
    )
    parts = [
        {"type": "text", "text": "What animal is on the candy?"},
        {"type": "image_url", "image_url": {"url": pixel}},
    ]
    return answered(
        event_id, Choice("A turtle.", "stop"), messages=[{"role": "user", "content": parts}]
    )


def embedding(event_id: str = "e-1") -> Inference:
    """Texts turned into vectors, of which the parser keeps number and length."""
    shape = {"embeddings": 2, "dimensions": 1024}
    return Inference(
        event_id,
        TIME,
        Kind.EMBEDDING,
        "embeddings",
        Request("embeddings", {"input": ["one", "two"]}),
        Response("embeddings", shape, usage=Usage(6)),
    )


def feedback(
    event_id: str = "e-1", name: str = "safety", value: Any = "yes", **changes: Any
) -> Feedback:
    """What a judge says about an inference, under the id that its scorer gives it."""
    given = Feedback(
        name=name,
        value=value,
        rationale=changes.pop("rationale", f"Nothing speaks against {name}."),
        source=AssessmentSource("LLM_JUDGE", "bedrock:/judge"),
        metadata={"cost_usd": "0.0001"},
        **changes,
    )
    given.assessment_id = assessment_id(trace_id(SOURCE, event_id), name, "1")
    return given


def unreadable(event_id: str = "e-1", name: str = "safety") -> Feedback:
    """The assessment of a judge whose verdict could not be read."""
    error = AssessmentError("UNREADABLE_VERDICT", "no verdict in the answer")
    return feedback(event_id, name, None, error=error, rationale=None)


def scored(inference: Inference, *assessments: Feedback) -> Record:
    """An inference of the endpoint with its assessments."""
    record = Record.of(inference, SOURCE, "delivery-1")
    return replace(record, verdicts=Verdicts(list(assessments)))
