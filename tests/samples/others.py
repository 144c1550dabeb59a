"""Models that do not talk, failed inferences, and captures with a side missing."""

from __future__ import annotations

from tests.samples.record import JSON, LINES, SSE, Sample, events, failed, lines, llm, model

_ASK = "Extract the order number."
_ASKED = {"inputs": _ASK, "parameters": {"max_new_tokens": 8}}
_CHAT = [{"role": "user", "content": "hi"}]
_CHATTED = {"messages": _CHAT, "max_tokens": -5}

MODELS = (
    Sample("34,2,118.5,0,1", "0.0364", model("classifier"), types=("text/csv", "text/csv; charset=utf-8")),
    Sample({"Day Mins": "2.5", "Eve Calls": "3", "State_AK": "0"}, [0.0086], model("classifier"),
           metadata={"customAttributes": ['{"applicationName": "churn"}']}),
    Sample({"instances": [{"features": [1.5, 2.0]}]}, {"predictions": [{"score": 0.8}]}, model("classifier")),
    Sample(lines({"features": [1, 2]}, {"features": [3, 4]}), lines({"predicted_label": 1}, {"predicted_label": 0}),
           model("classifier"), types=(LINES, LINES)),
    Sample(b"\x93NUMPY\x01\x00v\x00\xff", b"\x93NUMPY\x01\x00v\x00\xfe", model("classifier"),
           types=("application/x-npy", "application/x-npy")),
    Sample({"inputs": "I love this bike"}, [{"label": "POSITIVE", "score": 0.99}], model("classifier")),
    Sample({"inputs": {"question": "Which colour?", "context": "The bike is red."}},
           {"answer": "red", "score": 0.97, "start": 12, "end": 15}, model("other", output_text="red")),
    Sample({"texts": ["bike", "bell"], "input_type": "search_query"},
           {"id": "e1", "embeddings": [[0.1, 0.2, 0.3], [0.4, 0.5, 0.6]]}, model("embedding")),
    Sample({"inputs": "bike"}, [[0.1, 0.2, 0.3, 0.4]], model("embedding")),
    Sample({"input": ["bike"], "model": "embedder"},
           {"object": "list", "data": [{"object": "embedding", "index": 0, "embedding": [0.1, 0.2]}],
            "usage": {"prompt_tokens": 1, "total_tokens": 1}}, model("embedding", input_tokens=1)),
    Sample({"query": "red bike", "documents": ["a red bike", "a bell"]},
           {"results": [{"index": 0, "relevance_score": 0.9}, {"index": 1, "relevance_score": 0.1}]},
           model("rerank")),
    Sample({"query": "red bike", "texts": ["a red bike", "a bell"]},
           [{"index": 0, "score": 0.9}, {"index": 1, "score": 0.1}], model("rerank")),
    # A container nobody knows: kept as it is.
    Sample({"task": {"colour": "red"}}, {"shop": {"bikes": [{"id": 7}]}}, model("other")),
)  # fmt: skip

FAILURES = (
    Sample(_ASKED, {"error": "exception occurred during rolling batch inference", "code": 424},
           failed(_ASK, 424, "exception occurred during rolling batch inference"), hidden=True),
    Sample(_ASKED, {"code": 424, "message": "invoke handler failure", "error": "CUDA out of memory"},
           failed(_ASK, 424, "invoke handler failure: CUDA out of memory"), hidden=True),
    Sample(_ASKED, '{\n  "code": 400,\n  "type": "BadRequestException",\n  "message": "can\\u0027t parse"\n}',
           failed(_ASK, 400, "can't parse"), hidden=True),
    Sample(_ASKED, {"generated_text": None, "error": "token id out of range", "code": 400,
                    "details": {"finish_reason": "error", "generated_tokens": None}},
           failed(_ASK, 400, "token id out of range", finish_reason="error")),
    Sample({**_ASKED, "stream": True},
           lines({"token": {"id": -1, "text": "", "log_prob": -1}, "generated_text": "",
                  "details": {"finish_reason": "error", "generated_tokens": None}}),
           failed(_ASK, None, "generation finished with an error", finish_reason="error"), types=(JSON, LINES)),
    Sample(_ASKED, {"error": "Input validation error: `inputs` must have less than 1000 tokens. Given: 1413",
                    "error_type": "validation"},
           failed(_ASK, 422, "Input validation error: `inputs` must have less than 1000 tokens. Given: 1413")),
    Sample(_ASKED, {"error": "Model is overloaded", "error_type": "overloaded"},
           failed(_ASK, 429, "Model is overloaded"), hidden=True),
    Sample(_CHATTED, {"error": {"message": "Template error", "http_status_code": 422}},
           failed(_CHAT, 422, "Template error")),
    Sample(_CHATTED, {"object": "error", "message": "max_tokens must be at least 1, got -5.",
                      "type": "BadRequestError", "param": None, "code": 400},
           failed(_CHAT, 400, "max_tokens must be at least 1, got -5.")),
    Sample(_CHATTED, {"error": {"message": "The model does not exist", "type": "NotFoundError", "code": 404}},
           failed(_CHAT, 404, "The model does not exist")),
    Sample({"text": "hi", "sampling_params": {}},
           events({"text": "", "meta_info": {"finish_reason": {"type": "abort", "status_code": 503,
                   "message": "The server is shutting down"}}}, "[DONE]"),
           failed("hi", 503, "The server is shutting down", finish_reason="abort"), types=(JSON, SSE)),
)  # fmt: skip

PARTIAL = (
    Sample({"messages": _CHAT}, None, llm(_CHAT, None) | {"status_code": None}),
    Sample(None, {"generated_text": " only the answer"}, llm(None, " only the answer")),
    # A merge job has put the truth beside the capture.
    Sample(_ASKED, {"generated_text": " 4711"}, llm(_ASK, " 4711"),
           extra={"groundTruthData": {"data": "4711", "encoding": "CSV"}}),
)  # fmt: skip
