"""Ask a Bedrock model for a verdict, over one shared client, in the way that the model takes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
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

from inference_monitor.config.models import ModelTable, model_table
from inference_monitor.domain import RefusedJudges
from inference_monitor.errors import JudgeUnavailableError, MonitorError
from inference_monitor.scoring.judge.answer import Answer
from inference_monitor.scoring.judge.bedrock_errors import (
    INVALID_REQUEST,
    Refusal,
    is_throttle,
    may_pass,
    name,
    refusal,
)
from inference_monitor.scoring.judge.negotiation import ModelTerms, Negotiation, Offer
from inference_monitor.scoring.judge.pace import Pace
from inference_monitor.scoring.judge.requests import JudgeRequest


class JudgeRefusedError(MonitorError):
    """Bedrock will refuse this call however often it is sent; says what to do.

    `code` is Bedrock's. `asked` is False where it was known before, so that no call was made.
    """

    def __init__(self, reason: str, code: str | None = None, *, asked: bool = True) -> None:
        super().__init__(reason)
        self.code = code
        self.asked = asked


class ConverseClient(Protocol):
    """The one method we need of boto3's `bedrock-runtime` client."""

    def converse(self, **request: Any) -> Mapping[str, Any]:
        """Bedrock's Converse operation."""


MOST_THROTTLED = 12
"""Attempts at a call that is throttled, if the deadline leaves the time: of a judge that throttles
three of ten calls, one call in two million is then given up."""
MOST_FAILED = 3
MOST_TIMED_OUT = 2
"""Attempts at a call that times out: each may be on the bill."""
_MOST_LOST = 2
"""Answers without a verdict after which a call is made again, because the model is known better."""
_FAILED_COUNTS_AS = 5
"""A pause after a failure is as long as after so many throttles: a server in trouble needs it."""
READ_TIMEOUT_SECONDS = 120
"""A model that thinks may take a minute; botocore's own 60 s would cut it off."""


