"""Failures: whatever a server, a framework or a proxy writes in place of an answer is found."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from inference_monitor.capture.reader import read_document
from inference_monitor.inference import Inference, Kind
from tests.unit.builders import capture, read

CHAT = {"messages": [{"role": "user", "content": "Who repairs sails?"}]}
PROMPT = {"inputs": "Who repairs sails?"}
NGINX = """<html>
<head><title>502 Bad Gateway</title></head>
<body><center><h1>502 Bad Gateway</h1></center><hr><center>nginx/1.18</center></body>
</html>"""
WERKZEUG = """<!doctype html>
<html lang=en>
<title>400 Bad Request</title>
<h1>Bad Request</h1>
<p>The browser sent a request that this server could not understand.</p>"""
TRACEBACK = """Traceback (most recent call last):
  File "/opt/ml/code/inference.py", line 12, in predict_fn
    return model(data)
RuntimeError: expected scalar type Half but found Float"""


def _read_as(text: str, media_type: str | None, request: Any = None) -> Inference:
    """A response of this content type; without one, in base64, as SageMaker captures the unlisted."""
    document = capture(PROMPT if request is None else request, text)
    side = document["captureData"]["endpointOutput"]
    side["observedContentType"] = media_type
    if media_type is None:
        side |= {"data": base64.b64encode(text.encode()).decode(), "encoding": "BASE64"}
    record = read_document(document).record
    assert isinstance(record, Inference)
    return record


@pytest.mark.parametrize("media_type", ["text/html; charset=utf-8", "text/plain", None])
@pytest.mark.parametrize(
    ("text", "status", "implied", "message"),
    [
        (NGINX, 502, False, "502 Bad Gateway"),
        (WERKZEUG, 400, False, "400 Bad Request"),
        ("<html><h1>Service Unavailable</h1></html>", 503, True, "Service Unavailable"),
        ("Internal Server Error", 500, True, "Internal Server Error"),
        ("404 page not found", 404, False, "404 page not found"),
        ("Cannot POST /invocations", 404, True, "Cannot POST"),
        ("Invalid HTTP request received.", 400, True, "Invalid HTTP"),
        ("<h1>Server Error (500)</h1>", 500, False, "Server Error (500)"),
        ("Method Not Allowed", 405, True, "Method Not Allowed"),
        ("Not Found", 404, True, "Not Found"),
        ("502 Bad Gateway", 502, False, "502 Bad Gateway"),
        ("HTTP/1.1 504 Gateway Timeout", 504, False, "HTTP/1.1 504 Gateway Timeout"),
        ("no healthy upstream", 503, True, "no healthy upstream"),
        ("upstream request timeout", 504, True, "upstream request timeout"),
        ("upstream connect error or disconnect/reset before headers. reset reason: overflow", 503, True, "upstream"),
        ("Failed to parse the request body as JSON: key must be a string", 400, True, "Failed to parse"),
        ("Failed to buffer the request body: length limit exceeded", 413, True, "Failed to buffer"),
        (TRACEBACK, 500, True, "RuntimeError: expected scalar type Half but found Float"),
        (f"prediction failed\n{TRACEBACK}\n", 500, True, "RuntimeError: expected scalar type"),
        ("RuntimeError: CUDA error: device-side assert triggered", 500, True, "RuntimeError: CUDA"),
        ('Received server error (503) from model with message "down".', 503, False, "Received server"),
    ],
)  # fmt: skip
def test_pages_and_texts_of_servers_are_failures(
    text: str, status: int, implied: bool, message: str, media_type: str | None
) -> None:
    """A proxy's page or a framework's words are no answer, whatever their content type."""
    inference = _read_as(text, media_type)
    assert inference.failure
    assert (inference.kind, inference.output_text) == (Kind.LLM, None)
    assert (inference.status_code, inference.failure.status_is_implied) == (status, implied)
    assert inference.failure.message.startswith(message)


@pytest.mark.parametrize(
    ("text", "request_body"),
    [
        ("<!DOCTYPE html><html><title>My sails</title><p>Hi</p></html>", CHAT),
        ("An internal server error is what a server says when it does not know better.", CHAT),
        ("Not found.", CHAT),
        ("not found", {"inputs": "Say 'not found' if there is none."}),
        ("Internal Server Error", {"prompt": "What does 500 mean? Say: Internal Server Error"}),
        ("Conflict", CHAT),
        ("<h1>About sails</h1>", CHAT),
        ("Forbidden", CHAT),
        ("<html><title>The 500 best sails</title></html>", CHAT),
        ("404", CHAT),
        ("Error handling in Go is explicit.", CHAT),
        ("The traceback says that the sail is missing.", CHAT),
        (f"It looks like this:\n{TRACEBACK}\nand means that the types differ.", CHAT),
    ],
)
def test_a_text_about_failures_is_an_answer(text: str, request_body: Any) -> None:
    """Only what is nothing but a server's words is a failure, and never what was asked for."""
    inference = _read_as(text, "text/plain", request_body)
    assert (inference.failure, inference.output_text) == (None, text)


