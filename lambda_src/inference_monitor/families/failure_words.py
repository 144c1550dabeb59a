"""The words of failures: what errors are called, and the HTTP status that each name stands for."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from inference_monitor.families.fields import count_of

STATUS_OF_TYPE = {
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
STATUS_OF_PHRASE = {
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
SAID_BY_PEOPLE = {status.value for status in HTTPStatus if 400 <= status < 500} - {
    405, 408, 411, 413, 414, 415, 422, 429, 431,
}  # fmt: skip
SAID_BY_SERVERS = (
    "Bad Request", "Not Found", "RBAC: access denied", "Jwt is missing", "Jwt verification fails",
    "default backend - 404",
)  # fmt: skip
BEGINNINGS = (
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


def status_of_words(text: str) -> int | None:
    """The HTTP status of a text that is no more than the name of one, or a phrase of a server."""
    return STATUS_OF_PHRASE.get(text.strip().rstrip(".!").lower()) or STATUS_OF_PHRASE.get(
        text.strip().lower()
    )


def http_status(code: Any) -> int | None:
    """An HTTP error status, also as digits; other codes (Mistral's "1300") are none."""
    number = int(code) if isinstance(code, str) and code.isdecimal() and len(code) < 4 else code
    number = count_of(number)
    return number if number is not None and 400 <= number < 600 else None
