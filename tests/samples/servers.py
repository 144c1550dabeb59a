"""Further servers and frameworks that people bring, what stands in front of them, and what fails.

The shapes are those of the sources named in docs/capture-formats.md.
"""

from __future__ import annotations

import json

from tests.samples.others import _ASK, _ASKED, _CHAT
from tests.samples.record import JSON, LINES, SSE, Sample, events, failed, lines, llm, model

_Q, _A = "Which lock is the safest?", "A folding lock of the highest grade."
_TALK = [{"role": "user", "content": _Q}]
_FIND = {"name": "find_stock", "arguments": '{"model": "Trail 5"}'}
_PNG = "iVBORw0KGgoAAAANSUhEUgAAAAgAAAAIAQAAAADsdIMmAAAAFElEQVR42mNgAIL/////HwAE/wL+p8bq0AAAAABJRU5ErkJggg"


def _choice(text: str | None, finish: str | None = None, **more: object) -> dict[str, object]:
    return {
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": text, **more},
                "finish_reason": finish,
            }
        ]
    }


def _delta(**delta: object) -> dict[str, object]:
    return {
        "object": "chat.completion.chunk",
        "choices": [{"index": 0, "delta": delta, "finish_reason": None}],
    }


SERVERS = (
    # Triton: its generate extension, and a prompt as a tensor.
    Sample({"text_input": _Q, "parameters": {"max_tokens": 40}}, {"model_name": "ensemble", "text_output": _A}, llm(_Q, _A)),
    Sample({"inputs": [{"name": "text_input", "shape": [1, 1], "datatype": "BYTES", "data": [_Q]}]},
           {"outputs": [{"name": "text_output", "datatype": "BYTES", "shape": [1], "data": [_A]}]}, llm(_Q, _A)),
    Sample({"text_input": _Q, "stream": True}, events({"text_output": "A folding lock"}, {"text_output": " of the highest grade."}),
           llm(_Q, _A), types=(JSON, SSE)),
    # Thoughts: in the text, in parts, in deltas that split their mark, in harmony's channels.
    Sample({"messages": _TALK}, _choice(f"<think>\nGrades, weight…\n</think>\n\n{_A}", "stop"),
           llm(_TALK, _A, finish_reason="stop", reasoning="Grades, weight…")),
    Sample({"messages": _TALK}, _choice("<think>Chain or folding", "length"),
           llm(_TALK, None, finish_reason="length", reasoning="Chain or folding")),
    Sample({"messages": _TALK, "stream": True},
           events(_delta(content="<th"), _delta(content="ink>Grades.</thi"), _delta(content=f"nk>{_A}"), "[DONE]"),
           llm(_TALK, _A, reasoning="Grades."), types=(JSON, SSE)),
    Sample({"messages": _TALK}, {"choices": [{"index": 0, "message": {"role": "assistant", "content": [
                {"type": "thinking", "thinking": [{"type": "text", "text": "Grades."}]}, {"type": "text", "text": _A}]}}]},
           llm(_TALK, _A, reasoning="Grades.")),
    Sample(_ASKED | {"inputs": _Q}, {"generated_text": "<|channel|>analysis<|message|>Grades.<|end|><|start|>assistant"
                                     f"<|channel|>final<|message|>{_A}<|return|>"}, llm(_Q, _A, reasoning="Grades.")),
    # Streams: tools under one index, Cohere's second API, LMI's third-party lines, LangServe.
    Sample({"messages": _TALK, "stream": True},
           events(_delta(tool_calls=[{"index": 0, "id": "a", "function": _FIND}]),
                  _delta(tool_calls=[{"index": 0, "id": "b", "function": {**_FIND, "arguments": "{}"}}])),
           llm(_TALK, None, tool_calls=[_FIND, {**_FIND, "arguments": "{}"}]), types=(JSON, SSE)),
    Sample({"messages": _TALK, "stream": True},
           events({"type": "content-delta", "index": 0, "delta": {"message": {"content": {"text": _A}}}},
                  {"type": "message-end", "delta": {"finish_reason": "COMPLETE", "usage": {"tokens": {"input_tokens": 60, "output_tokens": 8}}}}),
           llm(_TALK, _A, (60, 8), finish_reason="COMPLETE"), types=(JSON, SSE)),
    Sample({"inputs": _Q, "stream": True},
           lines({"body": {"generation": "A folding lock", "prompt_token_count": 6}, "metering": {"inputTokenCount": 6, "outputTokenCount": 3}},
                 {"body": {"generation": " of the highest grade.", "stop_reason": "stop"}, "metering": {"outputTokenCount": 8}}),
           llm(_Q, _A, (6, 8), finish_reason="stop"), types=(JSON, LINES)),
    Sample({"input": {"question": _Q}, "config": {}}, {"output": _A, "metadata": {"run_id": "1"}}, llm(_Q, _A)),
    # MLflow, pipelines, AI21's tasks, CSV, JSON that was encoded twice.
    Sample({"dataframe_split": {"columns": ["prompt"], "data": [[_Q]]}}, {"predictions": [_A]}, llm(_Q, _A)),
    Sample({"inputs": _TALK}, [{"generated_text": [*_TALK, {"role": "assistant", "content": _A}]}], llm(_TALK, _A)),
    Sample({"text": _Q, "style": "casual"}, {"suggestions": [{"text": _A}, {"text": "A good one."}]}, llm(_Q, _A)),
    Sample(f'inputs\n"{_Q}"\n', f"generated_text\r\n{_A}\r\n", llm(_Q, _A), types=("text/csv", "text/csv")),
    Sample({"inputs": _Q}, json.dumps(json.dumps([{"generated_text": _A}])), llm(_Q, _A)),
    # Text is text, whatever it looks like.
    Sample({"prompt": "How many gears? A number."}, "21", llm("How many gears? A number.", "21"), types=(JSON, "text/plain")),
    Sample({"prompt": _Q}, "[1] The folding one.", llm(_Q, "[1] The folding one."), types=(JSON, "text/plain")),
)  # fmt: skip