@pytest.mark.parametrize(
    ("body", "status", "implied", "message"),
    [
        ({"detail": "Not Found"}, 404, True, "Not Found"),
        ({"detail": "Session expired"}, None, False, "Session expired"),
        ({"detail": [{"type": "missing", "loc": ["body", "messages"], "msg": "Field required"}]},
         422, True, "body.messages: Field required"),
        ({"detail": {"error": "x", "message": "Model is loading"}}, None, False, "Model is loading"),
        ({"message": "Internal server error"}, 500, True, "Internal server error"),
        ({"Message": "Too Many Requests"}, 429, True, "Too Many Requests"),
        ({"errorMessage": "Task timed out after 60.00 seconds", "errorType": "Sandbox.Timedout"},
         None, False, "Task timed out after 60.00 seconds"),
        ({"errorMessage": "boom", "errorType": "KeyError", "stackTrace": ["line 1"]}, None, False, "boom"),
        ({"error": True, "message": "out of blocks"}, None, False, "out of blocks"),
        ({"error": {"error": {"message": "too long", "code": 400}}}, 400, False, "too long"),
        ({"error": {"error": "no such adapter"}}, None, False, "no such adapter"),
        ({"error": '{"object": "error", "message": "no such lora", "code": 404}'}, 404, False, "no such lora"),
        ({"error": "`inputs` must have less than 512 tokens", "error_type": "Validation"}, 422, True, "`inputs`"),
        ({"error": "Model is overloaded", "error_type": "Overloaded"}, 429, True, "Model is overloaded"),
        ({"message": "no capacity", "type": "Unhealthy", "code": 503}, 503, False, "no capacity"),
        ({"error": 503, "message": "busy"}, 503, False, "busy"),
        ({"error": 1, "msg": "out of range"}, None, False, "out of range"),
        ({"errors": ["bad shape", "bad type"]}, None, False, "bad shape; bad type"),
        ({"Error": {"Code": "SlowDown", "Message": "Reduce your rate"}}, None, False, "Reduce your rate"),
        ({"exception": "KeyError('sail')", "traceback": "…"}, None, False, "KeyError('sail')"),
        ({"errors": [{"message": "bad shape"}, {"message": "bad type"}]}, None, False, "bad shape; bad type"),
        ({"status": "error", "message": "model not ready"}, None, False, "model not ready"),
        ({"status": "failed", "message": "no GPU", "model": "m", "created": 1}, None, False, "no GPU"),
        ({"success": False, "message": "no GPU", "model": "m"}, None, False, "no GPU"),
        ({"type": "error", "message": "no GPU", "model": "m"}, None, False, "no GPU"),
        ({"success": False, "message": "no GPU"}, None, False, "no GPU"),
        ({"statusCode": 200, "body": {"error": "boom", "code": 500}}, 500, False, "boom"),
        ({"predictions": [{"error": "boom", "error_code": 400}]}, 400, False, "boom"),
        ({"statusCode": 500, "body": '{"error": "boom"}'}, 500, False, "boom"),
        ({"timestamp": "2026-03-02", "status": 404, "error": "Not Found", "path": "/invocations"},
         404, False, "Not Found"),
        ({"type": "about:blank", "title": "Bad Request", "status": 400, "detail": "no prompt"}, 400, False, "no prompt"),
        ({"error_code": "BAD_REQUEST", "message": "Failed to parse input", "stack_trace": "…"}, 400, True, "Failed"),
        ({"__type": "ThrottlingException", "message": "Rate exceeded"}, 429, True, "Rate exceeded"),
        ({"error": {"message": "no key", "type": "auth_error", "param": None, "code": "401"}}, 401, False, "no key"),
        ({"object": "response", "status": "failed", "error": {"code": "server_error", "message": "died"}},
         500, True, "died"),
    ],
)  # fmt: skip
def test_error_bodies_of_all_servers_are_failures(
    body: dict[str, Any], status: int | None, implied: bool, message: str
) -> None:
    """The message is what went wrong; a status that only follows from words is told as implied."""
    for request_body in (CHAT, PROMPT):
        inference = read(request_body, body)
        assert inference.failure, body
        assert inference.kind is Kind.LLM
        assert inference.output_text is None
        assert inference.failure.message.startswith(message)
        assert (inference.status_code, inference.failure.status_is_implied) == (status, implied)


