"""Tell a failed inference from an answer: captures hold no status, only what the server wrote.

A failure is never judged, so whatever is no answer must be found: here the error objects of servers
and frameworks, in `text_failures` what is no JSON.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from inference_monitor.capture.documents import NOT_JSON, parse_json
from inference_monitor.families.failure_words import STATUS_OF_TYPE, http_status, status_of_words
from inference_monitor.families.fields import is_texts, object_of, objects_of, text_of
from inference_monitor.families.text_failures import (
    ERROR_IN_TITLE,
    Found,
    implied_failure,
    stated_in_words,
)
from inference_monitor.inference import Failure

_ANSWERS = (
    "choices", "generated_text", "generation", "predictions", "outputs", "output", "text",
    "content", "embeddings", "embedding", "data", "results", "completion", "response", "answer",
    "result", "output_text", "text_output", "generated_texts", "response_text", "summary", "label",
    "labels", "score", "scores", "prediction",
)  # fmt: skip
_MESSAGES = (
    "message", "Message", "errorMessage", "error_message", "error_msg", "errmsg", "msg",
    "faultstring", "detail", "details", "description", "error_description", "statusDescription",
    "reason", "title", "traceback", "stack_trace",
)  # fmt: skip
_CODES = (
    "http_status_code", "status_code", "statusCode", "error_code", "http_status", "code", "status",
    "OriginalStatusCode", "http_code",
)  # fmt: skip
_TYPES = ("error_type", "errorType", "type", "error_code", "__type", "code", "status")
# A body that has nothing but these says why there is no answer.
_ABOUT_AN_ERROR = {
    *_MESSAGES, *_CODES, *_TYPES, "id", "stackTrace", "stack_trace", "traceback", "trace", "path",
    "requestId", "request_id", "timestamp", "instance", "success", "ok", "properties", "ErrorCode",
    "documentation_url", "param", "headers", "isBase64Encoded", "OriginalMessage", "LogStreamArn",
    "errorCode",
}  # fmt: skip
_LONE_MESSAGES = (
    "message", "Message", "errorMessage", "error_message", "error_msg", "errmsg", "msg", "detail",
)  # fmt: skip
# What else an error is called; beside an answer it is one only as `error`.
_ERROR_NAMES = ("errors", "Error", "ERROR", "err", "exception", "fault", "failure", "requestStatus")
_NOTHING: tuple[Any, ...] = (None, "", [], {})
_FINE_CODES: tuple[Any, ...] = (0, 200, "0", "200")
_FINE = ("ok", "success", "succeeded", "completed", "healthy", "200")
_FAILED_STATUS = ("error", "failed", "failure", "fail")
_DEEPEST = 4  # error objects in error objects


def find_failure(body: Any) -> Found | None:
    """The family of server and the failure that a response body tells of; None for an answer.

    A body fails if its `error` is a text, an object, a list or true; if its `object` or `status` is
    an error; if its `code` is an HTTP error, it has a `detail`, or nothing but a message, and no
    answer beside it; or if generation finished with an error. A `code` alone is no failure: a
    classic model may answer one.
    """
    if isinstance(body, list) and len(body) == 1:
        body = body[0]
    if not isinstance(body, dict):
        return None
    if isinstance(body.get("body"), dict) and "metering" in body:  # LMI's third-party formatter
        body = {**body["body"], **body}
    return (
        _error_member(body)
        or _exception(body)
        or _declared(body)
        or _error_code(body)
        or _numbered(body)
        or _lone_message(body)
        or _failed_finish(body)
    )


def cut_off_failure() -> Found:
    """The failure of a body whose JSON has no end."""
    return "unknown", Failure("the response was cut off: its JSON has no end")


def empty_failure(
    message: str = "the response body is empty: the container may have died or timed out",
) -> Found:
    """The failure of a model that should have spoken and left nothing."""
    return "empty", Failure(message)


def _error_member(body: dict[str, Any]) -> Found | None:
    error: Any = body.get("error")
    if not error and not body.keys().isdisjoint(_ERROR_NAMES) and not _has_answer(body):
        error = next((body[key] for key in _ERROR_NAMES if body.get(key)), None)
    if body.get("object") == "error":
        message = _message(body) or text_of(error)
        return "openai_error", _failure(body, message or "no message")
    if isinstance(error, dict):
        told, message = _innermost(error)
        return "openai_error", _failure({**body, **told}, message or "no message")
    if body.get("is_error") is True or isinstance(error, int):
        return _flagged(body, error)
    if isinstance(error, list):
        parts = [_innermost(e)[1] if isinstance(e, dict) else text_of(e) for e in error]
        error = "; ".join(part for part in parts if part)
    if not isinstance(error, str) or not error.strip():
        return None
    if isinstance(inner := _parsed(error), dict):  # an error of one server in that of another
        return _error_member({**body, "error": inner})
    common = text_of(body.get("message"))
    family = "tgi_error" if "error_type" in body else "lmi_error"
    # LMI's message is the same for every failure; what went wrong is in `error`.
    return family, _failure(body, f"{common}: {error}" if common else error)


def _flagged(body: dict[str, Any], error: Any) -> Found | None:
    """A failure that is said to be one by `true`, or by a number that is no answer's."""
    if not error and body.get("is_error") is not True:
        return None
    if error is not True and error and _has_answer(body):
        return None
    told = {**body, "code": body.get("code", error)}
    message = _message(body) or text_of(body.get("content")) or "no message"
    return "lmi_error", _failure(told, message)


