"""The streams of every server: read whole, and never more than was sent when they are cut."""

from __future__ import annotations

import json
from typing import Any

import pytest

from inference_monitor.capture.reader import read_document
from inference_monitor.inference import Inference, Kind
from tests.samples.record import events, lines
from tests.unit.builders import capture, read

ASK = {"messages": [{"role": "user", "content": "hi"}], "stream": True}


def _events(documents: list[Any], space: str = " ") -> str:
    return events(*documents, space=space)


def _json_lines(documents: list[Any]) -> str:
    return lines(*documents)


def _delta(text: str, index: int = 0, finish: str | None = None) -> dict[str, Any]:
    return {"choices": [{"index": index, "delta": {"content": text}, "finish_reason": finish}]}


def _cohere_v2(kind: str, **message: Any) -> dict[str, Any]:
    return {"type": kind, "index": 0, "delta": {"message": message}}


def _token(text: str, **more: Any) -> dict[str, Any]:
    return {"token": {"id": 1, "text": text, "special": False}, "generated_text": None, **more}


def _third_party(piece: str, count: int, reason: str | None = None) -> dict[str, Any]:
    inputs = {"inputTokenCount": 4} if count == 1 else {}
    return {
        "body": {"generation": piece, "generation_token_count": count, "stop_reason": reason},
        "metering": {"outputTokenCount": count, **inputs},
        "content_type": "application/jsonlines",
    }


def _sglang(text: str, count: int, finish: str | None = None, **more: Any) -> dict[str, Any]:
    reason = finish and {"type": finish}
    return {
        "text": text,
        "meta_info": {"finish_reason": reason, "completion_tokens": count},
        **more,
    }


