"""Tell a failed inference from an answer: captures hold no status, only what the server wrote.

A failure is never judged, so whatever is no answer must be found here: the error objects of servers
and frameworks, the pages and texts of what stands in front of them, and JSON that was cut off.
"""

from __future__ import annotations

import html
import re
from dataclasses import replace
from http import HTTPStatus
from typing import Any

from inference_monitor.capture.documents import NOT_JSON, parse_json
from inference_monitor.families.fields import count_of, is_texts, object_of, objects_of, text_of
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
    # TEI's router (router/src/http/server.rs, ErrorType); its types are in capitals.
    "Unhealthy": 503,
    "Backend": 424,
    "Overloaded": 429,
    "Validation": 422,
    "Tokenizer": 422,
    "Empty": 400,
    # vLLM and SGLang: type of the error object.
    "BadRequestError": 400,
    "NotFoundError": 404,
    "UnprocessableEntityError": 422,
    "InternalServerError": 500,
    "ServiceUnavailableError": 503,
    # OpenAI's and Anthropic's APIs; LiteLLM passes them on.
    "invalid_request_error": 400,
    "authentication_error": 401,
    "permission_error": 403,
    "not_found_error": 404,
    "rate_limit_error": 429,
    "api_error": 500,
    "server_error": 500,
    "overloaded_error": 529,
    # DJL serving, TorchServe and the Hugging Face toolkit.
    "BadRequestException": 400,
    "ModelNotFoundException": 404,
    "MethodNotAllowedException": 405,
    "InternalServerException": 500,
    "ServiceUnavailableException": 503,
    # MLflow's scoring server: error_code.
    "BAD_REQUEST": 400,
    "INVALID_PARAMETER_VALUE": 400,
    "RESOURCE_DOES_NOT_EXIST": 404,
    "REQUEST_LIMIT_EXCEEDED": 429,
    "INTERNAL_ERROR": 500,
    "MALFORMED_REQUEST": 400,
    # llama.cpp's server (tools/server/utils.hpp), and codes of OpenAI's API.
    "unavailable_error": 503,
    "exceed_context_size_error": 400,
    "not_supported_error": 501,
    "context_length_exceeded": 400,
    "invalid_api_key": 401,
    "model_not_found": 404,
    "insufficient_quota": 429,
    "rate_limit_exceeded": 429,
    "request_too_large": 413,
    "timeout_error": 504,
    # Google's APIs, and gRPC behind a gateway: status.
    "INVALID_ARGUMENT": 400,
    "FAILED_PRECONDITION": 400,
    "UNAUTHENTICATED": 401,
    "PERMISSION_DENIED": 403,
    "NOT_FOUND": 404,
    "RESOURCE_EXHAUSTED": 429,
    "INTERNAL": 500,
    "UNAVAILABLE": 503,
    "DEADLINE_EXCEEDED": 504,
    # Errors of AWS in front of a model.
    "ResourceNotFoundException": 404,
    "ModelTimeoutException": 408,
    "ModelErrorException": 424,
    "ModelStreamErrorException": 424,
    "ModelNotReadyException": 429,
    "ValidationException": 400,
    "AccessDeniedException": 403,
    "ThrottlingException": 429,
    "ModelError": 424,
    "InternalFailure": 500,
}
# "internal server error" to 500, and so on: what servers say when they have nothing else to say.
_STATUS_OF_PHRASE = {
    **{status.phrase.lower(): status.value for status in HTTPStatus if status >= 400},
    "payload too large": 413,
    "request timeout": 408,
    "unprocessable entity": 422,
    "service temporarily unavailable": 503,
    "gateway time-out": 504,
    "endpoint request timed out": 504,
    "missing authentication token": 403,
    "invalid api key": 401,
    "worker died.": 500,
    "no healthy upstream": 503,  # Envoy's
    "upstream request timeout": 504,
    "stream timeout": 504,
    "application error": 500,
    "page not found": 404,  # Go's
    "invalid http request received.": 400,  # uvicorn's
    "no available server": 503,  # Traefik's
    "local_rate_limited": 429,  # Envoy's
    "rbac: access denied": 403,  # Istio's
    "jwt is missing": 401,
    "jwt verification fails": 401,
    "fault filter abort": 503,
    "default backend - 404": 404,  # ingress-nginx's
    "http: request body too large": 413,  # Go's
    "this node is being drained.": 503,  # Ray Serve's
    "there was an error parsing the body": 400,  # FastAPI's
}
# Of these phrases some are also what a model answers; servers write them exactly so.
_SAID_BY_PEOPLE = {status.value for status in HTTPStatus if 400 <= status < 500} - {
    405, 408, 411, 413, 414, 415, 422, 429, 431,
}  # fmt: skip
_SAID_BY_SERVERS = (
    "Bad Request", "Not Found", "RBAC: access denied", "Jwt is missing", "Jwt verification fails",
    "default backend - 404",
)  # fmt: skip
_BEGINNINGS = (
    # axum, under TGI and TEI (axum-core/src/extract/rejection.rs).
    ("Failed to deserialize the JSON body into the target type", 422),
    ("Failed to parse the request body as JSON", 400),
    ("Failed to deserialize form body", 422),
    ("Expected request with `Content-Type: application/json`", 415),
    ("Failed to buffer the request body", 413),
    ("upstream connect error or disconnect/reset before headers", 503),  # Envoy
    ("Unexpected error, traceback:", 500),  # Ray Serve
    ("Request dropped due to backpressure", 503),
    ("Maximum request body size", 413),  # aiohttp
    ("500 Internal Server Error\n\nServer got itself in trouble", 500),
    ("Unable to evaluate payload provided: ", 400),  # SageMaker's XGBoost container
    ("Unable to load model: ", 500),
    ("+ Exception Group Traceback (most recent call last):", 500),
    ("RuntimeError: CUDA", 500),
    ("CUDA out of memory", 500),
    ("CUDA error: ", 500),
    ("torch.cuda.OutOfMemoryError", 500),
    ("torch.OutOfMemoryError", 500),
)
_TRACEBACK = re.compile(r'^Traceback \(most recent call last\):\n\n? +File "', re.MULTILINE)
_RAISED = re.compile(r"[\w.]*(?:Error|Exception|Exit|Interrupt)\b")
_STATUS_LINE = re.compile(
    r"(?:HTTP/[\d.]+ |Error:? )?([45]\d\d)[ :-]{1,3}(\w[\w '-]{2,40})\.?", re.I
)
_CLOUDFLARE = re.compile(r"error code: (\d{3,4})")
_SAGEMAKER = re.compile(
    r"(?:An error occurred \(ModelError\) .{,99})?"
    r"Received (?:server|client) error \((\d+)\) from \S+ with message"
)
_HTML = re.compile(
    r"\s*(?:<!--.*?-->\s*)?"
    r"(?P<page><!doctype html|<html|<head|<body)?(?(page)|<(?:title|h1|h2|center|pre)\b)",
    re.I | re.DOTALL,
)
_NO_ROUTE = re.compile(
    r"Cannot (?:GET|POST) /\S*\Z"  # Express
    r"|Path '?/\S* not found\. Please ping http://\S+/-/routes for rout\w+ table\.?\Z"  # Ray Serve
)
_TIMED_OUT = re.compile(r"Request \S+ timed out after [\d.]+ ?s\.?\Z")  # Ray Serve
# What is left of a program that died: in Java, JavaScript, Rust and Go.
_TRACE = re.compile(
    r"(?:Exception in thread \"[^\"\n]*\" )?[\w.$]{1,200}(?:Exception|Error)\b.*"
    r"(?:\n[ \t]+(?:at|\.\.\.) .*)+\s*\Z"
    r"|thread '[^'\n]*' panicked at |panic: .*\n(?:.*\n)?\ngoroutine \d+ \["
)
_JAVA = re.compile(r"java\.[\w.]+(?:Exception|Error)(?::[^\n]*)?(?:\n\s.*)?\Z", re.DOTALL)
_INVALID = re.compile(r"\d+ validation errors? for \w+\n(?:.*\n)+.*\[type=\w+, ")  # pydantic
_UNLOADABLE = re.compile(r"Loading \S+ data failed with Exception, please ensure data is in")
_ASKED_FOR_PAGE = re.compile(r"\b(?:html|web ?(?:page|site)|svg|xml)\b", re.I)
_XML_ERROR = re.compile(
    r"\s*(?:<\?xml[^>]*>\s*)?<(?:(?:\w+:)?Error(?:Response)?[\s>]"
    r"|(?:\w+:)?Envelope\b.{0,999}?<(?:\w+:)?Fault>)",
    re.I | re.DOTALL,
)
_HEAD = 8192  # characters of a page that hold its title; looking for one takes their square
_TITLE = re.compile(
    r"<((?:\w+:)?faultstring|title|h1|h2|message|pre|p)\b[^>]*>(.*?)</\1\s*>", re.I | re.DOTALL
)
_TAG = re.compile(r"<[^>]*>")
_STATUS_IN_TITLE = re.compile(r"\b([45]\d\d)\b")
_ERROR_IN_TITLE = re.compile(
    r"[45]\d\d|.*\b(?:error|http status|bad|not (?:found|allowed)|unavailable|time-?out|timed out"
    r"|forbidden|unauthorized|denied|too (?:large|many)|exception)\b.*",
    re.I,
)

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