def bedrock_client(
    concurrency: int,
    *,
    connect_timeout: float = 5,
    read_timeout: float = READ_TIMEOUT_SECONDS,
) -> ConverseClient:
    """A client to be shared by all threads; region and endpoint come from boto3's usual places.

    It tries once: `Judge` has retries of its own.

    Args:
        concurrency: Calls in flight at once.
        connect_timeout: In seconds.
        read_timeout: The longest that an answer may take, in seconds.
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

    def __init__(
        self, client: ConverseClient, pace: Pace | None = None, models: ModelTable | None = None
    ) -> None:
        self._client = client
        self._pace = pace or Pace()
        self.negotiation = Negotiation(models or model_table())

    def ask(
        self,
        request: JudgeRequest,
        tokens: int,
        *,
        deadline: float | None = None,
        refused: RefusedJudges | None = None,
    ) -> Answer:
        """Make one Converse call, and make it again while it is worth it.

        Args:
            request: The question.
            tokens: About how many tokens it will use, in and out.
            deadline: A `time.monotonic()`; no attempt begins after it.
            refused: The models that are not asked any more; one that refuses for good is added.

        Raises:
            JudgeRefusedError: If Bedrock refuses for good, now or before.
            JudgeUnavailableError: If it throttles or cannot be reached, attempt after attempt or
                until the deadline. Its cause is a `ReadTimeoutError` if there was one: that
                attempt may be on the bill.
        """
        call = _Call(request, tokens, deadline, refused or RefusedJudges())
        terms = self.negotiation.model(request.model_id)
        while (offer := terms.offer(request, deadline)) is not None:
            try:
                if answer := self._attempt(call, terms, offer):
                    return answer
            finally:
                terms.withdraw(offer)
        return call.give_up()

    def _attempt(self, call: _Call, terms: ModelTerms, offer: Offer) -> Answer | None:
        """Make one attempt; None when another is to be made, with any pause before it over."""
        if reason := call.refused.reason(call.request.model_id):
            raise JudgeRefusedError(reason, asked=False)
        if not self._pace.admit(call.tokens, call.deadline):
            return call.give_up()
        try:
            response = self._client.converse(**offer.built.arguments)
        except ParamValidationError:
            self._pace.answered(call.tokens, 0)
            # Its message quotes the request, and with it the judged text.
            raise self._refuse(call, terms, INVALID_REQUEST) from None
        except (ClientError, BotoCoreError, ResponseParserError) as error:
            return self._failed(call, terms, offer, error)
        again = terms.accept(offer, response)
        answer = Answer.of(response, call.attempts + 1, offer.built.way)
        weight = terms.output_weight
        # Some models do not say what they have used; they have answered nevertheless.
        self._pace.answered(call.tokens, answer.quota_tokens(weight) or call.tokens)
        answer = answer.after(call.lost)
        if again and call.lost_answers < _MOST_LOST:
            call.lost, call.lost_answers = answer, call.lost_answers + 1
            return None
        return answer

    def _failed(
        self, call: _Call, terms: ModelTerms, offer: Offer, error: Exception
    ) -> Answer | None:
        """Learn from a failed attempt, and pause where that helps.

        Raises:
            JudgeRefusedError, JudgeUnavailableError: If there is no use in another attempt.
        """
        if is_throttle(error):
            self._pace.throttled()
        else:
            self._pace.answered(call.tokens, 0)
            if found := refusal(error):
                # Llama refuses a cache point as denied access (strands-agents 1807).
                negotiable = found.code in ("ValidationException", "AccessDeniedException")
                negotiable &= not (found.of_record or found.of_model)
                if negotiable and terms.refuse(offer, found.message):
                    return None
                if not found.recognized and terms.was_accepted(offer):
                    # The model takes such requests, so it is this record that it does not take.
                    found = replace(found, of_record=True)
                raise self._refuse(call, terms, found) from error
            if not may_pass(error):
                raise JudgeUnavailableError(name(error)) from error
            if isinstance(error, ReadTimeoutError):
                terms.is_too_slow(offer)
        call.add(error)
        # Not while others wait for what this attempt finds out.
        terms.withdraw(offer)
        if call.enough or not self._pace.pause(call.pauses, call.deadline):
            return call.give_up()
        return None

    def _refuse(self, call: _Call, terms: ModelTerms, found: Refusal) -> JudgeRefusedError:
        """Note that a model is not to be asked any more, if it is the model that refuses."""
        if not found.of_record:
            call.refused.add(call.request.model_id, str(found))
            terms.forget()
        return JudgeRefusedError(str(found), found.code)


@dataclass(slots=True)
class _Call:
    """One call with its attempts; `worst` is the error to tell of.

    `lost` is an answer without a verdict, after which it is asked again in another way.
    """

    request: JudgeRequest
    tokens: int
    deadline: float | None
    refused: RefusedJudges
    lost: Answer | None = None
    lost_answers: int = 0
    throttled: int = 0
    failed: int = 0
    timed_out: int = 0
    worst: Exception | None = None

    def add(self, error: Exception) -> None:
        """Count an attempt that failed."""
        if is_throttle(error):
            self.throttled += 1
        else:
            self.failed += 1
        late = isinstance(error, ReadTimeoutError)
        self.timed_out += late
        if late or not self.timed_out:
            self.worst = error

    @property
    def attempts(self) -> int:
        """The attempts that failed."""
        return self.throttled + self.failed

    @property
    def enough(self) -> bool:
        """Whether there is no use in another attempt."""
        return (
            self.throttled >= MOST_THROTTLED
            or self.failed >= MOST_FAILED
            or self.timed_out >= MOST_TIMED_OUT
        )

    @property
    def pauses(self) -> int:
        """How long the next pause is to be, in doublings of the first."""
        return self.attempts + (_FAILED_COUNTS_AS if self.failed else 0)

    def give_up(self) -> Answer:
        """The answer without a verdict, if there was one: it is paid for.

        Raises:
            JudgeUnavailableError: If there was none.
        """
        if self.lost is not None:
            return self.lost
        if self.worst is None:
            raise JudgeUnavailableError("no turn before the deadline")
        told = f"{name(self.worst)} after {self.attempts} attempts"
        raise JudgeUnavailableError(told) from self.worst
