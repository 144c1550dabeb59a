"""Call a judge on Bedrock: errors told apart, retries, rate limit and negotiation."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol, cast

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError, ReadTimeoutError
from botocore.parsers import ResponseParserError

from inference_monitor.config.models import ModelTable, model_table
from inference_monitor.domain import RefusedJudges
from inference_monitor.errors import JudgeUnavailableError, MonitorError
from inference_monitor.scoring.judge.converse import Answer, JudgeRequest
from inference_monitor.scoring.judge.negotiation import ModelTerms, Negotiation, Offer
from inference_monitor.scoring.judge.rate_limit import Pace

MOST_WORDS = 300
"""Characters of Bedrock's message that are repeated."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A call that Bedrock refuses however often it is sent, and what a person can do.

    `of_record` when it is this record that is refused, not the model: others may be judged.
    `of_model` when it is certainly the model or the account, and nothing that a request has.
    `recognized` when the words are known; the code alone stands for many things.
    """

    code: str
    message: str
    hint: str
    of_record: bool = False
    of_model: bool = False
    recognized: bool = True

    def __str__(self) -> str:
        message = self.message[:MOST_WORDS].rstrip(". ")
        return ": ".join(part for part in (self.code, message, self.hint) if part)


_LIVING = "name a living one in BEDROCK_MODEL_ID or scorers.yaml (see `inference-monitor models`)"
_MODEL = (
    "check the model id and the Region: many models are reached only through an inference profile"
    " such as bedrock:/global.… or bedrock:/us.…"
)
_ACCESS = (
    "allow the function's role to invoke the model (deploy again after naming a new one), and open"
    " the model once in this Region's Bedrock console"
)
_ACCOUNT = (
    "the account may not call the model: ask AWS Support, or whoever sells AWS to you, to allow it"
)
_MODEL_HINTS = {
    r"end[ -]of[ -](?:its )?life|version is no longer": f"the model is dead; {_LIVING} and deploy",
    r"provider as legacy": (
        "the model is about to end, and closed to accounts that have not used it lately;"
        f" {_LIVING} and deploy"
    ),
    r"payment.instrument": (
        "the account has no valid means of payment for the AWS Marketplace, which sells the model:"
        " add one in the Billing console"
    ),
    r"marketplace": (
        "let somebody with aws-marketplace:Subscribe and aws-marketplace:ViewSubscriptions open"
        " the model once in the Bedrock console, which subscribes the account"
    ),
    r"use[ -]case (?:details|form)": (
        "fill in the provider's use-case form once for the account (Bedrock console, Model"
        " catalog); access comes some 15 minutes later"
    ),
    r"service control policy|explicit deny": (
        "a policy of the organization or the account forbids it: ask its administrator to allow"
        " bedrock:InvokeModel on the model, in every Region that its inference profile routes to"
    ),
    r"on-demand throughput": (
        "name an inference profile of the model, such as bedrock:/global.… or bedrock:/us.…,"
        " instead of the model"
    ),
    r"data retention": (
        "the model asks for another mode of data retention: set that for the account, or name"
        " another model"
    ),
    r"operation not allowed|account is not (?:authorized|allowed)|channel program": _ACCOUNT,
    r"model identifier is invalid|resolve the foundation model|at 'modelid' failed"
    r"|unsupported (?:region|countr)|\b(?:arn|profile)\b.*(?:is invalid|not found)": _MODEL,
    r"not authorized|don.t have access|access (?:is )?denied|model access": _ACCESS,
}
_HINTS = {
    r"no longer (?:available|supported)|been (?:retired|deprecated)": (
        f"the model is dead; {_LIVING} and deploy"
    ),
    r"(?:available|supported) in (?:this|your)": _MODEL,
    r"doesn.t support tool use": "the model takes no tools: name one that chats",
}
"""Hints whose words may also be about something in the request."""
_RECORD_HINTS = {
    r"(?:input|prompt) is too long|too many (?:input )?tokens|context (?:window|length|limit)"
    r"|maximum (?:context|prompt)|input tokens exceed|exceeds max(?:imum)? (?:input )?length"
    r"|too many total text bytes|reduce the length of|messages\b.*length less than or equal": (
        "the record is longer than the model's context: lower max_record_tokens in scorers.yaml,"
        " or name a model with a longer one"
    ),
    r"text content blocks must|(?:text|content) field\b.*\b(?:blank|empty)"
    r"|(?:messages|content)\b.*(?:must not be empty|non-?empty|non-whitespace)"
    r"|messages\b.*length greater than or equal": ("the record has no text that the model takes"),
}
_BY_CODE = {
    "AccessDeniedException": _ACCESS,
    "ResourceNotFoundException": _MODEL,
    "ValidationException": f"{_MODEL}; check inference_parameters in scorers.yaml",
}
"""Errors that no retry cures, and what does where their words are not known."""

_VALUE = re.compile(r"\bvalue '.*?' at '(?!modelId)", re.DOTALL | re.IGNORECASE)

_THROTTLES = {"ThrottlingException", "TooManyRequestsException", "ServiceQuotaExceededException"}
_PASSING = {"ModelErrorException", "ModelNotReadyException", "ModelTimeoutException"}


def name(error: Exception) -> str:
    """The code that Bedrock gave, or what went wrong on the way."""
    if isinstance(error, ClientError):
        return str(error.response.get("Error", {}).get("Code", "unknown"))
    return type(error).__name__


def is_throttle(error: Exception) -> bool:
    """Whether the call was refused for a quota."""
    return name(error) in _THROTTLES


def may_pass(error: Exception) -> bool:
    """Whether the same call may soon succeed: after throttles, 5xx, and what breaks on the way.

    What is neither that nor a refusal, an expired session for example, is left to a later delivery.
    """
    if not isinstance(error, ClientError):
        return True
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return status >= 500 or name(error) in _THROTTLES | _PASSING


def refusal(error: Exception) -> Refusal | None:
    """What Bedrock refuses for good, in its own words and with what to do; None for other errors.

    The hint goes by the message first: one code stands for very different refusals.
    """
    code = name(error)
    if not isinstance(error, ClientError) or code not in _BY_CODE:
        return None
    # A value may be the record.
    message = _VALUE.sub("Value at '", str(error.response.get("Error", {}).get("Message", "")))
    invalid = code == "ValidationException"
    if invalid and (hint := _hint(_RECORD_HINTS, message)):
        return Refusal(code, message, hint, of_record=True)
    if hint := _hint(_MODEL_HINTS, message):
        return Refusal(code, message, hint, of_model=True)
    if hint := _hint(_HINTS, message):
        return Refusal(code, message, hint)
    # Refused access and a missing model are always the model's; an invalid request may be any.
    return Refusal(code, message, _BY_CODE[code], recognized=not invalid)


def _hint(hints: dict[str, str], message: str) -> str | None:
    found = (hint for words, hint in hints.items() if re.search(words, message, re.IGNORECASE))
    return next(found, None)


INVALID_REQUEST = Refusal("ParamValidationError", "", _BY_CODE["ValidationException"])
"""For a request that botocore does not even send; its own message quotes the request."""


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