# Sentences with a name or a number in them.
_WORDED = (
    (_NO_ROUTE, 404),
    (_TIMED_OUT, 408),
    (_UNLOADABLE, 415),
    (_TRACE, 500),
    (_JAVA, 500),
    (_INVALID, 400),
)

Found = tuple[str, Failure]


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
        or _lone_message(body)
        or _failed_finish(body)
    )


def find_text_failure(text: str, media_type: str | None, prompt: str = "") -> Found | None:
    """The failure that a text tells of, which is no JSON: a page, an error text, a traceback.

    Args:
        text: What came in place of an answer, or as one.
        media_type: Its content type, in lower case.
        prompt: What was asked. Words that the prompt holds are an answer to it.
    """
    stripped = text.strip()
    if stripped.startswith("<") and media_type != "text/html" and _ASKED_FOR_PAGE.search(prompt):
        return None
    if document := _HTML.match(stripped):
        return _page(stripped, media_type, whole=bool(document["page"]))
    if _XML_ERROR.match(stripped):
        return "error_page", Failure(
            _first_title(stripped, ("message", "faultstring")) or "no message"
        )
    failure = _stated_in_words(stripped) or _implied_by_words(stripped, prompt)
    return ("error_text", failure) if failure else None


def _stated_in_words(text: str) -> Failure | None:
    """A failure whose status stands in the text, as in "502 Bad Gateway"."""
    if told := _SAGEMAKER.match(text):
        return Failure(text, status_code=_status(told[1]))
    if told := _CLOUDFLARE.fullmatch(text):
        return Failure(text, status_code=_status(told[1]))
    line = _STATUS_LINE.fullmatch(text)
    if line and line[2].lower() in _STATUS_OF_PHRASE:
        return Failure(text, status_code=int(line[1]))
    return None


