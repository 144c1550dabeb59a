"""More failures of public servers, proxies and frameworks: none is an answer, none loses its words."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.unit.families.test_more_shapes import ES, HTML, INPUTS, NL, PLAIN, SSE, P, _lines
from tests.unit.families.test_shapes import ASK, CHAT, CSV, JSON, TEXT, Shape, _report


def _failed(
    status: int | None = None, words: str = "", kind: str = "llm", said: str | None = None
) -> dict[str, Any]:
    told = {"kind": kind, "is_error": True, "status_code": status, "output_text": said}
    return {**told, "words": words}


FAILURES: dict[str, Shape] = {
    "fastchat code": Shape(P, {"text": "**NETWORK ERROR DUE TO HIGH TRAFFIC.**\n\n(CUDA out of memory.)", "error_code": 50002}, _failed(500, "CUDA out"), "lm-sys/FastChat fastchat/constants.py, serve/model_worker.py"),
    "fastchat validation": Shape(P, {"text": "context overflow", "error_code": 40303}, _failed(403, "overflow"), "lm-sys/FastChat fastchat/constants.py"),
    "ray timeout": Shape(P, "Request 5f9c timed out after 30.0s.", _failed(408, "timed out"), "ray-project/ray python/ray/serve/_private/proxy.py", PLAIN),
    "ray no route": Shape(P, "Path '/invocations' not found. Please ping http://.../-/routes for route table.", _failed(404, "not found"), "ray-project/ray python/ray/serve/_private/proxy.py", PLAIN),
    "ray backpressure": Shape(P, "Request dropped due to backpressure (num_queued_requests=100, max_queued_requests=100).", _failed(503, "backpressure"), "ray-project/ray python/ray/serve/exceptions.py", PLAIN),
    "aiohttp 500": Shape(P, "500 Internal Server Error\n\nServer got itself in trouble", _failed(500, "500 Internal"), "aio-libs/aiohttp aiohttp/web_protocol.py", PLAIN),
    "aiohttp 413": Shape(P, "Maximum request body size 1048576 exceeded, actual body size 1200000", _failed(413, "Maximum"), "aio-libs/aiohttp aiohttp/web_exceptions.py", PLAIN),
    "istio rbac": Shape(P, "RBAC: access denied", _failed(403, "RBAC"), "envoyproxy/envoy rbac filter", PLAIN),
    "istio jwt": Shape(P, "Jwt is missing", _failed(401, "Jwt"), "envoyproxy/envoy jwt_authn filter", PLAIN),
    "k8s default backend": Shape(P, "default backend - 404", _failed(404, "default"), "kubernetes/ingress-nginx", PLAIN),
    "go too large": Shape(P, "http: request body too large\n", _failed(413, "too large"), "golang/go net/http MaxBytesReader", PLAIN),
    "envoy local rate": Shape(P, "local_rate_limited", _failed(429), "envoyproxy/envoy local_ratelimit filter", PLAIN),
    "cloudfront": Shape(
        P,
        '<!DOCTYPE HTML PUBLIC "-//W3C//DTD HTML 4.01 Transitional//EN" "http://www.w3.org/TR/html4/loose.dtd">\n<HTML><HEAD><META HTTP-EQUIV="Content-Type" CONTENT="text/html; charset=iso-8859-1">\n<TITLE>ERROR: The request could not be satisfied</TITLE>\n</HEAD><BODY>\n<H1>504 Gateway Timeout ERROR</H1></BODY></HTML>',
        _failed(504, "could not"),
        "awsdocs: CloudFront error pages",
        (JSON, HTML),
    ),
    "express page as text": Shape(P, '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>Error</title>\n</head>\n<body>\n<pre>Cannot POST /invocations</pre>\n</body>\n</html>', _failed(404), "expressjs/express finalhandler", PLAIN),
    "express page": Shape(P, '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>Error</title>\n</head>\n<body>\n<pre>Cannot POST /invocations</pre>\n</body>\n</html>', {**_failed(None), "status_code": 404}, "expressjs/express finalhandler", (JSON, HTML)),
    "starlette debug tb": Shape(P, 'Traceback (most recent call last):\n\n  File "/x/server.py", line 4, in app\n    await f()\n\nValueError: no', _failed(500, "ValueError"), "encode/starlette middleware/errors.py", PLAIN),
    "tb exception group": Shape(
        P, '  + Exception Group Traceback (most recent call last):\n  |   File "/usr/lib/starlette/_utils.py", line 76, in collapse_excgroups\n  |     yield\n  | ExceptionGroup: unhandled errors in a TaskGroup (1 sub-exception)\n', _failed(500), "encode/starlette _utils.py collapse_excgroups", PLAIN
    ),
    "json string list": Shape(INPUTS, json.dumps(["Internal Server Error"]), _failed(500), "aws/sagemaker-inference-toolkit encoder.py"),
    "xgb text": Shape("5.1,3.5\n", "Unable to evaluate payload provided: Feature size of csv inference data 3 is not consistent with feature size of trained model 4.", _failed(400, "Unable", "classifier"), "aws/sagemaker-xgboost-container algorithm_mode/serve.py", (CSV, TEXT)),
    "xgb load": Shape("5.1,x\n", "Loading csv data failed with Exception, please ensure data is in csv format:\n <class 'ValueError'>\n could not convert string to float: 'x'", _failed(415, "Loading csv", "classifier"), "aws/sagemaker-xgboost-container encoder.py", (CSV, TEXT)),
    "apigee fault": Shape(P, {"fault": {"faultstring": "Rate limit quota violation.", "detail": {"errorcode": "policies.ratelimit.QuotaViolation"}}}, _failed(None, "Rate limit"), "docs.apigee.com: fault responses"),
    "Error capital": Shape(P, {"Error": "no CUDA"}, _failed(None, "no CUDA"), "containers of people's own"),
    "err": Shape(P, {"err": "no CUDA"}, _failed(None, "no CUDA"), "containers of people's own"),
    "exception": Shape(P, {"exception": "ValueError: no CUDA", "traceback": "x"}, _failed(None, "no CUDA"), "containers of people's own"),
    "errors texts": Shape(P, {"errors": ["prompt is required", "max_tokens too big"]}, _failed(None, "prompt is required"), "containers of people's own"),
    "errors object": Shape(P, {"errors": {"prompt": ["This field is required."]}}, _failed(None, "This field"), "marshmallow-code/webargs"),
    "error number": Shape(P, {"error": 500, "message": "no CUDA"}, _failed(500, "no CUDA"), "containers of people's own"),
    "google status only": Shape(P, {"error": {"message": "bad", "status": "RESOURCE_EXHAUSTED"}}, _failed(429, "bad"), "googleapis/googleapis google/rpc/code.proto"),
    "falcon": Shape(P, {"title": "500 Internal Server Error"}, _failed(500, "500"), "falconry/falcon http_error.py"),
    "llama.cpp type only": Shape(CHAT, {"error": {"message": "Loading model", "type": "unavailable_error"}}, _failed(503, "Loading"), "ggml-org/llama.cpp tools/server/utils.hpp"),
    "exceed_context": Shape(CHAT, {"error": {"message": "too long", "type": "exceed_context_size_error"}}, _failed(400, "too long"), "ggml-org/llama.cpp tools/server/utils.hpp"),
    "openai insufficient_quota": Shape(CHAT, {"error": {"message": "quota", "type": "insufficient_quota", "param": None, "code": "insufficient_quota"}}, _failed(429, "quota"), "openai/openai-openapi error codes"),
    "openai ctx": Shape(CHAT, {"error": {"message": "max context", "type": None, "code": "context_length_exceeded"}}, _failed(400, "max context"), "openai/openai-openapi error codes"),
    "mlflow stacktrace": Shape(P, {"error_code": "MALFORMED_REQUEST", "message": "Failed to parse"}, _failed(400, "Failed"), "mlflow/mlflow scoring_server"),
    "cohere v2 end": Shape(
        {**CHAT, "stream": True},
        'event: content-delta\ndata: {"type":"content-delta","index":0,"delta":{"message":{"content":{"text":"It"}}}}\n\nevent: message-end\ndata: {"type":"message-end","delta":{"error":"engine died","finish_reason":"ERROR"}}\n\n',
        _failed(None, "engine died", said="It"),
        "cohere-ai/cohere-python v2 chat stream",
        (JSON, SSE),
    ),
    "choices error": Shape(CHAT, {"id": "x", "choices": [{"index": 0, "error": {"code": 502, "message": "Provider died"}, "message": {"role": "assistant", "content": ""}, "finish_reason": "error"}]}, _failed(502, "Provider died"), "openrouter.ai docs: errors"),
    "choices error partial": Shape(
        {**CHAT, "stream": True},
        'data: {"choices":[{"index":0,"delta":{"content":"It"}}]}\n\ndata: {"id":"x","error":{"code":"server_error","message":"Provider disconnected"},"choices":[{"index":0,"delta":{"content":""},"finish_reason":"error"}]}\n\n',
        _failed(500, "Provider disc", said="It"),
        "openrouter.ai docs: streaming errors",
        (JSON, SSE),
    ),
    "predictions error": Shape({"instances": [{"prompt": ASK}]}, {"predictions": [{"error": "CUDA out of memory"}]}, _failed(None, "CUDA"), "containers of people's own"),
    "response error": Shape(P, {"response": {"error": {"message": "no CUDA"}}}, _failed(None, "no CUDA"), "containers of people's own"),
    "batch line error": Shape(
        {"custom_id": "1", "method": "POST", "url": "/v1/chat/completions", "body": CHAT},
        {"id": "b", "custom_id": "1", "response": {"status_code": 400, "request_id": "x", "body": {"object": "error", "message": "bad", "type": "BadRequestError", "code": 400}}, "error": None},
        _failed(400, "bad"),
        "openai/openai-openapi batch",
    ),
    "cog failed": Shape({"input": {"prompt": ASK}}, {"status": "failed", "output": None, "error": "no CUDA", "logs": ""}, _failed(None, "no CUDA"), "replicate/cog docs/http.md"),
    "embedding failure": Shape({"input": ["a"], "model": "m"}, {"error": "Input length 600 exceeds maximum allowed token size 512", "object": "error"}, _failed(None, "Input length", "embedding"), "NVIDIA NIM retriever"),
    "soap": Shape(P, '<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"><soapenv:Body><soapenv:Fault><faultstring>Policy Falsified</faultstring></soapenv:Fault></soapenv:Body></soapenv:Envelope>', _failed(None), "API gateways", (JSON, "text/xml")),
    "model answers in 200 w/ detail str": Shape({"inputs": "hello"}, {"detail": "There was an error parsing the body"}, _failed(400, "parsing"), "fastapi/fastapi routing.py"),
    "cloudflare 1xxx": Shape(P, "error code: 502", _failed(502, "502"), "developers.cloudflare.com: error codes", PLAIN),
    "wrapped data error": Shape(P, {"code": 1, "msg": "no GPU", "data": None}, _failed(None, "no GPU"), "containers of people's own"),
    "code nonzero": Shape(P, {"code": -1, "message": "no GPU", "data": {}}, _failed(None, "no GPU"), "containers of people's own"),
    "is_error": Shape(P, {"is_error": True, "content": "no GPU"}, _failed(None, "no GPU"), "containers of people's own"),
    "ok false": Shape(P, {"ok": False, "description": "no GPU"}, _failed(None, "no GPU"), "containers of people's own"),
    "own sse then error": Shape({**P, "stream": True}, 'data: {"text":"It"}\n\ndata: {"text":" holds"}\n\ndata: {"error":"no GPU"}\n\n', _failed(None, "no GPU", said="It holds"), "containers of people's own", ES),
    "own sse then words": Shape({**P, "stream": True}, 'data: {"text":"It"}\n\ndata: {"text":" holds"}\n\nInternal Server Error', _failed(500, said="It holds"), "containers of people's own", ES),
    "own nd then error": Shape({**P, "stream": True}, '{"text":"It"}\n{"text":" holds"}\n{"error":"no GPU"}\n', _failed(None, "no GPU", said="It holds"), "containers of people's own", NL),
    "converse exc": Shape(
        {"messages": [{"role": "user", "content": [{"text": ASK}]}]}, _lines([{"messageStart": {"role": "assistant"}}, {"contentBlockDelta": {"delta": {"text": "It"}, "contentBlockIndex": 0}}, {"modelStreamErrorException": {"message": "died"}}]), _failed(424, "died", said="It"), "awsdocs: ConverseStream", NL
    ),
    "plain cuda": Shape(P, "CUDA error: out of memory", _failed(500), "pytorch/pytorch", PLAIN),
    "nvcf requestStatus": Shape(CHAT, {"requestStatus": {"statusCode": "INVALID_REQUEST", "statusDescription": "Bad input"}}, _failed(None, "Bad input"), "docs.nvidia.com: NVCF"),
    "detail object": Shape(P, {"detail": {"error": "no GPU", "code": "E1"}}, _failed(None, "no GPU"), "fastapi/fastapi HTTPException(detail=…)"),
    "http_code": Shape(P, {"error": {"http_code": 429, "message": "slow"}}, _failed(429, "slow"), "containers of people's own"),
    "traceback in JSON": Shape(P, {"status": "error", "traceback": 'Traceback (most recent call last):\n  File "x", line 1\nValueError: no'}, _failed(None, "ValueError"), "containers of people's own"),
    "pydantic": Shape(P, "1 validation error for Input\nprompt\n  Field required [type=missing, input_value={}, input_type=dict]", _failed(400, "validation error"), "bentoml/BentoML, pydantic/pydantic-core", PLAIN),
    "boto3": Shape(P, 'An error occurred (ModelError) when calling the InvokeEndpoint operation: Received server error (500) from primary with message "boom".', _failed(500, "boom"), "boto/botocore ClientError", PLAIN),
    "Java": Shape(P, 'Exception in thread "main" java.lang.IllegalStateException: boom\n\tat x.Y(Z.java:1)', _failed(500, "boom"), "openjdk Throwable.printStackTrace", PLAIN),
    "JavaScript": Shape(P, "TypeError: Cannot read properties of undefined\n    at f (/app/index.js:1:1)\n    at node:internal", _failed(500, "TypeError"), "nodejs/node Error.stack", PLAIN),
    "Rust": Shape(P, "thread 'main' panicked at src/main.rs:1:1:\nboom\nnote: run with `RUST_BACKTRACE=1`", _failed(500, "boom"), "rust-lang/rust std panicking", PLAIN),
    "Go": Shape(P, "panic: runtime error: index out of range\n\ngoroutine 1 [running]:\nmain.main()\n", _failed(500, "panic"), "golang/go runtime", PLAIN),
}  # fmt: skip


@pytest.mark.parametrize("name", FAILURES)
def test_a_failure_is_told_as_such(name: str) -> None:
    """With its message, the status it states or implies, and what was said before it."""
    report = _report(FAILURES[name])
    expected = {**FAILURES[name].expected}
    assert expected.pop("words") in report["error_message"]
    assert {key: report[key] for key in expected} == expected


@pytest.mark.parametrize(
    "text",
    [
        "java.lang.NullPointerException is thrown where a reference is null.",
        "TypeError: this is what JavaScript says.\nIt means that a value is undefined.",
        "panic: is how Go programs end.",
        "1 validation error for Input means that a field is missing.",
        "Request a timed out after 3 s. Try it again later.",
    ],
)
def test_a_text_about_a_failure_is_an_answer(text: str) -> None:
    """Only a whole trace of a program, or a server's whole sentence, is a failure."""
    report = _report(Shape(CHAT, text, {}, "issue: text is text", PLAIN))
    assert (report["is_error"], report["output_text"]) == (False, text)