MODELS = (
    Sample({"prompt": "a red bike at dawn", "width": 64, "height": 64, "guidance_scale": 7.5},
           {"generated_images": [[[[12, 40, 90]]]], "prompt": "a red bike at dawn"}, model("other")),
    Sample({"inputs": "a red bike"}, json.dumps(_PNG), model("other")),
    Sample({"input": "Welcome to the shop.", "voice": "calm"}, b"RIFF\x10\0\0\0WAVE\xff\xfe", model("other"), types=(JSON, "audio/wav")),
    Sample({"inputs": "bike bell"}, [[{"index": 1012, "value": 0.61}]], model("embedding")),
    Sample({"text": "bike"}, {"embedding": [0.1, 0.2, 0.3], "meta_info": {"prompt_tokens": 2}}, model("embedding", input_tokens=2)),
    Sample({"text_1": "Which bell?", "text_2": ["a bell"]},
           {"object": "list", "data": [{"index": 0, "object": "score", "score": 0.9}], "usage": {"prompt_tokens": 6}},
           model("rerank", input_tokens=6)),
    Sample({"input": ["the bell rings"]}, {"object": "list", "data": [{"index": 0, "label": "praise", "probs": [0.9, 0.1]}]},
           model("classifier")),
)  # fmt: skip

_HTML = "<html>\n<head><title>502 Bad Gateway</title></head>\n<body><center><h1>502 Bad Gateway</h1></center></body>\n</html>"
FAILURES = (
    Sample(_ASKED, _HTML, failed(_ASK, 502, "502 Bad Gateway"), hidden=True),
    Sample(_ASKED, "Internal Server Error", failed(_ASK, 500, "Internal Server Error"), hidden=True),
    Sample(_ASKED, "Failed to parse the request body as JSON: EOF while parsing",
           failed(_ASK, 400, "Failed to parse the request body as JSON: EOF while parsing"), types=(JSON, "text/plain")),
    Sample({"messages": _CHAT}, {"detail": [{"loc": ["body", "messages"], "msg": "Field required", "type": "missing"}]},
           failed(_CHAT, 422, "body.messages: Field required")),
    Sample({"messages": _CHAT}, {"message": "Forbidden"}, failed(_CHAT, 403, "Forbidden")),
    Sample({"messages": _CHAT}, {"errorMessage": "Task timed out", "errorType": "Timeout"}, failed(_CHAT, None, "Task timed out")),
    Sample({"inputs": "bike"}, {"error": "Model is overloaded", "error_type": "Overloaded"}, failed("bike", 429, "Model is overloaded")),
    Sample({"messages": _CHAT, "stream": True},
           events(_delta(content="Hello, how")) + lines({"code": 500, "message": "Inference Engine Failure", "properties": {}}),
           failed(_CHAT, 500, "Inference Engine Failure", output_text="Hello, how"), types=(JSON, SSE)),
    Sample({"messages": _CHAT, "stream": True},
           'error: {"code": 400, "message": "the context is full", "type": "invalid_request_error"}\n\n',
           failed(_CHAT, 400, "the context is full"), types=(JSON, SSE)),
    Sample(_ASKED, '{"generated_text": " 47', failed(_ASK, None, "the response was cut off: its JSON has no end")),
)  # fmt: skip
