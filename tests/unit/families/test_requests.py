"""Requests are read whole: family, messages, parameters, items and body, whatever they came in."""

from __future__ import annotations

from typing import Any

import pytest

from inference_monitor.capture.payload import Payload
from inference_monitor.families.requests import (
    REQUEST_FAMILIES,
    asks_for_stream,
    asks_for_text,
    is_certain,
    kind_of,
    prompt_of,
    read_request,
)
from inference_monitor.inference import Kind, Request

JSON, TEXT, MARKDOWN, CSV = "application/json", "text/plain", "text/markdown", "text/csv"
HI, WHY = {"role": "user", "content": "Hi"}, {"role": "user", "content": "Why?"}


def _json(body: Any) -> Request:
    return read_request(Payload(body, JSON, text=""))


def _text(text: str, media_type: str | None) -> Request:
    return read_request(Payload(text, media_type, text=text))


def _of_prompts(family: str, body: Any, *messages: dict[str, Any], **more: Any) -> Request:
    """A request with one prompt per item."""
    return Request(family, body, list(messages), items=[[m] for m in messages], **more)


@pytest.mark.parametrize(
    ("name", "in_a_list"),
    [
        *((name, False) for name in ("body", "data", "payload", "request", "input_data", "args")),
        *((name, True) for name in ("body", "data", "payload", "request", "input_data", "args")),
        ("prompt", False),
    ],
)
def test_a_request_in_a_wrapper_is_read(name: str, in_a_list: bool) -> None:
    """The request is that of the inner object, alone in a list or not; the body stays whole."""
    inner = {"messages": [WHY], "temperature": 0.5}
    body = {name: [inner] if in_a_list else inner}
    assert _json(body) == _of_prompts("openai_chat", body, WHY, parameters={"temperature": 0.5})


@pytest.mark.parametrize(
    "body",
    [
        {"payload": [{"inputs": "Hi"}, {"inputs": "Why?"}]},
        {"payload": "Hi"},
        {"payload": [[{"inputs": "Hi"}]]},
        {"data": "1,2"},
    ],
    ids=str,
)
def test_what_holds_no_single_request_is_unknown(body: Any) -> None:
    """Nothing is guessed from a wrapper around several requests, a text or numbers."""
    assert _json(body) == Request("unknown", body)


def test_a_text_under_data_is_a_prompt() -> None:
    """What stands beside it are the parameters."""
    for text in ("Why?", ["Why?"]):
        body = {"data": text, "seed": 1}
        assert _json(body) == _of_prompts("text", body, WHY, parameters={"seed": 1})


@pytest.mark.parametrize("media_type", [TEXT, MARKDOWN])
def test_declared_text_is_a_prompt(media_type: str) -> None:
    """Also where it looks like a row of numbers."""
    numbers = {"role": "user", "content": "1,2"}
    assert _text("Hi", media_type) == _of_prompts("plain_text", "Hi", HI)
    assert _text("1,2", media_type) == _of_prompts("plain_text", "1,2", numbers)


@pytest.mark.parametrize("media_type", [JSON, None])
def test_undeclared_text_may_be_numbers(media_type: str | None) -> None:
    """Rows of numbers are a table; any other text is a prompt, and white space is nothing."""
    assert _text("1,2", media_type) == Request("tabular", "1,2")
    assert _text("Hi", media_type) == _of_prompts("plain_text", "Hi", HI)
    assert _text(" \n", media_type) == Request("unknown", " \n")


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ([1, 2], Request("tabular", [1, 2])),
        ([[1], [2]], Request("tabular", [[1], [2]])),
        ([], Request("unknown", [])),
        (5, Request("unknown", 5)),
        (["Hi", 5], Request("unknown", ["Hi", 5])),
        (["Hi", "Why?"], _of_prompts("plain_text", ["Hi", "Why?"], HI, WHY)),
        ([HI], Request("inputs_dialog", [HI], [HI], items=[[HI]])),
        ([[HI], [WHY]], Request("inputs_dialog", [[HI], [WHY]], [HI, WHY], items=[[HI], [WHY]])),
        ([{"inputs": "Hi"}], _of_prompts("inputs_text", [{"inputs": "Hi"}], HI)),
        ([{"a": None}], Request("tabular", [{"a": None}])),
        ([{"a": None}, 5], Request("unknown", [{"a": None}, 5])),
    ],
    ids=str,
)
def test_lists_are_messages_numbers_requests_or_texts(body: Any, expected: Request) -> None:
    """Each kind of list is told by its entries; one that is mixed is kept as it is."""
    assert _json(body) == expected