def _implied_by_words(text: str, prompt: str) -> Failure | None:
    if _TRACEBACK.search(text) and _RAISED.match(_last_line(text)) and "Traceback" not in prompt:
        return _implied(_last_line(text), 500)
    begun = next((b for b in _BEGINNINGS if text.startswith(b[0])), None)
    if begun and begun[0] not in prompt:
        return _implied(_last_line(text), begun[1])
    told = next((status for words, status in _WORDED if words.match(text)), None)
    status = told or _status_of_words(text)
    known = told is not None or text in _SAID_BY_SERVERS or text.startswith("Invalid HTTP")
    spoken = status in _SAID_BY_PEOPLE and not known
    return None if status is None or spoken or text in prompt else _implied(text, status)


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
    codes = (_status(body[key]) for key in _CODES if key in body)
    if all(code is None for code in codes) or _has_answer(body):
        return None
    message = _message(body) or text_of(body.get("body"))
    if isinstance(inner := _parsed(message or ""), dict):
        message = (find_failure(inner) or ("", Failure(message or "")))[1].message
    return ("djl_error", _failure(body, message)) if message is not None else None


def _lone_message(body: dict[str, Any]) -> Found | None:
    """FastAPI's `detail`, and bodies that have a message and nothing that it belongs to."""
    told = {key for key, value in body.items() if value not in _NOTHING}
    fine = str(body.get("status", "")).lower() in _FINE or body.get("code") in _FINE_CODES
    if fine or not told <= _ABOUT_AN_ERROR:
        return None
    message = next((m for key in _LONE_MESSAGES if (m := _told(body.get(key)))), None)
    title = text_of(body.get("title")) or ""
    if message is None and (_ERROR_IN_TITLE.fullmatch(title) or title.startswith("Invalid ")):
        message = title  # Falcon's, with a description or not
    if message is None:
        return None
    failure = _stated_in_words(message) or _failure(body, message)
    if failure.status_code is None and objects_of(body.get("detail")):  # FastAPI's validation
        failure = _implied(message, 422)
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
    status = next((s for key in _CODES if (s := _status(told.get(key))) is not None), None)
    kind = next((k for k in kinds if k != "error"), kinds[0] if kinds else None)
    if status is not None:
        return Failure(message, kind, status)
    status = next((_STATUS_OF_TYPE[k] for k in kinds if k in _STATUS_OF_TYPE), None)
    return replace(_implied(message, status or _status_of_words(message)), type=kind)


