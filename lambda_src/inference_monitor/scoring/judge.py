"""Ask a Bedrock model for a verdict, over one shared client."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol, cast

import boto3
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ParamValidationError,
    ReadTimeoutError,
)
from botocore.parsers import ResponseParserError

from inference_monitor.errors import JudgeUnavailableError, MonitorError
from inference_monitor.scoring.answer import Answer
from inference_monitor.scoring.bedrock_errors import (
    INVALID_REQUEST,
    is_throttle,
    may_pass,
    name,
    refusal,
)
from inference_monitor.scoring.pace import Pace


class JudgeRefusedError(MonitorError):
    """Bedrock will refuse this request however often it is sent; says what to do."""


class ConverseClient(Protocol):
    """The one method we need of boto3's `bedrock-runtime` client."""

    def converse(self, **request: Any) -> Mapping[str, Any]:
        """Bedrock's Converse operation."""


MOST_THROTTLED = 12
"""Attempts at a call that is throttled, if the deadline leaves the time: of a judge that throttles
three of ten calls, one call in two million is then given up."""
MOST_FAILED = 3
_FAILED_COUNTS_AS = 5
"""A pause after a failure is as long as after so many throttles: a server in trouble needs it."""


def bedrock_client(
    concurrency: int, *, connect_timeout: float = 5, read_timeout: float = 30
) -> ConverseClient:
    """A client to be shared by all threads; region and endpoint come from boto3's usual places.

    It tries once: `Judge` has retries of its own. A verdict takes seconds; botocore's own read
    timeout of 60 s would let three attempts outlast the function.
    """
    config = Config(
        connect_timeout=connect_timeout,
        read_timeout=read_timeout,
        max_pool_connections=concurrency,
        retries={"mode": "standard", "total_max_attempts": 1},
    )
    return cast(ConverseClient, boto3.client("bedrock-runtime", config=config))


class Judge:
    """Bedrock's Converse operation, at a pace, with retries and told-apart errors."""

    def __init__(self, client: ConverseClient, pace: Pace | None = None) -> None:
        self._client = client
        self._pace = pace or Pace()

    def ask(self, request: Mapping[str, Any], tokens: int, deadline: float | None = None) -> Answer:
        """Make one Converse call, and make it again while it is worth it.

        Args:
            request: The arguments of Converse.
            tokens: About how many tokens it will use, in and out.
            deadline: A `time.monotonic()`; no attempt begins after it.

        Raises:
            JudgeRefusedError: If Bedrock refuses for good.
            JudgeUnavailableError: If it throttles or cannot be reached, attempt after attempt or
                until the deadline. Its cause is a `ReadTimeoutError` if there was one: that
                attempt may be on the bill.
        """
        tried = _Tried()
        while self._pace.admit(tokens, deadline):
            try:
                answer = Answer.of(self._client.converse(**request), tried.attempts + 1)
            except ParamValidationError:
                self._pace.answered(tokens, 0)
                # Its message quotes the request, and with it the judged text.
                raise JudgeRefusedError(INVALID_REQUEST) from None
            except (ClientError, BotoCoreError, ResponseParserError) as error:
                self._tell(error, tokens)
                tried.add(error)
                if tried.enough or not self._pace.pause(tried.pauses, deadline):
                    break
            else:
                used = answer.quota_tokens(str(request.get("modelId", "")))
                # Some models do not say what they have used; they have answered nevertheless.
                self._pace.answered(tokens, used or tokens)
                return answer
        raise JudgeUnavailableError(str(tried)) from tried.worst

    def _tell(self, error: Exception, tokens: int) -> None:
        """Pass on what a failed call says about the pace.

        Raises:
            JudgeRefusedError, JudgeUnavailableError: If there is no use in another attempt.
        """
        if is_throttle(error):
            self._pace.throttled()
            return
        self._pace.answered(tokens, 0)
        if reason := refusal(error):
            raise JudgeRefusedError(reason) from error
        if not may_pass(error):
            raise JudgeUnavailableError(name(error)) from error


@dataclass(slots=True)
class _Tried:
    """The attempts at one call; `worst` is the error to tell of."""

    throttled: int = 0
    failed: int = 0
    worst: Exception | None = None

    def add(self, error: Exception) -> None:
        if is_throttle(error):
            self.throttled += 1
        else:
            self.failed += 1
        if not isinstance(self.worst, ReadTimeoutError):
            self.worst = error

    @property
    def attempts(self) -> int:
        return self.throttled + self.failed

    @property
    def enough(self) -> bool:
        return self.throttled >= MOST_THROTTLED or self.failed >= MOST_FAILED

    @property
    def pauses(self) -> int:
        return self.attempts + (_FAILED_COUNTS_AS if self.failed else 0)

    def __str__(self) -> str:
        if self.worst is None:
            return "no turn before the deadline"
        return f"{name(self.worst)} after {self.attempts} attempts"
