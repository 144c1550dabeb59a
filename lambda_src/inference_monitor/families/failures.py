"""Tell a failed inference from an answer: captures hold no status, only what the server wrote."""

from __future__ import annotations

from typing import Any

from inference_monitor.families.fields import count_of, is_texts, object_of, text_of
from inference_monitor.inference import Failure

_STATUS_OF_TYPE = {
    # TGI's router: error_type to the status it answers with.
    "validation": 422,
    "template_error": 422,
    "missing_template_variable": 422,
    "tool_error": 422,
    "generation": 424,
    "overloaded": 429,
    "incomplete_generation": 500,
    "incomplete_generation_stream": 500,
    "stream_serialization_error": 500,
    # vLLM and SGLang: type of the error object.
    "BadRequestError": 400,
    "NotFoundError": 404,
    "UnprocessableEntityError": 422,
    "InternalServerError": 500,
    "ServiceUnavailableError": 503,
    # Anthropic's Messages API.
    "invalid_request_error": 400,
    "not_found_error": 404,
    "rate_limit_error": 429,
    "api_error": 500,
    "overloaded_error": 529,
    # DJL serving and the Hugging Face toolkit.
    "BadRequestException": 400,
    "ModelNotFoundException": 404,
    "InternalServerException": 500,
    "ServiceUnavailableException": 503,
}
_ANSWERS = ("choices", "generated_text", "generation", "predictions")
_FAILED_FINISH = ("error", "abort")


def find_failure(body: Any) -> tuple[str, Failure] | None:
    """The family of server and the failure that a response body tells of; None for an answer.

    A body fails if (a) its `error` is a non-empty text or object, (b) its `object` is "error",
    (c) its `code` is an HTTP error and there is no answer beside it, or (d) generation finished
    with "error" or "abort". A `code` alone is no failure: a classic model may answer one. A list
    fails with its first body if all of its bodies fail.
    """
    if isinstance(body, list):
        found = [find_failure(one) if isinstance(one, dict) else None for one in body]
        return found[0] if all(found) and found else None
    if not isinstance(body, dict):
        return None
    if isinstance(body.get("body"), dict) and "metering" in body:  # LMI's third-party formatter
        body = {**body["body"], **body}
    return _error_member(body) or _error_code(body) or _failed_finish(body)


def _error_member(body: dict[str, Any]) -> tuple[str, Failure] | None:
    error: Any = body.get("error")
    if is_texts(error):
        error = "; ".join(error)
    if body.get("object") == "error":
        return "openai_error", _failure(body, text_of(body.get("message")) or "no message")
    if isinstance(error, dict) and error:
        message = text_of(error.get("message")) or text_of(error.get("error_msg")) or "no message"
        return "openai_error", _failure({**body, **error}, message)
    if not isinstance(error, str) or not error:
        return None
    common = text_of(body.get("message"))
    family = "tgi_error" if "error_type" in body else "lmi_error"
    # LMI's message is the same for every failure; what went wrong is in `error`.
    return family, _failure(body, f"{common}: {error}" if common else error)


def _error_code(body: dict[str, Any]) -> tuple[str, Failure] | None:
    if _status(body.get("code")) is None or any(body.get(k) is not None for k in _ANSWERS):
        return None
    message = text_of(body.get("message"))
    return ("djl_error", _failure(body, message)) if message is not None else None


def _failed_finish(body: dict[str, Any]) -> tuple[str, Failure] | None:
    details = object_of(body.get("details"))
    if details.get("finish_reason") in _FAILED_FINISH:
        return "lmi_error", _failure(body, "generation finished with an error")
    choices = body.get("choices")
    first = object_of(choices[0]) if isinstance(choices, list) and choices else {}
    for reason in (
        object_of(body.get("meta_info")).get("finish_reason"),
        first.get("finish_reason"),
    ):
        told = object_of(reason)
        if reason in _FAILED_FINISH or told.get("type") in _FAILED_FINISH:
            message = text_of(told.get("message")) or "generation was aborted"
            return "openai_error" if first else "sglang_error", _failure(told, message)
    return None


def _failure(told: dict[str, Any], message: str) -> Failure:
    kind = text_of(told.get("error_type")) or text_of(told.get("type"))
    codes = (told.get(k) for k in ("http_status_code", "status_code", "error_code", "code"))
    status = next((s for c in codes if (s := _status(c)) is not None), None)
    return Failure(message, kind, status or _STATUS_OF_TYPE.get(kind or ""))


def _status(code: Any) -> int | None:
    """An HTTP error status, also as digits; other codes (Mistral's "1300") are none."""
    number = int(code) if isinstance(code, str) and code.isdecimal() and len(code) < 4 else code
    number = count_of(number)
    return number if number is not None and 400 <= number < 600 else None
