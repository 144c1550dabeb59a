"""Text generation servers with APIs of their own, and the further APIs of those that chat."""

from __future__ import annotations

from typing import Any

from tests.samples.record import JSON, LINES, SSE, Sample, events, lines, llm

_ASK = "Describe a folding bike in five words."
_ASKED = {"inputs": _ASK, "parameters": {"max_new_tokens": 16}}
_SAID = " Small, clever, quick to stow."
_TEMPLATE = (
    "<|begin_of_text|><|start_header_id|>user<|end_header_id|>\n\nWhat is a derailleur?<|eot_id|>"
    "<|start_header_id|>assistant<|end_header_id|>\n\n"
)
_DIALOG = [{"role": "user", "content": "What is a derailleur?"}]
_MOVES = "It moves the chain between the gears."


def _token(text: str, *, special: bool = False, **more: Any) -> dict[str, Any]:
    return {"token": {"id": 7, "text": text, "logprob": -0.1, "special": special}, **more}


def _details(finish: str, count: int, **more: Any) -> dict[str, Any]:
    return {"finish_reason": finish, "generated_tokens": count, "prefill": [], "tokens": [], **more}


LMI_AND_TGI = (
    Sample(_ASKED, {"generated_text": _SAID}, llm(_ASK, _SAID)),
    Sample(_ASKED, [{"generated_text": _SAID}], llm(_ASK, _SAID)),
    Sample(
        {**_ASKED, "parameters": {"details": True, "decoder_input_details": True}},
        {"generated_text": _SAID, "details": _details("eos_token", 9, prefill=[{"id": 1, "text": "a"}] * 8)},
        llm(_ASK, _SAID, (8, 9), finish_reason="eos_token"),
    ),
    Sample(
        {**_ASKED, "parameters": {"best_of": 2, "details": True}},
        {"generated_text": _SAID, "details": _details("length", 16, best_of_sequences=[
            {"generated_text": " Fits under every desk.", "finish_reason": "eos_token", "generated_tokens": 6}])},
        llm(_ASK, _SAID, (None, 16), finish_reason="length"),
    ),
    # The prompt comes back with the answer.
    Sample({**_ASKED, "parameters": {"return_full_text": True}}, [{"generated_text": _ASK + _SAID}],
           llm(_ASK, _ASK + _SAID)),
    # A batch: one answer per input, in order; and JSON lines, one request each.
    Sample({"inputs": ["Bike?", "Bell?"]}, [{"generated_text": " Two wheels."}, {"generated_text": " Ring."}],
           llm([{"role": "user", "content": "Bike?"}, {"role": "user", "content": "Bell?"}], " Two wheels.")),
    Sample(lines({"inputs": "Bike?"}, {"inputs": "Bell?"}),
           lines({"generated_text": " Wheels."}, {"generated_text": " Dong."}),
           llm([{"role": "user", "content": "Bike?"}, {"role": "user", "content": "Bell?"}], " Wheels."),
           types=(LINES, LINES)),
    # Streams: TGI's events, one cut off before its end; LMI's JSON lines in both forms.
    Sample({**_ASKED, "stream": True},
           events(_token(" Small"), _token(" bike"), _token("</s>", special=True, generated_text=" Small bike",
                  details={"finish_reason": "eos_token", "generated_tokens": 3}), space=""),
           llm(_ASK, " Small bike", (None, 3), finish_reason="eos_token"), types=(JSON, SSE)),
    Sample({**_ASKED, "stream": True},
           events(_token(" Quick"), _token(" to"), _token("<s>", special=True), space="") + 'data:{"token":{"id',
           llm(_ASK, " Quick to"), types=(JSON, SSE)),
    Sample({**_ASKED, "stream": True},
           lines({"token": {"id": 1, "text": " Stow", "log_prob": -1.0}},
                 {"token": {"id": 2, "text": "able", "log_prob": -1.0}, "generated_text": " Stowable",
                  "details": {"finish_reason": "length", "generated_tokens": 2}}),
           llm(_ASK, " Stowable", (None, 2), finish_reason="length"), types=(JSON, LINES)),
    Sample(_ASKED, lines({"outputs": [" a"]}, {"outputs": [" neat"]}, {"outputs": [" bike"]}),
           llm(_ASK, " a neat bike"), types=(JSON, LINES)),
    # LoRA adapters, and LMI's formatter for third parties.
    Sample({**_ASKED, "adapters": "bike-copy"}, {"generated_text": _SAID}, llm(_ASK, _SAID)),
    Sample(_ASKED, {"body": {"generation": _SAID, "prompt_token_count": 9, "generation_token_count": 8,
                             "stop_reason": "stop"},
                    "metering": {"inputTokenCount": 9, "outputTokenCount": 8}, "content_type": JSON},
           llm(_ASK, _SAID, (9, 8), finish_reason="stop")),
    # A server that answers in two styles at once.
    Sample(_ASKED, {"generated_text": _SAID, "choices": [{"index": 0, "finish_reason": "stop",
                    "message": {"role": "assistant", "content": _SAID}}],
                    "usage": {"prompt_tokens": 9, "completion_tokens": 8}},
           llm(_ASK, _SAID, (9, 8), finish_reason="stop")),
)  # fmt: skip

