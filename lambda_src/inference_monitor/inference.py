"""The vocabulary of the monitor: one captured inference, and where it came from.

Everything here is plain data. Readers make it, the trace builder and the scorers use it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any


class Kind(StrEnum):
    """What sort of model answered. Only `LLM` inferences are judged."""

    LLM = "llm"
    EMBEDDING = "embedding"
    RERANK = "rerank"
    CLASSIFIER = "classifier"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Source:
    """The capture file a record was read from, and the MLflow experiment its trace belongs to.

    `variant` is None when the key does not follow SageMaker's folder layout; `foreign` says that
    the key names another endpoint than the monitored one. `experiment_id` is None as long as no
    MLflow was asked: where records are only read, or judged for a trial.
    """

    bucket: str
    key: str
    endpoint: str
    variant: str | None = None
    foreign: bool = False
    experiment_id: str | None = None

    @property
    def uri(self) -> str:
        """`s3://bucket/key`."""
        return f"s3://{self.bucket}/{self.key}"


@dataclass(frozen=True, slots=True)
class Usage:
    """Token counts as the endpoint reported them; None where it said nothing."""

    input_tokens: int | None = None
    output_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A tool the model asked for. `arguments` is JSON text, as OpenAI's API has it."""

    name: str
    arguments: str
    id: str | None = None


@dataclass(frozen=True, slots=True)
class Choice:
    """One answer. `item` is the index of the batched input it belongs to, 0 for a plain request."""

    text: str | None
    finish_reason: str | None = None
    reasoning: str | None = None
    tool_calls: tuple[ToolCall, ...] = ()
    output_tokens: int | None = None
    item: int = 0

    @property
    def is_empty(self) -> bool:
        """Whether it says nothing and calls no tool, whatever was thought."""
        return not (self.text and self.text.strip()) and not self.tool_calls

    @property
    def is_known_to_have_cost(self) -> bool:
        """Whether tokens were used for it, as far as it tells itself."""
        out_of_tokens = (self.finish_reason or "").lower() in _OUT_OF_TOKENS
        return bool(self.reasoning or self.output_tokens) or out_of_tokens


# OpenAI, Anthropic, Cohere and AI21, OpenAI's Responses API, in whatever case.
_OUT_OF_TOKENS = frozenset({"length", "max_tokens", "max_output_tokens"})


@dataclass(frozen=True, slots=True)
class Failure:
    """Why the endpoint failed.

    `status_code` is None when the body does not tell; `status_is_implied` says that it is no number
    in the body but follows from its words, as 500 does from "Internal Server Error".
    """

    message: str
    type: str | None = None
    status_code: int | None = None
    status_is_implied: bool = False


@dataclass(frozen=True, slots=True)
class Request:
    """What the caller sent.

    `messages` follow the OpenAI chat shape (`{"role", "content", ...}`). A batched request has one
    list of messages per item in `items`; `messages` is then their concatenation.
    `session_id` and `user_id` are what the body says of the caller.
    `body` is the decoded payload: parsed JSON, else text, else the base64 text of binary data.
    """

    family: str
    body: Any = None
    messages: list[dict[str, Any]] | None = None
    parameters: dict[str, Any] | None = None
    tools: list[dict[str, Any]] | None = None
    model: str | None = None
    items: list[list[dict[str, Any]]] = field(default_factory=list)
    session_id: str | None = None
    user_id: str | None = None


@dataclass(frozen=True, slots=True)
class Response:
    """What the endpoint answered. `choices[0]` is the answer; others are more choices or items."""

    family: str
    body: Any = None
    choices: tuple[Choice, ...] = ()
    usage: Usage = Usage()
    failure: Failure | None = None
    model: str | None = None
    streamed: bool = False
    echoes_prompt: bool = False


@dataclass(frozen=True, slots=True)
class Inference:
    """One captured inference, read from one line of a capture file.

    `request` or `response` is None when the endpoint captures one side only.
    `inference_time` is timezone-aware (UTC); captures carry no latency.
    `redactions` counts what was replaced in its texts, by kind; None where redaction is off.
    """

    event_id: str
    inference_time: datetime
    kind: Kind
    family: str
    request: Request | None
    response: Response | None
    inference_id: str | None = None
    inference_component: str | None = None
    custom_attributes: tuple[str, ...] = ()
    redactions: dict[str, int] | None = None

    @property
    def output_text(self) -> str | None:
        """The text of the answer (choice 0), None when there is none."""
        return self.response.choices[0].text if self.response and self.response.choices else None

    @property
    def empty_answer(self) -> bool:
        """Whether an LLM used tokens for an answer that has neither a text nor a tool call.

        Thinking that took all tokens is the usual reason. Where one of several answers is empty,
        that one has to tell of its tokens: the endpoint's count is of all of them together.
        """
        response = self.response
        if self.kind is not Kind.LLM or response is None or response.failure:
            return False
        if not response.choices:
            # An endpoint that keeps the text out of its captures leaves out the choices as well.
            told = response.body.get("choices") if isinstance(response.body, dict) else None
            return told == [] and bool(response.usage.output_tokens)
        empty = [choice for choice in response.choices if choice.is_empty]
        all_empty = bool(empty) and len(empty) == len(response.choices)
        return (all_empty and bool(response.usage.output_tokens)) or any(
            choice.is_known_to_have_cost for choice in empty
        )

    @property
    def failure(self) -> Failure | None:
        """Why the endpoint failed, None when it did not."""
        return self.response.failure if self.response else None

    @property
    def status_code(self) -> int | None:
        """The HTTP status: read from the body of a failure, 200 for an answer, else None."""
        if self.response is None:
            return None
        return self.response.failure.status_code if self.response.failure else 200
