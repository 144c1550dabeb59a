"""What the scoring tests share: inferences, and a Bedrock runtime in memory."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError

from inference_monitor.config.models import DEFAULT_JUDGE
from inference_monitor.config.scorers import ScorersConfig
from inference_monitor.domain import Record, StoredTrace
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
from inference_monitor.scoring.build import build_scorers
from inference_monitor.scoring.first_of_hour import FirstOfHour
from inference_monitor.scoring.judge.rate_limit import Pace
from inference_monitor.scoring.scorers import Budgets, Scorers

MODEL = DEFAULT_JUDGE
SOURCE = Source("captures", "endpoint/AllTraffic/x.jsonl", "endpoint", "AllTraffic")
REPORTED = Usage(12, 3)


def inference(
    question: Any = "What is the capital of France?",
    answer: str | None = "Paris.",
    *,
    event_id: str = "event-1",
    kind: Kind = Kind.LLM,
    family: str = "openai_chat",
    usage: Usage = REPORTED,
    failure: Failure | None = None,
    messages: list[dict[str, Any]] | None = None,
    tool_calls: tuple[ToolCall, ...] = (),
) -> Inference:
    """An inference of a chat endpoint."""
    request = Request(family, messages=messages or [{"role": "user", "content": question}])
    # A stream that breaks off has said something before it failed.
    choices = (Choice(answer, tool_calls=tool_calls),)
    response = Response(family, choices=choices, usage=usage, failure=failure)
    when = datetime(2026, 11, 23, tzinfo=UTC)
    return Inference(event_id, when, kind, family, request, response)


def config(*scorers: dict[str, Any], **settings: Any) -> ScorersConfig:
    """A configuration as `scorers.yaml` would give it."""
    return ScorersConfig.model_validate({"scorers": list(scorers), **settings})


def verdict(result: Any = "yes", rationale: str = "Because.", **changes: Any) -> dict[str, Any]:
    """A Converse response with a verdict, in the shape botocore gives it."""
    return tool_answer({"rationale": rationale, "result": result}, **changes)


def tool_answer(
    tool_input: Any, stop_reason: str = "tool_use", name: str = "verdict"
) -> dict[str, Any]:
    """A Converse response with one tool call."""
    call = {"toolUse": {"toolUseId": "tooluse_1", "name": name, "input": tool_input}}
    return answer([call], stop_reason)


def answer(content: list[dict[str, Any]], stop_reason: str = "end_turn") -> dict[str, Any]:
    """A Converse response with any content."""
    return {
        "output": {"message": {"role": "assistant", "content": content}},
        "stopReason": stop_reason,
        "usage": {"inputTokens": 1000, "outputTokens": 100, "totalTokens": 1100},
        "metrics": {"latencyMs": 5},
        "ResponseMetadata": {"HTTPStatusCode": 200, "RetryAttempts": 0},
    }


def thought(text: str) -> dict[str, Any]:
    """A content block in which a model thinks."""
    return {"reasoningContent": {"reasoningText": {"text": text, "signature": "s"}}}


def schema_of(request: Mapping[str, Any]) -> dict[str, Any]:
    """The JSON schema that a request asks for, whatever way it asks."""
    tools = request.get("toolConfig", {}).get("tools")
    if tools:
        schema: dict[str, Any] = tools[0]["toolSpec"]["inputSchema"]["json"]
        return schema
    return dict(json.loads(request["system"][0]["text"].rpartition("\n")[2]))


def bedrock_error(code: str, status: int, message: str = "Bedrock says no.") -> ClientError:
    """What boto3 raises when Bedrock answers with an error."""
    return ClientError(
        {
            "Error": {"Code": code, "Message": message},
            "ResponseMetadata": {
                "RequestId": "request-1",
                "HostId": "",
                "HTTPStatusCode": status,
                "HTTPHeaders": {},
                "RetryAttempts": 3,
            },
        },
        "Converse",
    )


@dataclass
class FakeBedrock:
    """Bedrock's Converse in memory: answers (or raises) what `reply` says, and keeps requests."""

    reply: Any = field(default_factory=verdict)
    requests: list[dict[str, Any]] = field(default_factory=list)
    most_in_flight: int = 0
    _in_flight: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def converse(self, **request: Any) -> Mapping[str, Any]:
        """Answer as boto3 would; `reply` may be a response, an exception or a function of both."""
        with self._lock:
            self.requests.append(request)
            self._in_flight += 1
            self.most_in_flight = max(self.most_in_flight, self._in_flight)
        try:
            reply = self.reply(request) if isinstance(self.reply, Callable) else self.reply  # type: ignore[arg-type]
            if isinstance(reply, Exception):
                raise reply
            return reply  # type: ignore[no-any-return]
        finally:
            with self._lock:
                self._in_flight -= 1

    @property
    def prompts(self) -> list[str]:
        """The user message of every request."""
        return [request["messages"][0]["content"][0]["text"] for request in self.requests]


class FakeTime:
    """A clock that only goes on while somebody sleeps; threads that share it add up."""

    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []
        self._lock = threading.Lock()

    def clock(self) -> float:
        """What `time.monotonic` would say."""
        return self.now

    def sleep(self, seconds: float) -> None:
        """Come back at once, so much later."""
        with self._lock:
            self.slept.append(seconds)
            self.now += seconds


def patient_pace() -> Pace:
    """A pace that waits as long as it has to, in no time."""
    time = FakeTime()
    return Pace(clock=time.clock, sleep=time.sleep)


def scorers(
    bedrock: FakeBedrock,
    *specs: dict[str, Any],
    concurrency: int = 4,
    budgets: Budgets | None = None,
    first_of_hour: FirstOfHour | None = None,
    **settings: Any,
) -> Scorers:
    """The scorers of a configuration, judged by a fake."""
    return build_scorers(
        config(*specs, **settings),
        bedrock,
        default_model=MODEL,
        concurrency=concurrency,
        pace=patient_pace(),
        budgets=budgets,
        first_of_hour=first_of_hour,
    )


def batch(*inferences: Inference, existing: Sequence[Any] = ()) -> list[Record]:
    """A batch for `Scorers.score`, all with the same earlier assessments."""
    records = [Record.of(item, SOURCE) for item in inferences]
    for record in records:
        record.stored = StoredTrace(record.trace_id, complete=True, assessments=tuple(existing))
    return records


SAFETY = {"name": "safety", "type": "safety"}