@pytest.mark.parametrize(
    "body",
    [
        {"message": {"role": "assistant", "content": [{"type": "text", "text": "Ann."}]}},
        {"response": "Ann.", "status": "success", "message": "done"},
        {"output": "Ann.", "detail": "from the catalogue"},
        {"generated_text": "Ann.", "error": False},
        {"choices": [{"message": {"content": "Ann."}}], "error": None, "status": 200},
        {"text_output": "Ann.", "error": ""},
        {"answer": "Ann.", "code": 404, "message": "page 404"},
        {"result": "Ann.", "errors": []},
        {"result": "Ann.", "error": 3},
    ],
)
def test_an_answer_with_such_a_name_beside_it_is_one(body: Any) -> None:
    """A message, a detail or a code beside an answer is no failure."""
    inference = read({"prompt": "Who?"}, body)
    assert (inference.failure, inference.output_text) == (None, "Ann.")


@pytest.mark.parametrize("kind", ["embedding", "rerank", "classifier", "other"])
def test_failures_of_other_models_keep_their_kind(kind: str) -> None:
    """What was asked says what kind of model failed."""
    asked: dict[str, Any] = {
        "embedding": {"texts": ["sail"], "input_type": "query"},
        "rerank": {"query": "sail", "texts": ["a sheet", "a cup"]},
        "classifier": {"instances": [[1, 2]]},
        "other": {"prompt": "a sail", "num_inference_steps": 4},
    }
    inference = read(asked[kind], {"detail": "Not Found"})
    assert (inference.kind, inference.status_code) == (kind, 404)
    assert inference.request
    assert inference.request.messages is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"generated_text": "Once up', None),
        ('[{"generated_text": "Once"', None),
        ('{"choices": [{"message": {"content": "a\\u00', None),
        ('{"a": tr', None),
    ],
)
def test_json_that_was_cut_off_is_a_failure(text: str, said: str | None) -> None:
    """It is no answer, and nothing says that all is fine; no part of it is taken for the whole."""
    inference = read(PROMPT, text)
    assert inference.failure
    assert "cut off" in inference.failure.message
    assert (inference.output_text, inference.status_code) == (said, None)


