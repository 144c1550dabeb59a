"""Streamed answers: put back together, however they were framed, cut or broken."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference_monitor.capture.documents import event_documents, json_documents
from inference_monitor.capture.reader import read_document
from inference_monitor.inference import Inference
from tests.unit.builders import capture, read

ASK = {"messages": [{"role": "user", "content": "hi"}], "stream": True}
PROMPT = {"inputs": "hi"}
# Without the signs that marks of thoughts begin with: those are the matter of test_thoughts.py.
PIECES = st.lists(
    st.text(st.characters(exclude_characters="<[◁", codec="utf-8"), max_size=12).filter(
        lambda piece: "analysis" not in piece
    ),
    min_size=1,
    max_size=8,
)


def _delta(text: str, index: int = 0, finish: str | None = None) -> dict[str, Any]:
    return {"choices": [{"index": index, "delta": {"content": text}, "finish_reason": finish}]}


def _events(documents: list[Any], space: str = " ", end: str = "\n\n") -> str:
    return "".join(f"data:{space}{json.dumps(d, ensure_ascii=False)}{end}" for d in documents)


@given(PIECES, st.sampled_from(["", " "]), st.sampled_from(["\n\n", "\n", "\r\n\r\n", "\r"]))
def test_chat_deltas_join_to_the_text_that_was_sent(
    pieces: list[str], space: str, end: str
) -> None:
    """The pieces of choice 0 in order, for every framing servers use."""
    inference = read(ASK, _events([_delta(p) for p in pieces], space, end))
    assert inference.output_text == "".join(pieces)


@given(PIECES)
def test_json_lines_join_to_the_same_text(pieces: list[str]) -> None:
    """LMI sends chat chunks as lines without `data:`."""
    inference = read(ASK, "\n".join(json.dumps(_delta(p)) for p in pieces))
    assert inference.output_text == "".join(pieces)


@given(PIECES, st.data())
def test_a_stream_cut_anywhere_keeps_the_whole_events(
    pieces: list[str], data: st.DataObject
) -> None:
    """What arrived before the cut is the answer; the torn event does not spoil it."""
    text = _events([_delta(p) for p in pieces])
    cut = data.draw(st.integers(0, len(text)))
    whole = text[:cut].count("\n\n")
    kept = event_documents(text[:cut])
    assert kept[:whole] == [_delta(p) for p in pieces][:whole]
    assert len(kept) - whole in (
        0,
        1,
    )  # the next one is whole too if only its blank line is missing


@given(st.text(max_size=200))
def test_no_text_crashes_the_framing(text: str) -> None:
    """Any text gives documents or none."""
    event_documents(text)
    json_documents(text)


def test_two_choices_are_kept_apart() -> None:
    """Choice 0 is the answer, whichever comes first."""
    stream = _events(
        [_delta("b", 1), _delta("a"), _delta("B", 1, "stop"), _delta("A", 0, "length")]
    )
    response = read(ASK, stream).response
    assert response
    assert [(c.text, c.finish_reason) for c in response.choices] == [
        ("aA", "length"),
        ("bB", "stop"),
    ]


def test_tool_arguments_come_in_pieces() -> None:
    """The name is in the first piece only; arguments are joined by the call's index."""
    calls: list[dict[str, Any]] = [
        {"index": 0, "id": "c0", "function": {"name": "find", "arguments": ""}},
        {"index": 1, "id": "c1", "function": {"name": "buy", "arguments": "{}"}},
        {"index": 0, "function": {"arguments": '{"a":'}},
        {"index": 0, "function": {"arguments": " 1}"}},
    ]
    stream = _events([{"choices": [{"index": 0, "delta": {"tool_calls": [c]}}]} for c in calls])
    response = read(ASK, stream + "data: [DONE]\n\n").response
    assert response
    (choice,) = response.choices
    assert [(c.name, c.arguments, c.id) for c in choice.tool_calls] == [
        ("find", '{"a": 1}', "c0"),
        ("buy", "{}", "c1"),
    ]
    assert choice.text is None


def test_usage_may_come_in_a_chunk_without_choices() -> None:
    """`stream_options.include_usage` adds a last chunk with counts only."""
    usage = {"prompt_tokens": 39, "completion_tokens": 3}
    response = read(ASK, _events([_delta("OK"), {"choices": [], "usage": usage}])).response
    assert response
    assert (response.usage.input_tokens, response.usage.output_tokens) == (39, 3)
    assert response.streamed


def test_comments_and_event_names_are_no_documents() -> None:
    """Keep-alive comments and other fields of the protocol are passed over."""
    text = ": ping\n\nevent: message\nid: 7\ndata: " + json.dumps(_delta("x")) + "\n\n"
    assert read(ASK, text).output_text == "x"


def test_an_event_of_several_data_lines_is_one_document() -> None:
    """The protocol lets one document span lines."""
    assert event_documents('data: {"a":\ndata: 1}\n\n') == [{"a": 1}]


