"""Ask a Bedrock model for a verdict, over one shared client."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol, cast

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError
from botocore.parsers import ResponseParserError

from inference_monitor.errors import JudgeUnavailableError, MonitorError
from inference_monitor.scoring.pace import Pace


class JudgeRefusedError(MonitorError):
    """Bedrock will refuse this request however often it is sent; says what to do."""


class ConverseClient(Protocol):
    """The one method we need of boto3's `bedrock-runtime` client."""

    def converse(self, **request: Any) -> Mapping[str, Any]:
        """Bedrock's Converse operation."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A Converse response, and what it used."""

    response: Mapping[str, Any]
    input_tokens: int
    output_tokens: int
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0

    @classmethod
    def of(cls, response: Mapping[str, Any]) -> Answer:
        """Read what a response says it has used; a model that says nothing has used 0."""
        usage = response.get("usage", {})
        names = ("inputTokens", "outputTokens", "cacheReadInputTokens", "cacheWriteInputTokens")
        return cls(response, *(usage.get(name, 0) for name in names))

    @property
    def all_input_tokens(self) -> int:
        """What was sent, whether the model had it in its cache or not."""
        return self.input_tokens + self.cache_read_tokens + self.cache_write_tokens


_HINTS = {
    "AccessDeniedException": "enable access to the model in this region's Bedrock console, and"
    " allow the function's role to invoke it (deploy again after naming a new model)",
    "ResourceNotFoundException": "check the model id; it must exist in this region",
    "ValidationException": "check the model id (many models are reached only through an inference"
    " profile such as bedrock:/global.…) and inference_parameters in scorers.yaml",
}
"""Errors of Converse that no retry cures, and what does. All others are taken for transient."""


def bedrock_client(
    concurrency: int, *, connect_timeout: float = 5, read_timeout: float = 30, attempts: int = 4
) -> ConverseClient:
    """A client to be shared by all threads; region and endpoint come from boto3's usual places.

    botocore's standard mode retries throttles, 5xx, timeouts and broken connections with jitter,
    and shares one retry budget, so that a judge that is down is not asked ever more. A verdict
    takes seconds; botocore's own read timeout of 60 s would let four attempts outlast the function.
    """
    config = Config(
        connect_timeout=connect_timeout,
        read_timeout=read_timeout,
        max_pool_connections=concurrency,
        retries={"mode": "standard", "total_max_attempts": attempts},
    )
    return cast(ConverseClient, boto3.client("bedrock-runtime", config=config))


class Judge:
    """Bedrock's Converse operation, with told-apart errors."""

    def __init__(self, client: ConverseClient, pace: Pace | None = None) -> None:
        self._client = client
        self._pace = pace or Pace()

    def ask(self, request: Mapping[str, Any], tokens: int, deadline: float | None = None) -> Answer:
        """Make one Converse call (botocore's retries are inside it).

        Args:
            request: The arguments of Converse.
            tokens: About how many tokens it will use, in and out.
            deadline: A `time.monotonic()`.

        Raises:
            JudgeRefusedError: If Bedrock refuses for good.
            JudgeUnavailableError: If it cannot be reached or throttles, after botocore's retries.
        """
        try:
            response = self._client.converse(**request)
        except ClientError as error:
            raise _judged_by_code(error) from error
        except ParamValidationError:
            # Its message quotes the request, and with it the judged text.
            raise JudgeRefusedError(
                f"ParamValidationError: {_HINTS['ValidationException']}"
            ) from None
        except (BotoCoreError, ResponseParserError) as error:
            raise JudgeUnavailableError(type(error).__name__) from error
        return Answer.of(response)


def _judged_by_code(error: ClientError) -> MonitorError:
    details = error.response.get("Error", {})
    code = details.get("Code", "unknown")
    if code in _HINTS:
        return JudgeRefusedError(f"{code}: {details.get('Message', '')[:300]}: {_HINTS[code]}")
    return JudgeUnavailableError(code)