OTHERS = (
    Sample({"inputs": _TEMPLATE}, {"generated_text": _MOVES}, llm(_TEMPLATE, _MOVES)),
    Sample({"inputs": [_DIALOG], "parameters": {"top_p": 0.9}},
           [{"generation": {"role": "assistant", "content": _MOVES}}],
           llm(_DIALOG, _MOVES), hidden=True, metadata={"customAttributes": ["accept_eula=true"]}),
    Sample({"text": "The chain is", "sampling_params": {"max_new_tokens": 2}},
           {"text": " too long", "output_ids": [5, 6], "meta_info": {"prompt_tokens": 3,
            "completion_tokens": 2, "finish_reason": {"type": "length", "length": 2}}},
           llm("The chain is", " too long", (3, 2), finish_reason="length")),
    Sample({"input_ids": [1, 2, 3], "sampling_params": {}},
           {"text": " gear", "meta_info": {"prompt_tokens": 3, "completion_tokens": 1,
            "finish_reason": {"type": "stop", "matched": 2}}},
           llm(None, " gear", (3, 1), finish_reason="stop")),
    Sample({"message": "And its brakes?", "temperature": 0.3, "chat_history": [
                {"role": "USER", "message": "Which bike for rain?"}, {"role": "CHATBOT", "message": "One with mudguards."}]},
           {"text": "Disc brakes work well in rain.", "generation_id": "g1", "finish_reason": "COMPLETE",
            "token_count": {"prompt_tokens": 41, "response_tokens": 8, "total_tokens": 49},
            "meta": {"billed_units": {"input_tokens": 11, "output_tokens": 8}}},
           llm([{"role": "user", "content": "Which bike for rain?"},
                {"role": "assistant", "content": "One with mudguards."},
                {"role": "user", "content": "And its brakes?"}],
               "Disc brakes work well in rain.", (41, 8), finish_reason="COMPLETE")),
    Sample({"message": "Stock of Trail 5?", "tools": [{"name": "find_stock"}]},
           {"text": "", "generation_id": "g2", "finish_reason": "COMPLETE",
            "tool_calls": [{"name": "find_stock", "parameters": {"model": "Trail 5"}}]},
           llm("Stock of Trail 5?", "", finish_reason="COMPLETE")),
    Sample({"prompt": "A slogan for bells", "max_tokens": 8},
           {"generations": [{"id": "g3", "text": " Hear us coming."}], "prompt": "A slogan for bells"},
           llm("A slogan for bells", " Hear us coming.")),
    Sample({"text": "Long text about bells and their history.", "length": "short"},
           {"id": "s1", "summary": "Bells have a history."},
           llm("Long text about bells and their history.", "Bells have a history.")),
    Sample({"prompt": "A pump is", "maxTokens": 4, "numResults": 1},
           {"id": 1, "completions": [{"data": {"text": " for tyres"}, "finishReason": {"reason": "length"}}]},
           llm("A pump is", " for tyres", finish_reason="length")),
    Sample({"text_inputs": "Translate: bike", "max_length": 20}, {"generated_texts": ["Fahrrad"]},
           llm("Translate: bike", "Fahrrad")),
    Sample({"inputs": "Long text about pumps."}, [{"summary_text": "About pumps."}],
           llm("Long text about pumps.", "About pumps.")),
    Sample("What is a hub?", "The middle of a wheel.", llm("What is a hub?", "The middle of a wheel."),
           types=("text/plain", "text/plain; charset=utf-8")),
)  # fmt: skip

_FIND = {"name": "find_stock", "input": {"model": "Trail 5"}}
_ANTHROPIC = {"model": "shop-llm", "system": "Be short.", "max_tokens": 64}
_FOUND = [
    {"role": "system", "content": "Be short."},
    {"role": "user", "content": "Stock of Trail 5?"},
    {"role": "assistant", "content": [{"type": "text", "text": "I look."}], "tool_calls": [
        {"id": "t1", "type": "function",
         "function": {"name": "find_stock", "arguments": '{"model": "Trail 5"}'}}]},
    {"role": "tool", "tool_call_id": "t1", "content": "two"},
]  # fmt: skip