def test_half_a_document_that_a_model_was_to_write_is_its_text() -> None:
    """A text that is declared as one holds what the model said until it reached its limit."""
    inference = _read_as('{"sail": "gen', "text/plain", CHAT)
    assert (inference.failure, inference.output_text) == (None, '{"sail": "gen')


def test_one_failed_answer_of_several_fails_the_record() -> None:
    """What the others answered is kept, but nothing of it is judged."""
    answers = [{"generated_text": "A"}, {"error": "boom", "code": 424}]
    for response in (answers, "".join(json.dumps(answer) + "\n" for answer in answers)):
        inference = read({"inputs": ["a", "b"]}, response)
        assert inference.failure
        assert (inference.failure.message, inference.output_text) == ("boom", "A")


ENDINGS: dict[str, Any] = {
    "DJL": {"code": 500, "message": "Inference Engine Failure", "properties": {},
            "content": {"keys": [], "values": []}},
    "an error object": {"error": {"message": "EngineCore died", "code": 500}},
    "a detail": {"detail": "Internal Server Error"},
    "TGI": {"error": "Request failed", "error_type": "incomplete_generation"},
    "a code and a message": {"code": "500", "message": "worker lost"},
}  # fmt: skip


@pytest.mark.parametrize("name", ENDINGS)
@pytest.mark.parametrize("framing", ["data: {}\n\n", "{}\n"])
def test_an_engine_that_dies_after_some_tokens_has_failed(name: str, framing: str) -> None:
    """HTTP said 200 by then: the text so far is kept, and the record is a failure."""
    chunk = {"choices": [{"index": 0, "delta": {"content": "Ann rep"}}]}
    stream = "".join(framing.format(json.dumps(d)) for d in (chunk, ENDINGS[name]))
    inference = read({**CHAT, "stream": True}, stream)
    assert inference.failure
    assert (inference.output_text, inference.status_code) == ("Ann rep", 500)


@pytest.mark.parametrize("framing", ["data: {}\n\n", "{}\n"])
@pytest.mark.parametrize(
    "rest", ["Internal Server Error", "upstream request timeout", "Killed by 9"]
)
def test_words_after_a_stream_are_a_failure(rest: str, framing: str) -> None:
    """What goes on with text that is no event did not end as it should."""
    pieces = [framing.format(json.dumps({"outputs": [piece]})) for piece in ("Ann", " rep")]
    inference = read(PROMPT, "".join([*pieces, rest]))
    assert inference.failure
    assert inference.output_text == "Ann rep"


def test_a_line_of_json_after_events_is_a_failure() -> None:
    """DJL appends it as it is, whatever the framing."""
    chunk = {"choices": [{"index": 0, "delta": {"content": "Ann rep"}}]}
    stream = f"data: {json.dumps(chunk)}\n\n" + json.dumps(ENDINGS["DJL"])
    inference = read({**CHAT, "stream": True}, stream)
    assert inference.failure
    assert (inference.output_text, inference.status_code) == ("Ann rep", 500)


@pytest.mark.parametrize(
    "stream",
    [
        'error: {"code": 400, "message": "context is full", "type": "invalid_request_error"}\n\ndata: [DONE]\n\n',
        'event: error\ndata: {"status_code": 400, "message": "context is full"}\n\n',
        'data: {"type": "error", "error": {"type": "invalid_request_error", "message": "context is full"}}\n\n',
        'data: {"type": "error", "code": "invalid_request_error", "message": "context is full"}\n\n',
        'data: {"type": "response.failed", "response": {"object": "response", "status": "failed", "error": {"code": "invalid_request_error", "message": "context is full"}}}\n\n',
    ],
)  # fmt: skip
def test_a_stream_may_hold_nothing_but_an_error(stream: str) -> None:
    """Under a field, an event or a type of its own."""
    inference = read({**CHAT, "stream": True}, stream)
    assert inference.failure
    assert (inference.output_text, inference.status_code) == (None, 400)
    assert inference.failure.message == "context is full"