def test_several_requests_are_one_batch() -> None:
    """The family and parameters are those of the first, and every prompt is an item."""
    batch = [{"inputs": "Hi", "parameters": {"top_p": 1}}, {"inputs": "Why?"}]
    expected = _of_prompts("inputs_text", batch, HI, WHY, parameters={"top_p": 1})
    assert _json(batch) == expected
    lines = Payload("two lines", JSON, documents=batch, text="two lines")
    assert read_request(lines) == expected


def test_json_lines_may_be_of_different_kinds() -> None:
    """A line that is no object is a request, too."""
    documents = [{"inputs": "Hi"}, "Why?"]
    payload = Payload("lines", JSON, documents=documents, text="lines")
    assert read_request(payload) == _of_prompts("inputs_text", documents, HI, WHY)


def test_text_that_begins_like_json_lines_is_text() -> None:
    """What follows the documents shows that they are no batch; white space does not."""
    payload = Payload("Hi", TEXT, documents=[{"inputs": "Why?"}], rest=" x", text="Hi")
    assert read_request(payload) == _of_prompts("plain_text", "Hi", HI)
    payload = Payload("Hi", TEXT, documents=[{"inputs": "Why?"}], rest=" \n", text="Hi")
    assert read_request(payload).family == "inputs_text"


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        (Payload('{"inputs": "H', JSON, cut_off=True), Request("unknown", '{"inputs": "H')),
        (Payload("AAAA", "application/x-npy", binary=True), Request("tabular", "AAAA")),
        (Payload("AAAA", CSV, binary=True), Request("tabular", "AAAA")),
        (Payload("AAAA", "audio/wav", binary=True), Request("binary", "AAAA")),
        (Payload("1,2", CSV, text="1,2"), Request("tabular", "1,2")),
        (
            Payload("inputs\nHi\nWhy?\n", CSV, text="inputs\nHi\nWhy?\n"),
            _of_prompts("csv_texts", "inputs\nHi\nWhy?\n", HI, WHY),
        ),
        (
            Payload("prompt=Why%3F&n=1", "application/x-www-form-urlencoded", text=""),
            _of_prompts("prompt", {"prompt": "Why?", "n": "1"}, WHY, parameters={"n": "1"}),
        ),
        (
            Payload("Hi", "application/x-www-form-urlencoded", text="Hi"),
            _of_prompts("plain_text", "Hi", HI),
        ),
        (
            Payload('{"inputs": "Hi"}', JSON, text='"{\\"inputs\\": \\"Hi\\"}"'),
            _of_prompts("inputs_text", {"inputs": "Hi"}, HI),
        ),
        (
            Payload('["Hi"]', JSON, text='"[\\"Hi\\"]"'),
            _of_prompts("plain_text", ["Hi"], HI),
        ),
        (
            Payload("{Hi", JSON, text='"{Hi"'),
            _of_prompts("plain_text", "{Hi", {"role": "user", "content": "{Hi"}),
        ),
    ],
    ids=[
        "cut off", "numpy", "bytes of a table", "sound", "numbers", "texts in a table", "a form",
        "no form", "an object in a text", "a list in a text", "no object in a text",
    ],
)  # fmt: skip
def test_how_a_body_was_sent_decides_first(payload: Payload, expected: Request) -> None:
    """Bytes, tables, forms, documents encoded twice and documents cut off, in this order."""
    assert read_request(payload) == expected