# Containers that people bring themselves, and the other APIs of vLLM and SGLang.
OTHER_APIS = (
    Sample({**_ANTHROPIC, "messages": [
                {"role": "user", "content": "Stock of Trail 5?"},
                {"role": "assistant", "content": [{"type": "text", "text": "I look."}, {"type": "tool_use", "id": "t1", **_FIND}]},
                {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t1", "content": "two"}]}]},
           {"id": "m1", "type": "message", "role": "assistant", "model": "shop-llm",
            "content": [{"type": "thinking", "thinking": "Two, then."}, {"type": "text", "text": "There are two."}],
            "stop_reason": "end_turn", "usage": {"input_tokens": 9, "cache_read_input_tokens": 30, "output_tokens": 5}},
           llm(_FOUND, "There are two.", (39, 5), finish_reason="end_turn")),
    Sample({**_ANTHROPIC, "messages": [{"role": "user", "content": "Is Trail 5 there?"}], "stream": True},
           events({"type": "message_start", "message": {"id": "m2", "type": "message", "content": [],
                                                        "usage": {"input_tokens": 12, "output_tokens": 1}}},
                  {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
                  {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "I "}},
                  {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "look."}},
                  {"type": "content_block_start", "index": 1, "content_block": {"type": "tool_use", "id": "t2", "name": "find_stock", "input": {}}},
                  {"type": "content_block_delta", "index": 1, "delta": {"type": "input_json_delta", "partial_json": '{"model": '}},
                  {"type": "content_block_delta", "index": 1, "delta": {"type": "input_json_delta", "partial_json": '"Trail 5"}'}},
                  {"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": {"output_tokens": 21}},
                  {"type": "message_stop"}),
           llm([{"role": "system", "content": "Be short."}, {"role": "user", "content": "Is Trail 5 there?"}],
               "I look.", (12, 21), finish_reason="tool_use"), types=(JSON, SSE)),
    Sample({"model": "shop-llm", "instructions": "Be short.", "input": "What is a dropout?"},
           {"id": "r1", "object": "response", "status": "completed", "error": None, "model": "shop-llm",
            "output": [{"type": "reasoning", "summary": [{"type": "summary_text", "text": "Frames."}]},
                       {"type": "message", "role": "assistant", "content": [
                           {"type": "output_text", "text": "Where the wheel goes.", "annotations": []}]}],
            "usage": {"input_tokens": 14, "output_tokens": 6, "total_tokens": 20}},
           llm([{"role": "system", "content": "Be short."}, {"role": "user", "content": "What is a dropout?"}],
               "Where the wheel goes.", (14, 6), finish_reason="completed")),
    Sample({"model": "shop-llm", "stream": True, "input": [
                {"role": "user", "content": [{"type": "input_text", "text": "What is a lug?"}]}]},
           events({"type": "response.created", "response": {"object": "response", "status": "in_progress", "output": []}},
                  {"type": "response.output_text.delta", "delta": "A joint"},
                  {"type": "response.output_text.delta", "delta": " of tubes."},
                  {"type": "response.incomplete", "response": {
                      "object": "response", "status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"},
                      "output": [{"type": "message", "content": [{"type": "output_text", "text": "A joint of tubes."}]}],
                      "usage": {"input_tokens": 8, "output_tokens": 4}}}),
           llm([{"role": "user", "content": [{"type": "text", "text": "What is a lug?"}]}],
               "A joint of tubes.", (8, 4), finish_reason="max_output_tokens"), types=(JSON, SSE)),
    Sample({"model": "shop-llm", "messages": _DIALOG},
           lines({"model": "shop-llm", "message": {"role": "assistant", "content": "It moves"}, "done": False},
                 {"model": "shop-llm", "message": {"role": "assistant", "content": " the chain."}, "done": False},
                 {"model": "shop-llm", "message": {"role": "assistant", "content": ""}, "done": True,
                  "done_reason": "stop", "prompt_eval_count": 11, "eval_count": 6}),
           llm(_DIALOG, "It moves the chain.", (11, 6), finish_reason="stop"), types=(JSON, "application/x-ndjson")),
    Sample({"model": "shop-llm", "prompt": "A freewheel is", "stream": False},
           {"model": "shop-llm", "response": " a ratchet.", "done": True, "done_reason": "stop",
            "prompt_eval_count": 5, "eval_count": 3},
           llm("A freewheel is", " a ratchet.", (5, 3), finish_reason="stop")),
    Sample({"query": "Do you sell bells?", "top_k": 3}, {"answer": "Yes, in five colours.", "sources": ["catalogue"]},
           llm("Do you sell bells?", "Yes, in five colours.")),
)  # fmt: skip