def _implied(message: str, status: int | None) -> Failure:
    return Failure(message, status_code=status, status_is_implied=status is not None)


def _status_of_words(text: str) -> int | None:
    return _STATUS_OF_PHRASE.get(text.strip().rstrip(".!").lower()) or _STATUS_OF_PHRASE.get(
        text.strip().lower()
    )


def _status(code: Any) -> int | None:
    """An HTTP error status, also as digits; other codes (Mistral's "1300") are none."""
    number = int(code) if isinstance(code, str) and code.isdecimal() and len(code) < 4 else code
    number = count_of(number)
    return number if number is not None and 400 <= number < 600 else None


def _page(text: str, media_type: str | None, *, whole: bool) -> Found | None:
    """An HTML page, or a part of one: a failure if it speaks of an error, or is declared as a page.

    Text that is declared as such may be a page that a model was to write.
    """
    title = _first_title(text, ("title", "h1", "h2", "pre")) or ""
    headings = [t for tag in ("title", "h1", "h2") if (t := _first_title(text, (tag,)))]
    headings = [h for h in headings if _ERROR_IN_TITLE.fullmatch(h)]
    stated = next((found for h in headings if (found := _STATUS_IN_TITLE.search(h))), None)
    status = int(stated[1]) if stated else None
    implied = None if stated else _status_of_words(title)
    if status is None and implied is None and _NO_ROUTE.match(_first_title(text, ("pre",)) or ""):
        implied = 404
    if status is None and implied is None:
        erring = _ERROR_IN_TITLE.fullmatch(title) and media_type == "text/html"
        if not erring and not (whole and media_type in (None, "text/html")):
            return None
    message = title or _first_title(text, ("p",)) or "an HTML page in place of an answer"
    if implied is not None:
        return "error_page", _implied(message, implied)
    return "error_page", Failure(message, status_code=status)


def _first_title(text: str, tags: tuple[str, ...]) -> str | None:
    """The text of the first of these elements that has any."""
    found = {
        m[1].lower().rpartition(":")[2]: m[2] for m in reversed(list(_TITLE.finditer(text[:_HEAD])))
    }
    texts = (" ".join(html.unescape(_TAG.sub(" ", found.get(tag, ""))).split()) for tag in tags)
    return next((text for text in texts if text), None)


def _last_line(text: str) -> str:
    """The text, or of a traceback its last line, which says what was raised."""
    if "raceback" in text:
        return text.rstrip().rpartition("\n")[2].strip() or text
    return text