@pytest.mark.parametrize(
    "failure",
    [
        {"error": {"message": "out of memory", "type": "InternalServerError", "code": 500}},
        {"error": "out of memory", "error_type": "incomplete_generation"},
        {"object": "error", "message": "out of memory", "code": 500},
    ],
)
def test_a_failure_in_the_middle_is_a_failure(failure: dict[str, Any]) -> None:
    """HTTP says 200 by then; the partial text is kept beside the error."""
    inference = read(ASK, _events([_delta("Once upon"), failure]))
    assert inference.failure
    assert (inference.failure.message, inference.status_code) == ("out of memory", 500)
    assert inference.output_text == "Once upon"


def test_special_tokens_are_no_text() -> None:
    """A cut TGI stream is joined from its ordinary tokens."""
    tokens = [
        {"token": {"text": "Hi", "special": False}},
        {"token": {"text": "</s>", "special": True}},
    ]
    assert read(PROMPT, _events(tokens)).output_text == "Hi"


def test_one_streamed_line_is_a_stream_too() -> None:
    """A stream of a single JSON line parses as one document."""
    inference = read(PROMPT, {"token": {"id": 1, "text": "Hi"}, "generated_text": "Hi"})
    assert inference.response
    assert (inference.output_text, inference.response.streamed) == ("Hi", True)


def test_sglang_repeats_the_text_so_far() -> None:
    """Its events are cumulative; the last one is the answer, not their sum."""
    meta = {"finish_reason": None, "prompt_tokens": 2, "completion_tokens": 1}
    last = {"finish_reason": {"type": "stop"}, "prompt_tokens": 2, "completion_tokens": 2}
    stream = _events([{"text": "He", "meta_info": meta}, {"text": "Hello", "meta_info": last}])
    inference = read({"text": "hi", "sampling_params": {}}, stream)
    assert inference.output_text == "Hello"
    assert inference.response
    assert inference.response.usage.output_tokens == 2


def test_cohere_streams_end_with_the_whole_response() -> None:
    """The last event carries text, counts and finish reason."""
    whole = {"text": "Hello", "generation_id": "g", "finish_reason": "COMPLETE",
             "token_count": {"prompt_tokens": 3, "response_tokens": 1}}  # fmt: skip
    events = [
        {"is_finished": False, "event_type": "text-generation", "text": "Hel"},
        {"is_finished": True, "event_type": "stream-end", "response": whole},
    ]
    inference = read({"message": "hi", "stream": True}, "\n".join(json.dumps(e) for e in events))
    assert inference.response
    assert (inference.output_text, inference.response.usage.input_tokens) == ("Hello", 3)


@pytest.mark.parametrize(
    "events",
    [
        [
            {"type": "response.created", "response": {"object": "response", "output": []}},
            {"type": "response.output_text.delta", "delta": "Hel"},
            {"type": "response.output_text.delta", "delta": "lo"},
        ],
        [
            {"type": "message_start", "message": {"type": "message", "content": []}},
            {"type": "content_block_delta", "delta": {"type": "text_delta", "text": "Hel"}},
            {"type": "content_block_delta", "delta": {"type": "text_delta", "text": "lo"}},
        ],
        [
            {"message": {"role": "assistant", "content": "Hel"}, "done": False},
            {"message": {"role": "assistant", "content": "lo"}, "done": False},
        ],
    ],
)  # fmt: skip
def test_other_apis_streams_may_end_early(events: list[Any]) -> None:
    """Without the event that closes the stream, what was said until then is the answer."""
    inference = read(ASK, _events(events))
    assert inference.response
    assert (inference.output_text, inference.response.streamed) == ("Hello", True)
    assert inference.response.usage.output_tokens is None


def test_an_anthropic_error_event_is_a_failure() -> None:
    """Overload comes in the middle of the stream, with status 200."""
    events = [
        {"type": "message_start", "message": {"type": "message", "content": []}},
        {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}},
    ]
    failure = read(ASK, _events(events)).failure
    assert failure
    assert (failure.message, failure.type) == ("Overloaded", "overloaded_error")


def test_a_line_break_in_a_piece_of_text_is_kept() -> None:
    """Some servers put their text into events as it is."""
    document = capture(ASK, "data: Reef\nthe\n\ndata:  sail.\n\n")
    document["captureData"]["endpointOutput"]["observedContentType"] = "text/event-stream"
    record = read_document(document).record
    assert isinstance(record, Inference)
    assert record.output_text == "Reef\nthe sail."


@pytest.mark.parametrize(
    "text",
    [
        "id: 7\nname: Ann",
        "data: none was found",
        "event: the regatta",
        "error: none",
        ": )",
        "data:",
    ],
)
def test_a_text_that_begins_like_an_event_is_text(text: str) -> None:
    """The fields of the protocol are words, too; a stream carries JSON or is declared as one."""
    inference = read({"messages": [{"role": "user", "content": "Which?"}]}, text)
    assert inference.output_text == text