@pytest.mark.parametrize(
    ("body", "session", "user"),
    [
        ({"inputs": "Hi", "user": "u"}, None, "u"),
        ({"inputs": "Hi", "session_id": "s"}, "s", None),
        ([{"inputs": "Hi", "user": "u", "session_id": "s"}, {"inputs": "Why?"}], "s", "u"),
        ({"instances": [[1]], "user": "u"}, None, None),
        (["Hi"], None, None),
    ],
    ids=str,
)
def test_the_caller_is_read_from_the_body(body: Any, session: str | None, user: str | None) -> None:
    """Of several requests from the first one; a column of a table names no caller."""
    request = _json(body)
    assert (request.session_id, request.user_id) == (session, user)
    assert request.body == body


def test_every_family_says_what_kind_of_model_it_is_for() -> None:
    """Judging depends on it: only language models are judged."""
    others = {
        "session": Kind.OTHER, "image_generation": Kind.OTHER, "speech": Kind.OTHER,
        "rerank": Kind.RERANK, "inputs_object": Kind.OTHER, "embeddings": Kind.EMBEDDING,
        "tabular": Kind.CLASSIFIER,
    }  # fmt: skip
    names = [family.name for family in REQUEST_FAMILIES] + ["plain_text", "csv_texts"]
    assert {n: kind_of(Request(n)) for n in names} == {n: others.get(n, Kind.LLM) for n in names}
    assert kind_of(Request("unknown")) is kind_of(None) is Kind.OTHER


def test_certain_families_are_those_of_one_kind_of_model() -> None:
    """A bare `inputs` may also be for a classifier; a chat may not."""
    assert is_certain(Request("openai_chat"))
    assert not is_certain(Request("inputs_text"))
    assert not is_certain(Request("unknown"))
    assert not is_certain(None)


@pytest.mark.parametrize(
    "name",
    [
        "max_new_tokens", "max_tokens", "max_completion_tokens", "maxTokens", "max_gen_len",
        "temperature", "top_p", "do_sample", "stop", "stop_sequences", "return_full_text",
        "num_return_sequences", "repetition_penalty", "stream",
    ],
)  # fmt: skip
def test_parameters_of_generation_ask_for_text(name: str) -> None:
    """In the parameters or beside the prompt; a classifier takes none of them."""
    assert asks_for_text(Request("inputs_text", {"inputs": "Hi"}, parameters={name: 1}))
    assert asks_for_text(Request("inputs_text", {"inputs": "Hi", name: 1}))
    assert not asks_for_text(Request("embeddings", {"input": "Hi", name: 1}))


def test_a_prompt_alone_may_be_for_any_model() -> None:
    """Only the shape of a chat asks for text by itself."""
    assert asks_for_text(Request("openai_chat", {}))
    assert not asks_for_text(Request("inputs_text", {"inputs": "Hi"}, parameters={"k": 1}))
    assert not asks_for_text(Request("rerank", {}))
    assert not asks_for_text(None)


@pytest.mark.parametrize(
    ("request_", "streams"),
    [
        (Request("openai_chat", {"stream": True}), True),
        (Request("openai_chat", {"stream": False}), False),
        (Request("openai_chat", {"stream": "true"}), False),
        (Request("openai_chat", ["stream"]), False),
        (Request("inputs_text", {}, parameters={"stream": True}), True),
        (Request("inputs_text", {"stream": True}, parameters={"stream": False}), False),
        (None, False),
    ],
    ids=str,
)
def test_a_stream_is_asked_for_by_true(request_: Request | None, streams: bool) -> None:
    """In the body or in the parameters, which count more."""
    assert asks_for_stream(request_) is streams


SAID = {"role": "assistant", "content": "Well,"}


@pytest.mark.parametrize(
    ("item", "prompt"), [(0, "Hi"), (1, "Well,"), (2, None), (3, None), (4, None), (5, None)]
)
def test_the_prompt_is_what_an_answer_goes_on_from(item: int, prompt: str | None) -> None:
    """A lone prompt or an assistant's turn that was begun; not a question, nor content in parts."""
    items: list[list[dict[str, Any]]] = [
        [HI],
        [HI, SAID],
        [HI, SAID, WHY],
        [],
        [{"role": "user", "content": [HI]}],
    ]
    assert prompt_of(Request("openai_chat", items=items), item) == prompt
    assert prompt_of(None, item) is None