_PIECES = ("Reef", " the", " sail.")
_PARTS = [{"type": "thinking", "thinking": [{"type": "text", "text": "Wind."}]}]
STREAMS: dict[str, str] = {
    "chat": _events([*map(_delta, _PIECES), _delta("", finish="stop")]) + "data: [DONE]\n\n",
    "chat as JSON lines": _json_lines(list(map(_delta, _PIECES))),
    "chat with thoughts": _events([_delta("<think>Wi"), _delta("nd.</think>\n\nReef"), _delta(" the sail.")]),
    "chat with lists": _events([
        {"choices": [{"index": 0, "delta": {"content": _PARTS}}]},
        *({"choices": [{"index": 0, "delta": {"content": [{"type": "text", "text": p}]}}]} for p in _PIECES)]),
    "completions": _events([{"choices": [{"index": 0, "text": p}]} for p in _PIECES]),
    "TGI": _events([*map(_token, _PIECES[:2]), _token(" sail.") | {"generated_text": "Reef the sail."}], space=""),
    "LMI lines": _json_lines([*map(_token, _PIECES[:2]), _token(" sail.") | {
        "generated_text": "Reef the sail.", "details": {"finish_reason": "length", "input_length": 6}}]),
    "LMI outputs": _json_lines([{"outputs": [p]} for p in _PIECES]),
    "LMI third party": _json_lines([_third_party(p, n + 1, "stop" if n == 2 else None) for n, p in enumerate(_PIECES)]),
    "Triton": _events([{"model_name": "ensemble", "text_output": p} for p in _PIECES]),
    "SGLang": _events([_sglang("Reef", 1), _sglang("Reef the", 2), _sglang("Reef the sail.", 3, "stop")]),
    "SGLang in pieces": _events([_sglang(p, n + 1) for n, p in enumerate(_PIECES)]),
    "Cohere": _json_lines([{"event_type": "text-generation", "is_finished": False, "text": p} for p in _PIECES]),
    "Cohere v2": _events([
        {"type": "message-start", "id": "m", "delta": {"message": {"role": "assistant", "content": []}}},
        _cohere_v2("content-start", content={"type": "text", "text": ""}),
        *(_cohere_v2("content-delta", content={"text": p}) for p in _PIECES),
        {"type": "message-end", "delta": {"finish_reason": "COMPLETE", "usage": {"tokens": {"input_tokens": 7}}}}]),
    "Responses": _events([{"type": "response.output_text.delta", "delta": p} for p in _PIECES]),
    "Anthropic": _events([
        {"type": "message_start", "message": {"type": "message", "content": []}},
        *({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": p}} for p in _PIECES)]),
    "Ollama": _json_lines([{"message": {"role": "assistant", "content": p}, "done": False} for p in _PIECES]),
    "Ollama generate": _json_lines([{"response": p, "done": False} for p in _PIECES]),
    "llama.cpp": _events([{"content": p, "stop": False} for p in _PIECES]),
    "LangServe": "event: metadata\ndata: {\"run_id\": \"1\"}\n\n" + "".join(
        f"event: data\ndata: {json.dumps(p)}\n\n" for p in _PIECES) + "event: end\n\n",
    "LangServe messages": _events([{"type": "AIMessageChunk", "content": p} for p in _PIECES]),
    "plain text": "".join(f"data: {p}\n\n" for p in _PIECES) + "data: [DONE]\n\n",
}  # fmt: skip


def _read_stream(text: str, media_type: str = "application/json") -> Inference:
    document = capture({"messages": [{"role": "user", "content": "Wind?"}], "stream": True}, text)
    document["captureData"]["endpointOutput"]["observedContentType"] = media_type
    record = read_document(document).record
    assert isinstance(record, Inference)
    return record


@pytest.mark.parametrize("name", STREAMS)
def test_every_server_s_stream_is_read_whole(name: str) -> None:
    """The pieces in order, nothing lost, nothing twice, and no failure."""
    inference = _read_stream(STREAMS[name], "text/event-stream")
    assert (inference.output_text, inference.failure) == ("Reef the sail.", None)
    assert inference.kind is Kind.LLM
    assert inference.response
    assert inference.response.streamed


@pytest.mark.parametrize(
    "line",
    [
        {
            "body": {"generation": "said", "stop_reason": "stop"},
            "metering": {"outputTokenCount": 1},
        },
        {"text": "said", "meta_info": {"finish_reason": {"type": "stop"}}},
        {"response": "said", "done": True},
        {"text_output": "said"},
        {"outputs": ["said"]},
    ],
)
def test_lines_that_answer_a_batch_are_no_stream(line: dict[str, Any]) -> None:
    """As many whole answers as there were prompts belong to one each."""
    response = read({"inputs": ["x", "y"]}, _json_lines([line, line])).response
    assert response
    assert [(c.text, c.item) for c in response.choices] == [("said", 0), ("said", 1)]
    alone = read({"inputs": "x", "stream": True}, _json_lines([line, line])).response
    assert alone
    assert len(alone.choices) == 1


def test_several_completions_of_one_prompt_are_its_choices() -> None:
    """They come on lines of their own, too, and all answer the first item."""
    answers = [{"choices": [{"message": {"content": text}}]} for text in "AB"]
    response = read({"messages": ASK["messages"], "n": 2}, _json_lines(answers)).response
    assert response
    assert [(c.text, c.item) for c in response.choices] == [("A", 0), ("B", 0)]


@pytest.mark.parametrize("media_type", ["text/event-stream", "application/jsonlines"])
@pytest.mark.parametrize("name", STREAMS)
def test_a_stream_cut_anywhere_invents_no_text(name: str, media_type: str) -> None:
    """What is read of a beginning is a beginning of what is read of the whole."""
    for cut in range(len(STREAMS[name])):
        said = _read_stream(STREAMS[name][:cut], media_type).output_text or ""
        assert "Reef the sail.".startswith(said), STREAMS[name][:cut]


def test_counts_and_finish_reasons_come_from_where_each_server_puts_them() -> None:
    """In the last line, in the details, or in the metering beside the text."""
    read_as = {name: _read_stream(STREAMS[name]).response for name in STREAMS}
    told = {
        name: (r.usage.input_tokens, r.usage.output_tokens, r.choices[0].finish_reason)
        for name, r in read_as.items()
        if r
    }
    assert told["LMI third party"] == (4, 3, "stop")
    assert told["LMI lines"] == (6, None, "length")
    assert told["Cohere v2"] == (7, None, "COMPLETE")
    assert told["SGLang"] == (None, 3, "stop")


def test_thoughts_of_a_stream_are_apart() -> None:
    """Also where they come as lists of parts."""
    for name in ("chat with thoughts", "chat with lists"):
        response = _read_stream(STREAMS[name]).response
        assert response
        assert response.choices[0].reasoning == "Wind."


@pytest.mark.parametrize("texts", [("ho", "ho", "!"), ("ha", "ha", "ha")])
def test_pieces_of_sglang_that_are_alike_are_all_kept(texts: tuple[str, ...]) -> None:
    """A token that is repeated is no event that repeats the text so far."""
    events = [_sglang(t, n + 1, "length" if n == 2 else None) for n, t in enumerate(texts)]
    assert _read_stream(_events(events)).output_text == "".join(texts)


def test_the_last_event_of_sglang_may_repeat_the_whole() -> None:
    """The end of the text is a token that is not shown."""
    events = [_sglang("Ree", 1), _sglang("Reef.", 2), _sglang("Reef.", 3, "stop")]
    assert _read_stream(_events(events)).output_text == "Reef."


def test_sglang_streams_several_answers_under_their_index() -> None:
    """Each is an answer of its own."""
    events = [_sglang("a", 1, index=0), _sglang("b", 1, index=1),
              _sglang("aA", 2, "stop", index=0), _sglang("bB", 2, "stop", index=1)]  # fmt: skip
    inference = read({"text": ["x", "y"], "sampling_params": {}}, _events(events))
    assert inference.response
    assert [(c.text, c.item) for c in inference.response.choices] == [("aA", 0), ("bB", 1)]


def _call(name: str | None = None, arguments: str = "", **more: Any) -> dict[str, Any]:
    function = {"arguments": arguments, **({"name": name} if name else {})}
    return {"choices": [{"index": 0, "delta": {"tool_calls": [{"function": function, **more}]}}]}


@pytest.mark.parametrize(
    "pieces",
    [
        [_call("reef", id="a", index=0), _call(arguments='{"n": ', index=0), _call(arguments="1}", index=0),
         _call("tack", id="b", index=0), _call(arguments="{}", index=0)],
        [_call("reef", '{"n": 1}', id="a", index=0), _call("tack", "{}", id="b", index=0)],
        [_call("reef", '{"n": 1}', index=0), _call("tack", "{}", index=0)],
        [_call("reef", '{"n": 1}', id="a"), _call("tack", "{}", id="b")],
        [_call("reef", '{"n": ', id="a", index=0), _call("reef", "1}", id="a", index=0),
         _call("tack", "{}", id="b", index=1)],
        [{"choices": [{"delta": {"function_call": {"name": "reef", "arguments": '{"n": '}}}]},
         {"choices": [{"delta": {"function_call": {"arguments": "1}"}}}]}, _call("tack", "{}", index=1)],
        [_call("tack", "{}", id="b", index=1), _call("reef", '{"n": 1}', id="a", index=0)],
    ],
)  # fmt: skip
def test_parallel_tool_calls_are_kept_apart(pieces: list[Any]) -> None:
    """Under one index or several, with the name in each piece or in the first."""
    response = read(ASK, _events(pieces)).response
    assert response
    assert [(c.name, c.arguments) for c in response.choices[0].tool_calls] == [
        ("reef", '{"n": 1}'),
        ("tack", "{}"),
    ]


def test_tool_calls_of_cohere_s_second_api_are_read() -> None:
    """The plan is a thought and no text; the arguments come in pieces."""
    events = [
        _cohere_v2("tool-plan-delta", tool_plan="I look."),
        _cohere_v2("tool-call-start", tool_calls={"id": "a", "type": "function",
                                                  "function": {"name": "find", "arguments": ""}}),
        _cohere_v2("tool-call-delta", tool_calls={"function": {"arguments": '{"n":'}}),
        _cohere_v2("tool-call-delta", tool_calls={"function": {"arguments": " 1}"}}),
        {"type": "message-end", "delta": {"finish_reason": "TOOL_CALL"}},
    ]  # fmt: skip
    response = read(ASK, _events(events)).response
    assert response
    (choice,) = response.choices
    assert [(c.name, c.arguments, c.id) for c in choice.tool_calls] == [("find", '{"n": 1}', "a")]
    assert (choice.text, choice.finish_reason, choice.reasoning) == (None, "TOOL_CALL", "I look.")


def test_the_responses_api_streams_thoughts_and_tool_calls() -> None:
    """Also where the stream ends before the event that carries the whole response."""
    call = {"type": "function_call", "name": "find", "call_id": "a", "arguments": ""}
    events = [
        {"type": "response.reasoning_summary_text.delta", "delta": "Wi"},
        {"type": "response.reasoning_summary_text.delta", "delta": "nd."},
        {"type": "response.output_item.added", "output_index": 1, "item": call},
        {"type": "response.function_call_arguments.delta", "output_index": 1, "delta": '{"n":'},
        {"type": "response.function_call_arguments.delta", "output_index": 1, "delta": " 1}"},
    ]
    response = read(ASK, _events(events)).response
    assert response
    (choice,) = response.choices
    assert [(c.name, c.arguments, c.id) for c in choice.tool_calls] == [("find", '{"n": 1}', "a")]
    assert (choice.text, choice.reasoning) == (None, "Wind.")


def test_a_call_without_arguments_is_not_mixed_up_with_the_next() -> None:
    """Another id begins another call, also under the same index."""
    pieces = [_call("reef", id="a", index=0), _call("tack", "{}", id="b", index=0)]
    response = read(ASK, _events(pieces)).response
    assert response
    calls = response.choices[0].tool_calls
    assert [(c.name, c.arguments, c.id) for c in calls] == [("reef", "", "a"), ("tack", "{}", "b")]


def test_triton_may_repeat_the_text_so_far() -> None:
    """Backends that accumulate tokens send it in every event."""
    events = [{"text_output": text} for text in ("", "Reef", "Reef the", "Reef the sail.")]
    assert read(ASK, _events(events)).output_text == "Reef the sail."


def test_usage_may_stand_in_a_choice() -> None:
    """Moonshot's API puts it there."""
    last = _delta("", finish="stop")
    last["choices"][0]["usage"] = {"prompt_tokens": 8, "completion_tokens": 2}
    response = read(ASK, _events([_delta("Reef."), last])).response
    assert response
    assert (response.usage.input_tokens, response.usage.output_tokens) == (8, 2)


def test_json_lines_of_several_completions_are_several_answers() -> None:
    """Each belongs to the request of the same line, and the counts are those of all."""
    asked = "".join(json.dumps({"messages": [{"role": "user", "content": q}]}) + "\n" for q in "ab")
    answers = [{"object": "chat.completion", "choices": [{"index": 0, "message": {"content": t}}],
                "usage": {"prompt_tokens": 2, "completion_tokens": 3}} for t in "AB"]  # fmt: skip
    response = read(asked, _json_lines(answers)).response
    assert response
    assert [(c.text, c.item) for c in response.choices] == [("A", 0), ("B", 1)]
    assert (response.usage.input_tokens, response.usage.output_tokens) == (4, 6)