def _innermost(error: dict[str, Any]) -> tuple[dict[str, Any], str | None]:
    """The fields of an error object and those of the errors in it, and what it says."""
    told: dict[str, Any] = {}
    for _ in range(_DEEPEST):
        told |= error
        inner = error.get("error")
        inner = _parsed(inner) if isinstance(inner, str) else inner
        if not isinstance(inner, dict):
            break
        error = inner
    fields = next((v for v in error.values() if is_texts(v)), None)  # what is wrong with which
    return told, _message(error) or text_of(error.get("error")) or _told(fields)


def _parsed(text: str) -> Any:
    return parse_json(text) if text.lstrip()[:1] == "{" else NOT_JSON


def _declared(body: dict[str, Any]) -> Found | None:
    """`type: error`, `status: error`, `success: false`: with a message and no answer."""
    failed = (
        body.get("type") == "error"
        or body.get("success") is False
        or body.get("ok") is False
        or str(body.get("status")).lower() in _FAILED_STATUS
    )
    message = _message(body) if failed and not _has_answer(body) else None
    return ("lmi_error", _failure(body, message)) if message else None


def _error_code(body: dict[str, Any]) -> Found | None:
    """An HTTP error as the code, with a message, or the body of the answer it stands for."""
    codes = (http_status(body[key]) for key in _CODES if key in body)
    if all(code is None for code in codes) or _has_answer(body):
        return None
    message = _message(body) or text_of(body.get("body"))
    if isinstance(inner := _parsed(message or ""), dict):
        message = (find_failure(inner) or ("", Failure(message or "")))[1].message
    return ("djl_error", _failure(body, message)) if message is not None else None


def _numbered(body: dict[str, Any]) -> Found | None:
    """FastChat's worker: the message as `text`, the code as a status and two digits; 0 if fine.

    Source: lm-sys/FastChat, fastchat/constants.py (`ErrorCode`), as of 2026-11.
    """
    code, message = body.get("error_code"), text_of(body.get("text"))
    if type(code) is not int or not 40000 <= code < 60000 or not message:
        return None
    return "lmi_error", _failure({"status_code": code // 100}, message)


def _lone_message(body: dict[str, Any]) -> Found | None:
    """FastAPI's `detail`, and bodies that have a message and nothing that it belongs to."""
    told = {key for key, value in body.items() if value not in _NOTHING}
    fine = str(body.get("status", "")).lower() in _FINE or body.get("code") in _FINE_CODES
    if fine or not told <= _ABOUT_AN_ERROR:
        return None
    message = next((m for key in _LONE_MESSAGES if (m := _told(body.get(key)))), None)
    title = text_of(body.get("title")) or ""
    if message is None and (ERROR_IN_TITLE.fullmatch(title) or title.startswith("Invalid ")):
        message = title  # Falcon's, with a description or not
    if message is None:
        return None
    failure = stated_in_words(message) or _failure(body, message)
    if failure.status_code is None and objects_of(body.get("detail")):  # FastAPI's validation
        failure = implied_failure(message, 422)
    return "lmi_error", failure


def _exception(body: dict[str, Any]) -> Found | None:
    """`{"modelStreamErrorException": {"message"}}`: an event of ConverseStream."""
    name = next(iter(body), "")
    if len(body) != 1 or not name.endswith("Exception") or not isinstance(body[name], dict):
        return None
    kind = name[0].upper() + name[1:]
    return "openai_error", _failure({"type": kind}, _told(body[name]) or kind)


def _failed_finish(body: dict[str, Any]) -> Found | None:
    if _is_failed(object_of(body.get("details")).get("finish_reason")):
        return "lmi_error", _failure(body, "generation finished with an error")
    choices = body.get("choices")
    first = object_of(choices[0]) if isinstance(choices, list) and choices else {}
    for told in (first, object_of(body.get("meta_info")), body):
        reason = told.get("finish_reason")
        kind = reason.get("type") if isinstance(reason, dict) else reason
        if _is_failed(kind):
            if isinstance(first.get("error"), dict):  # a provider's, as OpenRouter tells it
                return _error_member(first)
            message = text_of(object_of(reason).get("message")) or "generation was aborted"
            return "openai_error" if first else "sglang_error", _failure(object_of(reason), message)
    return None


def _is_failed(reason: Any) -> bool:
    return isinstance(reason, str) and reason.lower() in ("error", "abort", "error_toxic")


def _has_answer(body: dict[str, Any]) -> bool:
    return any(body.get(key) not in (None, "", [], {}) for key in _ANSWERS if key != "content") or (
        isinstance(body.get("content"), str) and bool(body["content"])
    )


def _message(told: dict[str, Any]) -> str | None:
    return next((m for key in _MESSAGES if (m := _told(told.get(key)))), None)


def _told(value: Any) -> str | None:
    """What a message says: a text, or a list such as FastAPI's of what is wrong where."""
    if isinstance(value, str):
        return value if value.strip() else None
    if is_texts(value):
        return "; ".join(value)
    parts = []
    for problem in objects_of(value):
        place = problem.get("loc")
        where = ".".join(str(step) for step in place) if isinstance(place, list) else ""
        said = text_of(problem.get("msg")) or text_of(problem.get("message")) or ""
        parts.append(f"{where}: {said}" if where and said else where or said)
    if isinstance(value, dict):
        return _message(value) or text_of(value.get("error"))
    return "; ".join(part for part in parts if part) or None


def _failure(told: dict[str, Any], message: str) -> Failure:
    kinds = [text for key in _TYPES if (text := text_of(told.get(key))) and not text.isdecimal()]
    status = next((s for key in _CODES if (s := http_status(told.get(key))) is not None), None)
    kind = next((k for k in kinds if k != "error"), kinds[0] if kinds else None)
    if status is not None:
        return Failure(message, kind, status)
    status = next((STATUS_OF_TYPE[k] for k in kinds if k in STATUS_OF_TYPE), None)
    return replace(implied_failure(message, status or status_of_words(message)), type=kind)
