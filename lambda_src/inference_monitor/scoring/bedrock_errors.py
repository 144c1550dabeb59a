"""What the errors of Bedrock's Converse mean: come back slower, come back soon, or do not."""

from __future__ import annotations

from botocore.exceptions import ClientError

_HINTS = {
    "AccessDeniedException": "enable access to the model in this region's Bedrock console, and"
    " allow the function's role to invoke it (deploy again after naming a new model)",
    "ResourceNotFoundException": "check the model id; it must exist in this region",
    "ValidationException": "check the model id (many models are reached only through an inference"
    " profile such as bedrock:/global.…) and inference_parameters in scorers.yaml",
}
"""Errors that no retry cures, and what does."""

INVALID_REQUEST = f"ParamValidationError: {_HINTS['ValidationException']}"
"""For a request that botocore does not even send."""

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


def refusal(error: Exception) -> str | None:
    """Bedrock's words and what to do, where it will refuse the call however often it is sent."""
    code = name(error)
    if not isinstance(error, ClientError) or code not in _HINTS:
        return None
    return f"{code}: {error.response.get('Error', {}).get('Message', '')[:300]}: {_HINTS[code]}"
