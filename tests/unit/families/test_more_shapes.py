"""More payloads of public servers, in the order of the kinds: answers, streams, other models.

Values are ours; the shapes are those of the named source.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from tests.unit.families.test_shapes import (
    ASK,
    CHAT,
    CSV,
    JSON,
    MORE,
    PNG,
    SAID,
    SILENT,
    TALKED,
    TEXT,
    Shape,
    _completion,
    _report,
    _tensor,
)

SSE, HTML, NDJSON = "text/event-stream", "text/html", "application/x-ndjson"
PLAIN, ES, NL = (JSON, TEXT), (JSON, SSE), (JSON, NDJSON)
FORM = ("multipart/form-data; boundary=x", SSE)
P = {"prompt": ASK, "max_tokens": 9}
INPUTS = {"inputs": ASK, "parameters": {"max_new_tokens": 9}}
Q = {"query": ASK, "documents": ["a", "b"]}
ST = {**CHAT, "stream": True}
H = ("It holds ", "the ropes ", "of a ship.")
TH = f"<think>\nHm.\n</think>\n\n{SAID}"
MP = b'--x\r\nContent-Disposition: form-data; name="file"\r\n\r\nRIFF\x24\0\0\0WAVE\xff\xfe\r\n--x--\r\n'
CLASSIFIED: dict[str, Any] = {"kind": "classifier", **SILENT}
EMBEDDED: dict[str, Any] = {"kind": "embedding", **SILENT}
RANKED: dict[str, Any] = {"kind": "rerank", **SILENT}
DRAWN: dict[str, Any] = {"kind": "other", **SILENT}
THOUGHT: dict[str, Any] = {"kind": "llm", "output_text": SAID, "reasoning": "Hm."}


def _talked(**more: Any) -> dict[str, Any]:
    return {**TALKED, **more}


def _said(text: str, **more: Any) -> dict[str, Any]:
    return {"kind": "llm", "output_text": text, **more}


def _lines(documents: list[Any]) -> str:
    return "".join(json.dumps(document) + "\n" for document in documents)


def _events(documents: list[Any], named: bool = False) -> str:
    return "".join(
        (f"event: {document['type']}\n" if named else "")
        + f"data: {document if isinstance(document, str) else json.dumps(document)}\n\n"
        for document in documents
    )


SHAPES: dict[str, Shape] = {
    "html asked, text": Shape({"messages": [{"role": "user", "content": "Write an HTML page that says 404 Not Found."}]}, "<html><title>404 Not Found</title><h1>Not Found</h1></html>", _said("<html><title>404 Not Found</title><h1>Not Found</h1></html>"), "issue: text is text", PLAIN),
    "html asked, null type": Shape({"messages": [{"role": "user", "content": "Write HTML for my sails."}]}, "<!DOCTYPE html><html><title>My sails</title></html>", _said("<!DOCTYPE html><html><title>My sails</title></html>"), "issue: text is text", (JSON, None)),
    "text json gen": Shape(INPUTS, [{"generated_text": '{"label": "a", "score": 1}'}], _said('{"label": "a", "score": 1}'), "issue: text is text"),
    "json in response field": Shape(P, {"response": '{"label": "a", "score": 1}'}, _said('{"label": "a", "score": 1}'), "issue: text is text"),
    "said error in completion": Shape(CHAT, _completion('{"error": {"message": "x", "code": 500}}'), _said('{"error": {"message": "x", "code": 500}}'), "issue: text is text"),
    "said ISE": Shape(INPUTS, [{"generated_text": "Internal Server Error"}], _said("Internal Server Error"), "issue: text is text"),
    "title product": Shape(P, {"title": "Soft rope", "description": "A rope for ships."}, {"is_error": False}, "issue: text is text"),
    "svg asked text": Shape({"messages": [{"role": "user", "content": "draw a ship as svg"}]}, "<svg><rect/></svg>", _said("<svg><rect/></svg>"), "issue: text is text", PLAIN),
    "xml asked": Shape({"messages": [{"role": "user", "content": "Give me S3's error XML"}]}, "<Error><Code>NoSuchKey</Code></Error>", _said("<Error><Code>NoSuchKey</Code></Error>"), "issue: text is text", PLAIN),
    "plain text/html flask": Shape(CHAT, SAID, _talked(), "pallets/flask: the content type of a text is text/html", (JSON, HTML)),
    "h2 in answer text/html": Shape(CHAT, "<h2>Mooring</h2><p>Use ropes.</p>", _said("<h2>Mooring</h2><p>Use ropes.</p>"), "pallets/flask: the content type of a text is text/html", (JSON, HTML)),
    "predictions number text": Shape({"instances": [{"prompt": ASK, "max_tokens": 3}]}, {"predictions": ["42"]}, _said("42"), "tensorflow/serving tensorflow_serving/g3doc/api_rest.md"),
    "csv label score asked": Shape({**CHAT}, "label,score\nA,1\n", _said("label,score\nA,1\n"), "issue: text is text", (JSON, CSV)),
    "cohere classify": Shape({"inputs": ["a"], "examples": [{"text": "x", "label": "y"}]}, {"id": "1", "classifications": [{"id": "1", "input": "a", "prediction": "y", "confidence": 0.9, "labels": {"y": {"confidence": 0.9}}}]}, CLASSIFIED, "cohere-ai/cohere-python src/cohere/types/classify_response.py"),
    "kmeans": Shape("1,2\n", {"predictions": [{"closest_cluster": 3.0, "distance_to_cluster": 0.3}]}, CLASSIFIED, "awsdocs: K-means response formats", (CSV, JSON)),
    "deepar": Shape({"instances": [{"start": "2009-11-01 00:00:00", "target": [4.0, 10.0], "cat": [0]}], "configuration": {"num_samples": 50, "output_types": ["mean"]}}, {"predictions": [{"quantiles": {"0.9": [1.0]}, "mean": [2.0]}]}, CLASSIFIED, "awsdocs: DeepAR inference formats"),
    "chronos": Shape({"inputs": [{"target": [1, 2]}], "parameters": {"prediction_length": 2}}, {"predictions": [{"mean": [1.0], "0.1": [0.5]}]}, CLASSIFIED, "amazon-science/chronos-forecasting, in JumpStart"),
    "word2vec": Shape({"instances": ["awesome", "blazing"]}, [{"vector": [0.1, 0.2], "word": "awesome"}, {"vector": [0.1, 0.3], "word": "blazing"}], EMBEDDED, "awsdocs: BlazingText, Word2Vec hosting"),
    "object2vec": Shape({"instances": [{"in0": [6, 17]}]}, {"predictions": [{"embeddings": [0.1, 0.2]}]}, EMBEDDED, "awsdocs: Object2Vec data formats"),
    "autopilot words": Shape("1,a\n", "yes\nno\n", CLASSIFIED, "awsdocs: Autopilot inference", (CSV, CSV)),
    "jumpstart cls": Shape("a great film", {"probabilities": [0.1, 0.9], "labels": [0, 1], "predicted_label": 1}, CLASSIFIED, "awsdocs: JumpStart text classification", ("application/x-text", JSON)),
    "text_pair": Shape({"inputs": [{"text": "q", "text_pair": "a"}]}, [{"label": "LABEL_0", "score": 0.9}], {**CLASSIFIED}, "huggingface/transformers src/transformers/pipelines/text_classification.py"),
    "sentiment obj": Shape({"inputs": "I love it"}, {"sentiment_result": "positive"}, {"kind": "other"}, "containers of people's own"),
    "label text": Shape({"text": "I love it"}, {"label": "very positive"}, {"kind": "classifier"}, "containers of people's own"),
    "entities": Shape({"text": "Ann in Cork"}, {"entities": [{"text": "Ann", "label": "PER", "start": 0, "end": 3}]}, {"output_text": None}, "containers of people's own"),
    "kserve labels": Shape({"inputs": [_tensor("TEXT", "pier")]}, {"outputs": [_tensor("category", "harbour"), {"name": "score", "datatype": "FP32", "shape": [1], "data": [0.1]}]}, {"kind": "classifier"}, "triton-inference-server/server docs/protocol/extension_classification.md"),
    "async ack": Shape({"prompt": "x"}, {"output_location": "s3://b/o.json", "inference_id": "1"}, {"output_text": None}, "containers of people's own"),
    "one text col": Shape({"dataframe_split": {"columns": ["review"], "data": [["I love it"]]}}, {"predictions": ["positive"]}, {"kind": "classifier", "messages": None}, "mlflow/mlflow mlflow/pyfunc/scoring_server/__init__.py"),
    "bge-m3": Shape({"inputs": ["a"]}, {"dense_vecs": [[0.1, 0.2]], "lexical_weights": [{"12": 0.3}], "colbert_vecs": None}, EMBEDDED, "FlagOpen/FlagEmbedding BGE-M3 README"),
    "lexical only": Shape({"inputs": ["a"]}, {"lexical_weights": [{"12": 0.3}]}, EMBEDDED, "FlagOpen/FlagEmbedding BGE-M3 README"),
    "sparse idx": Shape({"inputs": "a"}, {"indices": [1, 2], "values": [0.1, 0.2]}, EMBEDDED, "naver/splade, containers of people's own"),
    "sparse idx list": Shape({"inputs": ["a"]}, [{"indices": [1, 2], "values": [0.1, 0.2]}], EMBEDDED, "qdrant/fastembed SparseEmbedding"),
    "vector": Shape({"inputs": "a"}, {"vector": [0.1, 0.2]}, EMBEDDED, "weaviate/t2v-transformers-models app.py"),
    "vectors list": Shape({"inputs": ["a"]}, [{"vector": [0.1, 0.2]}], EMBEDDED, "containers of people's own"),
    "sentence_embeddings": Shape({"inputs": ["a"]}, {"sentence_embeddings": [[0.1, 0.2]]}, EMBEDDED, "UKPLab/sentence-transformers, containers of people's own"),
    "clip": Shape({"text": "a"}, {"text_embedding": [0.1, 0.2], "image_embedding": [0.1, 0.2]}, EMBEDDED, "openai/CLIP, containers of people's own"),
    "outputs vec": Shape({"inputs": ["a"]}, {"outputs": [[0.1, 0.2, 0.3]]}, EMBEDDED, "deepjavalibrary/djl-serving engines/python/setup/djl_python/huggingface.py"),
    "titan embed": Shape({"inputText": "a"}, {"embedding": [0.1, 0.2], "inputTextTokenCount": 8, "embeddingsByType": {"float": [0.1, 0.2]}}, {**EMBEDDED, "input_tokens": 8}, "awsdocs: Titan Embeddings"),
    "ollama embed": Shape({"model": "m", "input": ["a"]}, {"model": "m", "embeddings": [[0.1, 0.2]], "total_duration": 5, "prompt_eval_count": 8}, {**EMBEDDED, "input_tokens": 8}, "ollama/ollama docs/api.md"),
    "tei vertex": Shape({"instances": [{"inputs": "a"}]}, {"predictions": [[[0.1, 0.2]]]}, EMBEDDED, "huggingface/text-embeddings-inference router/src/http/server.rs vertex_compatibility"),
    "embeddings named outputs": Shape({"inputs": ["a"]}, {"last_hidden_state": [[[0.1, 0.2]]], "pooler_output": [[0.1, 0.2]]}, EMBEDDED, "huggingface/transformers BaseModelOutputWithPooling"),
    "mixedbread": Shape(Q, {"results": [{"document": "a", "score": 0.9}, {"document": "b", "score": 0.1}]}, RANKED, "mixedbread-ai: reranking API"),
    "ce rank": Shape(Q, [{"corpus_id": 0, "score": 0.9, "text": "a"}, {"corpus_id": 1, "score": 0.1}], RANKED, "UKPLab/sentence-transformers CrossEncoder.rank"),
    "sglang rerank": Shape(Q, [{"score": 0.9, "document": "a", "index": 0, "meta_info": {"id": "x"}}], RANKED, "sgl-project/sglang entrypoints/openai/serving_rerank.py"),
    "pairs": Shape({"pairs": [["q", "a"], ["q", "b"]]}, [0.9, 0.1], RANKED, "UKPLab/sentence-transformers CrossEncoder.predict"),
    "s3 output": Shape({"prompt": "a pier"}, {"output": "s3://b/x.png"}, DRAWN, "containers of people's own"),
    "cog urls": Shape({"input": {"prompt": "a pier", "width": 512}}, {"status": "succeeded", "output": ["https://x/y.png"]}, DRAWN, "replicate/cog docs/http.md"),
    "cog data url": Shape({"input": {"prompt": "a pier"}}, {"status": "succeeded", "output": ["data:image/png;base64," + PNG]}, DRAWN, "replicate/cog docs/http.md"),
    "sd3 filtered": Shape({"prompt": "a pier", "mode": "text-to-image"}, {"seeds": [1], "finish_reasons": ["Filter reason: prompt"], "images": [None]}, {"kind": "other"}, "awsdocs: Stable Image Ultra"),
    "svg": Shape({"prompt": "a pier"}, "<svg xmlns='x'><rect/></svg>", DRAWN, "containers of people's own", (JSON, "image/svg+xml")),
    "musicgen": Shape({"texts": ["80s pop"], "bucket_name": "b", "generation_params": {"guidance_scale": 3}}, {"generated_outputs_s3": ["s3://b/x.wav"]}, DRAWN, "aws-samples: MusicGen on SageMaker"),
    "openai speech sse": Shape({"model": "tts", "input": "Ahoy", "voice": "alloy", "stream_format": "sse"}, 'data: {"type":"speech.audio.delta","audio":"UklGRiQAAABXQVZF"}\n\ndata: {"type":"speech.audio.done","usage":{"input_tokens":3,"output_tokens":9}}\n\n', DRAWN, "openai/openai-openapi audio/speech", (JSON, SSE)),
    "transcribe stream": Shape(MP, 'data: {"id":"t","object":"transcription.chunk","choices":[{"index":0,"delta":{"content":"Ahoy"}}]}\n\ndata: [DONE]\n\n', {"kind": "other", "messages": None}, "vllm-project/vllm entrypoints/openai/speech_to_text", ("multipart/form-data; boundary=x", SSE)),
    "whisper delta": Shape(MP, 'data: {"type":"transcript.text.delta","delta":"Ahoy"}\n\ndata: {"type":"transcript.text.done","text":"Ahoy"}\n\n', {"kind": "other"}, "openai/openai-openapi audio/transcriptions", ("multipart/form-data; boundary=x", SSE)),
    "vllm tokenize": Shape({"prompt": ASK, "model": "m"}, {"count": 3, "max_model_len": 4096, "tokens": [1, 2, 3], "token_strs": None}, DRAWN, "vllm-project/vllm entrypoints/serve/tokenize"),
    "vllm tokenize chat": Shape(CHAT, {"count": 3, "max_model_len": 4096, "tokens": [1, 2, 3]}, DRAWN, "vllm-project/vllm entrypoints/serve/tokenize"),
    "vllm logprob tokens": Shape(P, {"choices": [{"index": 0, "text": SAID, "logprobs": {"tokens": ["a"]}}]}, _talked(), "openai/openai-openapi completions"),
    "text+embedding word": Shape(P, {"response": SAID, "query_embedding": [0.1, 0.2]}, _talked(), "containers of people's own"),
    "text+image": Shape(P, {"response": SAID, "images": [PNG]}, _talked(), "containers of people's own"),
    "s mlflow agent items": Shape({"input": [{"role": "user", "content": ASK}], "stream": True}, _events([{"type": "response.output_item.done", "item": {"type": "message", "id": "1", "role": "assistant", "content": [{"type": "output_text", "text": SAID}]}}]), _talked(), "mlflow/mlflow mlflow/types/responses.py", ES),
    "s mlflow agent items + tool": Shape(
        {"input": [{"role": "user", "content": ASK}], "stream": True},
        _events(
            [
                {"type": "response.output_item.done", "item": {"type": "function_call", "call_id": "1", "name": "dock", "arguments": "{}"}},
                {"type": "response.output_item.done", "item": {"type": "function_call_output", "call_id": "1", "output": "x"}},
                {"type": "response.output_item.done", "item": {"type": "message", "id": "1", "role": "assistant", "content": [{"type": "output_text", "text": SAID}]}},
            ]
        ),
        _talked(tool_calls=[{"name": "dock", "arguments": "{}"}]),
        "mlflow/mlflow mlflow/types/responses.py",
        ES,
    ),
    "s chat agent": Shape({**ST}, _events([{"delta": {"role": "assistant", "content": x, "id": "1"}} for x in H]), _talked(), "mlflow/mlflow mlflow/types/agent.py ChatAgentChunk", ES),
    "s langserve dict": Shape({"input": {"question": ASK}, "config": {}}, 'event: metadata\ndata: {"run_id": "1"}\n\n' + "".join("event: data\ndata: " + json.dumps({"answer": x}) + "\n\n" for x in H) + "event: end\n\n", _talked(), "langchain-ai/langserve langserve/api_handler.py", ES),
    "s stream_events": Shape(
        {"input": {"question": ASK}, "config": {}},
        _events([{"event": "on_chain_start", "data": {"input": {"question": ASK}}, "run_id": "1"}, *({"event": "on_chat_model_stream", "data": {"chunk": {"content": x, "type": "AIMessageChunk"}}, "run_id": "1"} for x in H), {"event": "on_chain_end", "data": {"output": "x"}, "run_id": "1"}]),
        _talked(),
        "langchain-ai/langchain astream_events",
        ES,
    ),
    "s converse": Shape(
        {"messages": [{"role": "user", "content": [{"text": ASK}]}]},
        _lines([{"messageStart": {"role": "assistant"}}, *({"contentBlockDelta": {"delta": {"text": x}, "contentBlockIndex": 0}} for x in H), {"contentBlockStop": {"contentBlockIndex": 0}}, {"messageStop": {"stopReason": "end_turn"}}, {"metadata": {"usage": {"inputTokens": 5, "outputTokens": 8}}}]),
        {"kind": "llm", "output_text": SAID, "input_tokens": 5, "output_tokens": 8, "finish_reason": "end_turn"},
        "awsdocs: ConverseStream",
        NL,
    ),
    "s gemini": Shape(
        {"contents": [{"role": "user", "parts": [{"text": ASK}]}]},
        _events([{"candidates": [{"content": {"parts": [{"text": x}], "role": "model"}}]} for x in H[:2]] + [{"candidates": [{"content": {"parts": [{"text": H[2]}], "role": "model"}, "finishReason": "STOP"}], "usageMetadata": {"promptTokenCount": 5, "candidatesTokenCount": 8}}]),
        _talked(input_tokens=5, output_tokens=8, finish_reason="STOP"),
        "ai.google.dev: streamGenerateContent",
        ES,
    ),
    "s bedrock llama": Shape(
        {**P, "max_gen_len": 9},
        _lines([{"generation": H[0], "prompt_token_count": 5, "generation_token_count": 1, "stop_reason": None}, {"generation": H[1], "prompt_token_count": None, "generation_token_count": 2, "stop_reason": None}, {"generation": H[2], "prompt_token_count": None, "generation_token_count": 3, "stop_reason": "stop"}]),
        _talked(input_tokens=5, output_tokens=3, finish_reason="stop"),
        "awsdocs: Meta Llama",
        NL,
    ),
    "s titan": Shape(
        {"inputText": ASK, "textGenerationConfig": {}}, _lines([{"outputText": x, "index": 0, "completionReason": None} for x in H[:2]] + [{"outputText": H[2], "index": 0, "totalOutputTextTokenCount": 8, "completionReason": "FINISH", "inputTextTokenCount": 5}]), _talked(), "awsdocs: Amazon Titan Text", NL
    ),
    "s mistral bedrock": Shape(P, _lines([{"outputs": [{"text": x, "stop_reason": None}]} for x in H[:2]] + [{"outputs": [{"text": H[2], "stop_reason": "stop"}]}]), _talked(finish_reason="stop"), "awsdocs: Mistral AI text completion", NL),
    "s claude legacy": Shape(
        {"prompt": ASK, "max_tokens_to_sample": 9, "stream": True},
        _events([{"type": "completion", "completion": x, "stop_reason": None} for x in H] + [{"type": "completion", "completion": "", "stop_reason": "stop_sequence"}], True),
        _talked(finish_reason="stop_sequence"),
        "awsdocs: Anthropic Claude text completions",
        ES,
    ),
    "s sse text": Shape({**P, "stream": True}, _events([{"text": x} for x in H] + ["[DONE]"]), _talked(), "containers of people's own", ES),
    "s sse token": Shape({**P, "stream": True}, _events([{"token": x} for x in H]), _talked(), "containers of people's own", ES),
    "s nd response": Shape({**P, "stream": True}, _lines([{"response": x} for x in H]), _talked(), "containers of people's own", NL),
    "s nd generated_text": Shape({**P, "stream": True}, _lines([{"generated_text": x} for x in H]), _talked(), "containers of people's own", NL),
    "s vllm demo": Shape({**P, "stream": True}, _lines([{"text": [ASK + " It"]}, {"text": [ASK + " It holds"]}]), {"kind": "llm", "messages": [ASK], "output_text": ASK + " It holds"}, "vllm-project/vllm vllm/entrypoints/api_server.py", NL),
    "s lmdeploy": Shape(
        {"prompt": ASK, "session_id": 1, "stream": True},
        _events([{"text": x, "tokens": i + 1, "input_tokens": 5, "history_tokens": 0, "finish_reason": None} for i, x in enumerate(H)] + [{"text": "", "tokens": 3, "input_tokens": 5, "history_tokens": 0, "finish_reason": "stop"}]),
        _talked(finish_reason="stop"),
        "InternLM/lmdeploy serve/openai/api_server.py /v1/chat/interactive",
        ES,
    ),
    "s koboldcpp": Shape(P, "".join("event: message\ndata: " + json.dumps({"token": x, "finish_reason": None}) + "\n\n" for x in H), _talked(), "LostRuins/koboldcpp /api/extra/generate/stream", ES),
    "s ai sdk v5": Shape(ST, _events([{"type": "start"}, {"type": "text-start", "id": "1"}, *({"type": "text-delta", "id": "1", "delta": x} for x in H), {"type": "text-end", "id": "1"}, {"type": "finish"}, "[DONE]"]), _talked(), "vercel/ai UI message stream", ES),
    "s triton list": Shape({"text_input": ASK, "stream": True}, _events([{"text_output": [x]} for x in H]), _talked(), "triton-inference-server/server docs/protocol/extension_generate.md", ES),
    "s triton infer": Shape({"inputs": [_tensor("text_input", ASK)]}, _events([{"model_name": "m", "outputs": [_tensor("text_output", x)]} for x in H]), _talked(), "triton-inference-server/server docs/protocol/extension_generate.md", ES),
    "s triton custom": Shape({"PROMPT": ASK, "STREAM": True}, _events([{"model_name": "m", "model_version": "1", "TEXT": x} for x in H]), _talked(), "triton-inference-server/server docs/protocol/extension_generate.md", ES),
    "s anthropic tool no args": Shape(
        ST,
        _events(
            [
                {"type": "message_start", "message": {"type": "message", "content": []}},
                {"type": "content_block_start", "index": 0, "content_block": {"type": "tool_use", "id": "t", "name": "dock", "input": {}}},
                {"type": "content_block_delta", "index": 0, "delta": {"type": "input_json_delta", "partial_json": ""}},
                {"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": {"output_tokens": 8}},
            ],
            True,
        ),
        {"tool_calls": [{"name": "dock", "arguments": "{}"}]},
        "docs.anthropic.com: messages-streaming",
        ES,
    ),
    "s caikit": Shape(INPUTS, _events([{"generated_text": x, "details": {"finish_reason": "NOT_FINISHED", "generated_tokens": i + 1}} for i, x in enumerate(H[:2])] + [{"generated_text": H[2], "details": {"finish_reason": "EOS_TOKEN", "generated_tokens": 3}}]), _talked(), "caikit/caikit-nlp, text-generation-stream", ES),
    "s watsonx": Shape(P, _events([{"model_id": "m", "results": [{"generated_text": x, "stop_reason": "not_finished"}]} for x in H[:2]] + [{"model_id": "m", "results": [{"generated_text": H[2], "stop_reason": "eos_token"}]}]), _talked(), "cloud.ibm.com/apidocs/watsonx-ai text/generation_stream", ES),
    "s responses custom tool": Shape(
        {"input": [{"role": "user", "content": ASK}]}, {"object": "response", "status": "completed", "output": [{"type": "custom_tool_call", "call_id": "1", "name": "shell", "input": "ls"}]}, {"kind": "llm", "tool_calls": [{"name": "shell", "arguments": "ls"}]}, "openai/openai-openapi custom_tool_call"
    ),
    "s dify": Shape({"inputs": {}, "query": ASK, "user": "u", "response_mode": "streaming"}, _events([{"event": "message", "answer": x, "conversation_id": "c"} for x in H] + [{"event": "message_end", "metadata": {"usage": {"prompt_tokens": 5, "completion_tokens": 8}}}]), _talked(), "langgenius/dify chat-messages", ES),
    "ai21 j2 chat": Shape({"messages": [{"text": ASK, "role": "user"}], "system": "Be short.", "numResults": 1}, {"id": "1", "outputs": [{"text": SAID, "role": "assistant", "finishReason": {"reason": "endoftext"}}]}, {"kind": "llm", "output_text": SAID, "finish_reason": "endoftext"}, "AI21Labs/SageMaker J2 chat"),
    "claude legacy": Shape({"prompt": f"\n\nHuman: {ASK}\n\nAssistant:", "max_tokens_to_sample": 9}, {"type": "completion", "completion": SAID, "stop_reason": "stop_sequence", "stop": "\n\nHuman:"}, {"kind": "llm", "output_text": SAID, "finish_reason": "stop_sequence"}, "awsdocs: Anthropic Claude text completions"),
    "batch line": Shape(
        {"custom_id": "1", "method": "POST", "url": "/v1/chat/completions", "body": {**CHAT, "model": "m"}},
        {"id": "b", "custom_id": "1", "response": {"status_code": 200, "request_id": "x", "body": {**_completion(SAID), "usage": {"prompt_tokens": 5, "completion_tokens": 8}}}, "error": None},
        _talked(input_tokens=5, output_tokens=8),
        "openai/openai-openapi batch; vllm-project/vllm entrypoints/openai/run_batch.py",
    ),
    "tgi vertex": Shape({"instances": [{"inputs": ASK, "parameters": {"max_new_tokens": 3}}]}, {"predictions": [SAID]}, _talked(), "huggingface/text-generation-inference router/src/vertex.rs"),
    "vllm RequestOutput": Shape(P, {"request_id": "1", "prompt": ASK, "outputs": [{"index": 0, "text": SAID, "token_ids": [1], "cumulative_logprob": -1.0, "finish_reason": "length"}], "finished": True}, _talked(finish_reason="length"), "vllm-project/vllm vllm/outputs.py RequestOutput"),
    "triton custom": Shape({"PROMPT": ASK, "STREAM": False}, {"model_name": "m", "model_version": "1", "TEXT": SAID}, _talked(), "triton-inference-server/server docs/protocol/extension_generate.md"),
    "dspy": Shape({"inputs": {"question": ASK}}, {"predictions": {"reasoning": "Hm.", "answer": SAID}}, {"kind": "llm", "output_text": SAID, "reasoning": "Hm."}, "stanfordnlp/dspy in mlflow/dspy"),
    "haystack": Shape({"query": ASK}, {"llm": {"replies": [SAID], "meta": [{"model": "m", "usage": {"prompt_tokens": 5, "completion_tokens": 8}}]}}, _talked(), "deepset-ai/hayhooks pipeline run"),
    "llmresult": Shape(P, {"generations": [[{"text": SAID, "generation_info": {"finish_reason": "stop"}}]], "llm_output": {"token_usage": {"prompt_tokens": 5, "completion_tokens": 8}}}, _talked(), "langchain-ai/langchain langchain_core/outputs/llm_result.py"),
    "dashscope": Shape(
        {"model": "qwen", "input": {"messages": [{"role": "user", "content": ASK}]}, "parameters": {}},
        {"output": {"text": SAID, "finish_reason": "stop"}, "usage": {"input_tokens": 5, "output_tokens": 8}, "request_id": "x"},
        _talked(input_tokens=5, output_tokens=8, finish_reason="stop"),
        "alibabacloud: DashScope text generation",
    ),
    "dashscope msg": Shape(
        {"model": "qwen", "input": {"messages": [{"role": "user", "content": ASK}]}, "parameters": {"result_format": "message"}},
        {"output": {"choices": [{"finish_reason": "stop", "message": {"role": "assistant", "content": SAID}}]}, "usage": {"input_tokens": 5, "output_tokens": 8}},
        _talked(input_tokens=5, output_tokens=8),
        "alibabacloud: DashScope text generation",
    ),
    "caikit": Shape({"model_id": "m", "inputs": ASK}, {"generated_text": SAID, "generated_tokens": 8, "finish_reason": "EOS_TOKEN", "input_token_count": 5}, _talked(finish_reason="EOS_TOKEN", input_tokens=5, output_tokens=8), "caikit/caikit-nlp GeneratedTextResult"),
    "watsonx": Shape(
        {"input": ASK, "model_id": "m", "parameters": {"max_new_tokens": 9}},
        {"model_id": "m", "results": [{"generated_text": SAID, "generated_token_count": 8, "input_token_count": 5, "stop_reason": "eos_token"}]},
        _talked(finish_reason="eos_token", input_tokens=5, output_tokens=8),
        "cloud.ibm.com/apidocs/watsonx-ai text/generation",
    ),
    "gemini": Shape(
        {"contents": [{"role": "user", "parts": [{"text": ASK}]}], "systemInstruction": {"parts": [{"text": "s"}]}},
        {"candidates": [{"content": {"parts": [{"text": "Hm.", "thought": True}, {"text": SAID}], "role": "model"}, "finishReason": "STOP"}], "usageMetadata": {"promptTokenCount": 5, "candidatesTokenCount": 8}},
        {"kind": "llm", "output_text": SAID, "reasoning": "Hm.", "input_tokens": 5, "output_tokens": 8, "finish_reason": "STOP"},
        "ai.google.dev: generateContent",
    ),
    "llama.cpp multi": Shape(
        {"prompt": [ASK, MORE], "n_predict": 3},
        [{"index": 0, "content": SAID, "stop": True, "tokens_predicted": 8, "tokens_evaluated": 5}, {"index": 1, "content": "A hook.", "stop": True, "tokens_predicted": 2, "tokens_evaluated": 4}],
        {"kind": "llm", "output_text": SAID, "input_tokens": 9, "output_tokens": 10, "messages": [ASK, MORE]},
        "ggml-org/llama.cpp tools/server/README.md",
    ),
    "own llm_response": Shape(P, {"llm_response": SAID, "time_taken": 1.2}, _talked(), "containers of people's own"),
    "own Answer": Shape(P, {"Answer": SAID, "response_time": "1 s"}, _talked(), "containers of people's own"),
    "own choices texts": Shape(P, {"choices": [SAID]}, _talked(), "containers of people's own"),
    "langgraph": Shape({"input": {"messages": [{"role": "human", "content": ASK}]}, "config": {}}, {"output": {"messages": [{"type": "human", "content": ASK}, {"type": "ai", "content": SAID, "tool_calls": []}]}}, {"kind": "llm", "output_text": SAID}, "langchain-ai/langserve with LangGraph's state"),
    "azureml mir": Shape({"input_data": {"input_string": [{"role": "user", "content": ASK}], "parameters": {"max_new_tokens": 9}}}, {"output": SAID}, _talked(), "Azure/azureml-examples MLflow LLM scoring"),
    "azureml cols": Shape({"input_data": {"columns": ["prompt"], "data": [[ASK]]}}, [{"0": SAID}], _talked(), "Azure/azureml-examples MLflow scoring"),
    "nemo deploy rest": Shape({"prompts": [ASK], "max_length": 9}, {"output": [[SAID]]}, _talked(), "NVIDIA/NeMo-Export-Deploy service/fastapi_interface_to_pytriton.py"),
    "snowflake": Shape({"model": "m", "messages": [{"content": ASK}], "temperature": 0}, {"choices": [{"messages": SAID}], "created": 1, "model": "m", "usage": {"prompt_tokens": 5, "completion_tokens": 8}}, {"kind": "llm", "output_text": SAID}, "docs.snowflake.com: Cortex COMPLETE"),
    "question+chat_history": Shape({"question": ASK, "chat_history": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "ho"}]}, {"answer": SAID}, {"kind": "llm", "output_text": SAID, "messages": ["hi", "ho", ASK]}, "langchain-ai/langchain ConversationalRetrievalChain"),
    "prompt+history chatglm": Shape({"prompt": ASK, "history": [["hi", "ho"]]}, {"response": SAID, "history": [["hi", "ho"], [ASK, SAID]], "status": 200}, {"kind": "llm", "output_text": SAID}, "THUDM/ChatGLM-6B api.py"),
    "dify": Shape({"inputs": {}, "query": ASK, "user": "u", "response_mode": "blocking"}, {"event": "message", "message_id": "1", "conversation_id": "c", "mode": "chat", "answer": SAID, "metadata": {"usage": {"prompt_tokens": 5, "completion_tokens": 8}}}, _talked(), "langgenius/dify chat-messages"),
    "llama.cpp infill": Shape({"input_prefix": "def f(", "input_suffix": "return a", "n_predict": 3}, {"content": "a):", "stop": True, "tokens_predicted": 2, "tokens_evaluated": 4}, _said("a):"), "ggml-org/llama.cpp tools/server/README.md"),
    "translations list": Shape({"text": ASK}, {"translations": [{"translation_text": "Er hält Seile."}]}, {"kind": "llm", "output_text": "Er hält Seile."}, "containers of people's own"),
    "t thinking_blocks": Shape(CHAT, _completion(SAID) | {"choices": [{"index": 0, "message": {"role": "assistant", "content": SAID, "thinking_blocks": [{"type": "thinking", "thinking": "Hm.", "signature": "x"}]}}]}, THOUGHT, "BerriAI/litellm docs: reasoning_content"),
    "t provider_specific": Shape(CHAT, {"choices": [{"index": 0, "message": {"role": "assistant", "content": SAID, "provider_specific_fields": {"reasoning_content": "Hm."}}}]}, THOUGHT, "BerriAI/litellm types/utils.py"),
    "t granite response": Shape(CHAT, _completion("<think>Hm.</think><response>" + SAID + "</response>"), THOUGHT, "ibm-granite/granite-3.3 chat template"),
    "t analysis field": Shape(P, {"response": SAID, "thoughts": "Hm."}, THOUGHT, "containers of people's own"),
    "s chunks in an array": Shape(ST, [{"choices": [{"index": 0, "delta": {"content": x}}]} for x in H], _talked(), "containers of people's own"),
    "s gemini array": Shape({"contents": [{"role": "user", "parts": [{"text": ASK}]}]}, [{"candidates": [{"content": {"parts": [{"text": x}]}}]} for x in H], _talked(), "ai.google.dev: streamGenerateContent without alt=sse"),
    "s converse tool": Shape({"messages": [{"role": "user", "content": [{"text": ASK}]}]}, _lines([{"contentBlockDelta": {"delta": {"reasoningContent": {"text": "Hm."}}, "contentBlockIndex": 0}}, {"contentBlockStart": {"start": {"toolUse": {"toolUseId": "1", "name": "dock"}}, "contentBlockIndex": 1}}, {"contentBlockDelta": {"delta": {"toolUse": {"input": '{"a"'}}, "contentBlockIndex": 1}}, {"contentBlockDelta": {"delta": {"toolUse": {"input": ":1}"}}, "contentBlockIndex": 1}}, {"messageStop": {"stopReason": "tool_use"}}]), {"kind": "llm", "tool_calls": [{"name": "dock", "arguments": '{"a":1}'}], "reasoning": "Hm.", "finish_reason": "tool_use"}, "awsdocs: ConverseStream", NL),
    "s metadata around the pieces": Shape({**P, "stream": True}, _events([{"id": "1", "model": "m"}, *({"text": x} for x in H), {"done": True, "usage": {"prompt_tokens": 5, "completion_tokens": 8}}]), _talked(input_tokens=5, output_tokens=8), "containers of people's own", ES),
    "s text so far": Shape({**P, "stream": True}, _events([{"text": "It h"}, {"text": "It holds"}, {"text": SAID}]), _talked(), "containers of people's own", ES),
    "an exception by name": Shape(P, {"NullPointerException": "thrown where a reference is null"}, {"kind": "llm"}, "containers of people's own"),
}  # fmt: skip


@pytest.mark.parametrize("name", SHAPES)
def test_a_public_shape_is_read_as_what_it_is(name: str) -> None:
    """Kind, prompt, answer, thoughts and counts, as the source has them; no answer is an error."""
    report = _report(SHAPES[name])
    expected = {"is_error": False, "status_code": 200, **SHAPES[name].expected}
    assert {key: report[key] for key in expected} == expected


@pytest.mark.parametrize("name", [n for n in SHAPES if n.startswith("s ")])
def test_a_stream_cut_anywhere_invents_no_text(name: str) -> None:
    """What is read of a beginning is a beginning of what is read of the whole."""
    shape = SHAPES[name]
    whole = _report(shape)
    data = shape.response if isinstance(shape.response, str) else json.dumps(shape.response)
    for cut in range(len(data)):
        read = _report(replace(shape, response=data[:cut]))
        for field in ("output_text", "reasoning"):
            assert (whole[field] or "").startswith(read[field] or ""), data[:cut]
