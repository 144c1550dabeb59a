"""What the errors of Bedrock's Converse mean: come back slower, come back soon, or do not.

The words are AWS's, as of November 2026: "Troubleshooting Amazon Bedrock API Error Codes" and the
API reference of Converse, and the issues of public projects where users report them (see
docs/decisions/0012-judges-are-negotiated-with.md).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from botocore.exceptions import ClientError

MOST_WORDS = 300
"""Characters of Bedrock's message that are repeated."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A call that Bedrock refuses however often it is sent, and what a person can do.

    `of_record` when it is this record that is refused, not the model: others may be judged.
    `recognized` when the words are known; the code alone stands for many things.
    """

    code: str
    message: str
    hint: str
    of_record: bool = False
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
_HINTS = {
    r"end of (?:its )?life|no longer (?:available|supported)|been (?:retired|deprecated)": (
        f"the model is dead; {_LIVING} and deploy"
    ),
    r"\blegacy\b": (
        "the model is about to end, and closed to accounts that have not used it lately;"
        f" {_LIVING} and deploy"
    ),
    r"marketplace": (
        "let somebody with aws-marketplace:Subscribe and aws-marketplace:ViewSubscriptions open"
        " the model once in the Bedrock console, which subscribes the account"
    ),
    r"use[ -]case": (
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
    r"identifier is invalid|resolve the foundation model|(?:available|supported) in (?:this|your)"
    r"|unsupported (?:region|countr)": _MODEL,
    r"not authorized|don.t have access|access (?:is )?denied|model access": _ACCESS,
    r"doesn.t support tool use": "the model takes no tools: name one that chats",
}
_RECORD_HINTS = {
    r"(?:input|prompt) is too long|too many (?:input )?tokens|context (?:window|length|limit)"
    r"|maximum context": (
        "the record is longer than the model's context: lower max_record_tokens in scorers.yaml,"
        " or name a model with a longer one"
    ),
    r"\bblank\b|must not be empty|non-whitespace|content field .* is empty": (
        "the record has no text that the model takes"
    ),
}
_BY_CODE = {
    "AccessDeniedException": _ACCESS,
    "ResourceNotFoundException": _MODEL,
    "ValidationException": f"{_MODEL}; check inference_parameters in scorers.yaml",
}
"""Errors that no retry cures, and what does where their words are not known."""

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
    message = str(error.response.get("Error", {}).get("Message", ""))
    invalid = code == "ValidationException"
    if invalid and (hint := _hint(_RECORD_HINTS, message)):
        return Refusal(code, message, hint, of_record=True)
    if hint := _hint(_HINTS, message):
        return Refusal(code, message, hint)
    # Refused access and a missing model are always the model's; an invalid request may be any.
    return Refusal(code, message, _BY_CODE[code], recognized=not invalid)


def _hint(hints: dict[str, str], message: str) -> str | None:
    found = (hint for words, hint in hints.items() if re.search(words, message, re.IGNORECASE))
    return next(found, None)


INVALID_REQUEST = Refusal("ParamValidationError", "", _BY_CODE["ValidationException"])
"""For a request that botocore does not even send; its own message quotes the request."""
