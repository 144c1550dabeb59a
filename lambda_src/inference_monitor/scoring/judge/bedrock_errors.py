"""What the errors of Bedrock's Converse mean: come back slower, come back soon, or do not.

The words are AWS's, as of November 2026: "Troubleshooting Amazon Bedrock API Error Codes" and the
API reference of Converse, and the issues of public projects where users report them (see
docs/decisions/0017-judges-are-negotiated-with.md).
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
