"""Payloads of servers and notebooks that are public, each read as what it is.

Values are ours; the shapes are those of the named source, by repository and file.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from typing import Any

import pytest

from inference_monitor.capture.reader import read_document
from inference_monitor.inference import Inference
from inference_monitor_cli.terminal import as_report
from tests.unit.builders import capture

JSON, TEXT, CSV, LINES = "application/json", "text/plain", "text/csv", "application/jsonlines"
ASK, SAID = "What does a bollard hold?", "It holds the ropes of a ship."
MORE = "What is a cleat?"
PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(40)).decode()
JPEG = base64.b64encode(b"\xff\xd8\xff\xe0\0\x10JFIF" + bytes(40)).decode()
WAV = base64.b64encode(b"RIFF\x24\0\0\0WAVEfmt " + bytes(40)).decode()
MP4 = base64.b64encode(b"\0\0\0\x20ftypisom" + bytes(40)).decode()
CHAT = {"messages": [{"role": "user", "content": ASK}]}
TALKED = {"kind": "llm", "messages": [ASK], "output_text": SAID}


@dataclass(frozen=True)
class Shape:
    """Payloads as a server has them, and the fields that must be read; messages by their content."""

    request: Any
    response: Any
    expected: dict[str, Any]
    source: str
    types: tuple[str | None, str | None] = (JSON, JSON)
    told: dict[str, Any] = field(default_factory=dict)


def _completion(text: str, **more: Any) -> dict[str, Any]:
    return {"choices": [{"index": 0, "message": {"role": "assistant", "content": text}, **more}]}


def _tensor(name: str, *data: Any, datatype: str = "BYTES") -> dict[str, Any]:
    return {"name": name, "datatype": datatype, "shape": [1, len(data)], "data": list(data)}


LANGUAGE_MODELS: dict[str, Shape] = {
    # Triton, KServe and what is served by them.
    "triton generate, list": Shape({"text_input": [ASK], "max_tokens": 9}, {"text_output": [SAID]}, TALKED,
        "triton-inference-server/server docs/protocol/extension_generate.md"),
    "triton vllm backend": Shape(
        {"text_input": ASK, "parameters": {"stream": False, "temperature": 0}, "exclude_input_in_output": True},
        {"model_name": "vllm_model", "model_version": "1", "text_output": SAID}, TALKED,
        "triton-inference-server/vllm_backend README.md"),
    "triton infer, vllm backend": Shape(
        {"inputs": [_tensor("text_input", ASK), _tensor("stream", False, datatype="BOOL"),
                    _tensor("sampling_parameters", '{"max_tokens": 9}')]},
        {"outputs": [_tensor("text_output", SAID), _tensor("cum_log_probs", -1.5, datatype="FP32")]}, TALKED,
        "triton-inference-server/vllm_backend samples/client.py"),
    "kserve, nested data": Shape({"inputs": [_tensor("PROMPT", [ASK])]}, {"outputs": [_tensor("RESPONSE", [SAID])]},
        TALKED, "kserve docs/predict-api/v2/required_api.md"),
    # DJL, the Hugging Face toolkit, TorchServe.
    "djl outputs, object": Shape({"text": ASK, "properties": {}}, {"outputs": {"generated_text": SAID}}, TALKED,
        "aws-samples/amazon-sagemaker-generativeai deepspeed/model.py"),
    "djl outputs, texts": Shape({"inputs": ASK, "parameters": {}}, {"outputs": [SAID]}, TALKED,
        "deepjavalibrary/djl-serving engines/python/setup/djl_python/huggingface.py"),
    "pipeline chat, answer only": Shape({"inputs": CHAT["messages"]},
        [{"generated_text": [{"role": "assistant", "content": SAID}]}], TALKED,
        "huggingface/transformers src/transformers/pipelines/text_generation.py"),
    "pipeline chats, nested": Shape({"inputs": [CHAT["messages"]]},
        [[{"generated_text": [*CHAT["messages"], {"role": "assistant", "content": SAID}]}]], TALKED,
        "huggingface/transformers src/transformers/pipelines/text_generation.py"),
    "translation": Shape({"inputs": ASK}, [{"translation_text": SAID}], TALKED,
        "aws/sagemaker-huggingface-inference-toolkit README.md"),
    "csv to csv": Shape(f'inputs\n"{ASK}"\n', f"generated_text\r\n{SAID}\r\n", TALKED,
        "aws/sagemaker-huggingface-inference-toolkit decoder_encoder.py", (CSV, CSV)),
    "torchserve text": Shape({"prompt": ASK}, SAID, TALKED,
        "pytorch/serve examples/large_models/Huggingface_accelerate/llama/custom_handler.py", (JSON, TEXT)),
    "torchserve list of texts": Shape({"prompt": ASK}, [SAID], TALKED, "pytorch/serve docs/custom_service.md"),
    "llava on torchserve": Shape({"type": "text_prompt", "session_id": "s", "prompt_text": ASK},
        {"response_text": SAID}, TALKED,
        "aws-samples/sagemaker-genai-hosting-examples LLava/torchserve/workspace/code/handler/data_types.py"),
    # MLflow, TensorFlow Serving, BentoML, Ray Serve, LangServe.
    "mlflow dataframe_split": Shape({"dataframe_split": {"columns": ["prompt"], "data": [[ASK]]}},
        {"predictions": [SAID]}, TALKED, "mlflow/mlflow mlflow/pyfunc/scoring_server/__init__.py"),
    "mlflow 1": Shape({"columns": ["prompt"], "index": [0], "data": [[ASK]]}, [SAID], TALKED,
        "mlflow/mlflow mlflow/pyfunc/scoring_server/__init__.py, before 2.0"),
    "mlflow dataframe_records": Shape({"dataframe_records": [{"question": ASK}]}, {"predictions": [SAID]}, TALKED,
        "mlflow/mlflow mlflow/pyfunc/scoring_server/__init__.py"),
    "mlflow messages in a table": Shape(
        {"dataframe_split": {"columns": ["messages"], "data": [[CHAT["messages"]]]}},
        {"predictions": [_completion(SAID)]}, TALKED, "mlflow/mlflow docs/docs/genai/serving"),
    "mlflow inputs by name": Shape({"inputs": {"prompt": [ASK]}, "params": {"temperature": 0.1}},
        {"predictions": [SAID]}, TALKED, "mlflow/mlflow mlflow/transformers/__init__.py"),
    "instances": Shape({"instances": [{"prompt": ASK, "max_tokens": 9}]}, {"predictions": [SAID]}, TALKED,
        "tensorflow/serving tensorflow_serving/g3doc/api_rest.md"),
    "predictions, a row each": Shape({"prompt": ASK}, {"predictions": [[SAID]]}, TALKED,
        "mlflow/mlflow mlflow/pyfunc/scoring_server/__init__.py"),
    "candidates": Shape({"instances": [{"prompt": ASK}]}, {"predictions": [{"candidates": [{"content": SAID}]}]}, TALKED,
        "tensorflow/serving tensorflow_serving/g3doc/api_rest.md, as Vertex's models have it"),
    "code and data": Shape(CHAT, {"code": 200, "message": "success", "data": SAID}, TALKED, "containers of people's own"),
    "audio with its words": Shape(CHAT, {"choices": [{"index": 0, "message": {
        "content": None, "audio": {"id": "1", "data": WAV, "transcript": SAID}}}]}, TALKED,
        "vllm-project/vllm-omni docs: chat with audio"),
    "chat agent": Shape({**CHAT, "context": {"conversation_id": "c", "user_id": "u"}},
        {"messages": [{"role": "assistant", "content": SAID, "id": "1"}], "finish_reason": "stop"},
        {"kind": "llm", "messages": [ASK], "output_text": SAID}, "mlflow/mlflow mlflow/types/agent.py"),
    "langserve": Shape({"input": {"question": ASK}, "config": {}, "kwargs": {}},
        {"output": SAID, "metadata": {"run_id": "1", "feedback_tokens": []}}, TALKED,
        "langchain-ai/langserve langserve/api_handler.py"),
    "langserve, one variable": Shape({"input": {"topic": ASK}, "config": {}}, {"output": SAID}, TALKED,
        "langchain-ai/langserve README.md"),
    "langserve, several variables": Shape({"input": {"topic": "ropes", "tone": "dry"}, "config": {}}, {"output": SAID},
        {**TALKED, "messages": ['{"topic": "ropes", "tone": "dry"}']}, "langchain-ai/langserve README.md"),
    "usage in a choice": Shape(CHAT, _completion(SAID, usage={"prompt_tokens": 5, "completion_tokens": 8}),
        {**TALKED, "input_tokens": 5, "output_tokens": 8}, "MoonshotAI docs: chat completions"),
    "langserve message": Shape({"input": {"messages": [["human", ASK]]}, "config": {}},
        {"output": {"content": SAID, "type": "ai", "response_metadata": {"finish_reason": "stop"},
                    "usage_metadata": {"input_tokens": 7, "output_tokens": 8}}, "metadata": {}},
        {**TALKED, "input_tokens": 7, "output_tokens": 8, "finish_reason": "stop"},
        "langchain-ai/langserve langserve/validation.py"),
    "langserve batch": Shape({"inputs": [{"question": ASK}, {"question": MORE}], "config": {}},
        {"output": [SAID, "A hook."], "metadata": {"responses": []}},
        {"kind": "llm", "messages": [ASK, MORE], "output_text": SAID}, "langchain-ai/langserve langserve/api_handler.py"),
    "input object": Shape({"input": {"prompt": ASK, "max_tokens": 9}}, {"output": SAID}, TALKED, "containers of people's own"),
    "retrieval chain": Shape({"query": ASK}, {"query": ASK, "result": SAID, "source_documents": [{"page_content": "x"}]},
        TALKED, "aws-samples/sagemaker-genai-hosting-examples RAG-recipes/llama3-rag-langchain-smjs.ipynb"),
    # Servers that people bring.
    "llama.cpp": Shape({"prompt": ASK, "n_predict": 9},
        {"content": SAID, "stop": True, "stop_type": "eos", "tokens_predicted": 8, "tokens_evaluated": 6},
        {**TALKED, "input_tokens": 6, "output_tokens": 8, "finish_reason": "eos"},
        "ggml-org/llama.cpp tools/server/README.md"),
    "vllm api_server": Shape({"prompt": ASK, "max_tokens": 9}, {"text": [SAID]}, TALKED,
        "vllm-project/vllm vllm/entrypoints/api_server.py"),
    "sglang separate_reasoning": Shape({"prompt": ASK}, {"text": SAID, "reasoning_text": "Ropes."},
        {**TALKED, "reasoning": "Ropes."}, "sgl-project/sglang docs/references/reasoning_parser.md"),
    "titan": Shape({"inputText": ASK, "textGenerationConfig": {}},
        {"inputTextTokenCount": 5, "results": [{"outputText": SAID, "tokenCount": 8, "completionReason": "FINISH"}]},
        TALKED, "awsdocs: Amazon Titan Text request and response"),
    "converse": Shape({"messages": [{"role": "user", "content": [{"text": ASK}]}]},
        {"output": {"message": {"role": "assistant", "content": [{"text": SAID}]}}, "stopReason": "end_turn",
         "usage": {"inputTokens": 5, "outputTokens": 8}},
        {"kind": "llm", "output_text": SAID, "input_tokens": 5, "output_tokens": 8, "finish_reason": "end_turn"},
        "awsdocs: Converse API"),
    "bare message": Shape(CHAT, {"role": "assistant", "content": SAID}, TALKED, "containers of people's own"),
    "in a body": Shape({"inputs": ASK}, {"statusCode": 200, "body": json.dumps([{"generated_text": SAID}])}, TALKED,
        "aws-samples/sagemaker-genai-hosting-examples 01-train-deploy-LoRA/lambda_function.py"),
    "encoded twice": Shape(json.dumps(json.dumps({"inputs": ASK})), json.dumps(json.dumps({"generated_text": SAID})),
        TALKED, "aws/sagemaker-inference-toolkit src/sagemaker_inference/encoder.py"),
    "JSON text as answer": Shape({"inputs": ASK}, json.dumps(SAID), TALKED,
        "aws/sagemaker-inference-toolkit src/sagemaker_inference/encoder.py"),
    # Lists of requests and of prompts.
    "list of prompts": Shape({"inputs": [ASK, MORE]}, {"predictions": [SAID, "A hook."]},
        {"kind": "llm", "messages": [ASK, MORE], "output_text": SAID}, "mlflow/mlflow mlflow/transformers/__init__.py"),
    "list of requests": Shape([{"inputs": ASK}, {"inputs": MORE}], [{"generated_text": SAID}, {"generated_text": "A hook."}],
        {"kind": "llm", "messages": [ASK, MORE], "output_text": SAID},
        "huggingface/transformers src/transformers/pipelines/base.py"),
    "prompts": Shape({"prompts": [ASK, MORE]}, {"outputs": [SAID, "A hook."]},
        {"kind": "llm", "messages": [ASK, MORE], "output_text": SAID}, "containers of people's own"),
    "an image sent back": Shape({"prompt": ASK, "image": PNG}, {"response": SAID, "image": PNG}, TALKED,
        "containers of people's own"),
    "prompts with choices": Shape({"prompt": [ASK, MORE]},
        {"choices": [{"index": 1, "text": "A hook."}, {"index": 0, "text": SAID}]},
        {"kind": "llm", "messages": [ASK, MORE], "output_text": SAID},
        "vllm-project/vllm vllm/entrypoints/openai/serving_completion.py"),
    "dialogs": Shape({"messages": [CHAT["messages"], [{"role": "user", "content": MORE}]]},
        [_completion(SAID), _completion("A hook.")],
        {"kind": "llm", "messages": [ASK, MORE], "output_text": SAID}, "containers of people's own"),
    "plain text to plain text": Shape(ASK, SAID, TALKED, "bentoml/BentoML docs", (TEXT, TEXT)),
    # Cohere and AI21.
    "cohere v2": Shape({**CHAT, "model": "c"},
        {"id": "1", "finish_reason": "COMPLETE", "message": {"role": "assistant", "content": [{"type": "text", "text": SAID}]},
         "usage": {"billed_units": {"input_tokens": 2}, "tokens": {"input_tokens": 70, "output_tokens": 8}}},
        {**TALKED, "input_tokens": 70, "output_tokens": 8, "finish_reason": "COMPLETE"},
        "cohere-ai/cohere-python src/cohere/v2/types"),
    "ai21 answer": Shape({"context": "A bollard holds ropes.", "question": ASK},
        {"id": "1", "answerInContext": True, "answer": SAID}, TALKED,
        "AI21Labs/SageMaker AI21_ContextualAnswers_example_model_use.ipynb"),
    "ai21 summary": Shape({"source": ASK, "sourceType": "TEXT"}, {"id": "1", "summary": SAID}, TALKED,
        "AI21Labs/SageMaker AI21_Summarize_example_model_use.ipynb"),
    "ai21 corrections": Shape({"text": ASK}, {"id": "1", "corrections": [{"suggestion": SAID, "startIndex": 0}]}, TALKED,
        "AI21Labs/SageMaker AI21_GEC_example_model_use.ipynb"),
    "ai21 improvements": Shape({"text": ASK, "types": ["fluency"]}, {"improvements": [{"suggestions": [SAID, "x"]}]},
        TALKED, "AI21Labs/ai21-python docs: improvements"),
    "mistral on bedrock": Shape({"prompt": ASK, "max_tokens": 9}, {"outputs": [{"text": SAID, "stop_reason": "length"}]},
        {**TALKED, "finish_reason": "length"}, "awsdocs: Mistral AI text completion"),
    # Text that looks like data.
    "a number": Shape({"prompt": ASK}, "42", {**TALKED, "output_text": "42"}, "containers of people's own", (JSON, TEXT)),
    "a number of no type": Shape({"inputs": ASK}, "42", {**TALKED, "output_text": "42"}, "containers of people's own", (JSON, None)),
    "a number as JSON": Shape(CHAT, "42", {**TALKED, "output_text": "42"}, "containers of people's own"),
    "numbers": Shape({"prompt": ASK}, "3, 5, 8", {**TALKED, "output_text": "3, 5, 8"}, "containers of people's own", (JSON, TEXT)),
    "numbers as csv": Shape(CHAT, "3, 5, 8", {**TALKED, "output_text": "3, 5, 8"}, "containers of people's own", (JSON, CSV)),
    "a list": Shape(CHAT, "[3, 5, 8]", {**TALKED, "output_text": "[3, 5, 8]"}, "containers of people's own"),
    "a reference": Shape({"prompt": ASK}, "[1] The pier, 1870.", {**TALKED, "output_text": "[1] The pier, 1870."},
        "containers of people's own", (JSON, TEXT)),
    "an object and words": Shape({"prompt": ASK}, '{"a": 1} is an object.', {**TALKED, "output_text": '{"a": 1} is an object.'},
        "containers of people's own", (JSON, TEXT)),
    "two objects and words": Shape({"prompt": ASK}, '{"a": 1}\n{"b": 2}\nor so', {**TALKED, "output_text": '{"a": 1}\n{"b": 2}\nor so'},
        "containers of people's own", (JSON, TEXT)),
    "JSON lines": Shape({"prompt": ASK}, '{"a": 1}\n{"b": 2}', {**TALKED, "output_text": '{"a": 1}\n{"b": 2}'},
        "containers of people's own", (JSON, TEXT)),
    "an object": Shape({"prompt": ASK}, '{"label": "rope", "score": 1}', {**TALKED, "output_text": '{"label": "rope", "score": 1}'},
        "containers of people's own", (JSON, TEXT)),
    "an object with a name of answers": Shape({"prompt": ASK}, '{"summary": "a rope", "suggestions": [{"text": "b"}]}',
        {**TALKED, "output_text": '{"summary": "a rope", "suggestions": [{"text": "b"}]}'}, "containers of people's own", (JSON, TEXT)),
    "a prompt that begins like JSON": Shape("[1] What holds it?", SAID, {**TALKED, "messages": ["[1] What holds it?"]},
        "containers of people's own", (TEXT, TEXT)),
    "a prompt with an object in front": Shape('{"a": 1} What is it?', SAID, {**TALKED, "messages": ['{"a": 1} What is it?']},
        "containers of people's own", (TEXT, TEXT)),
    "generation parameters": Shape({"inputs": ASK, "parameters": {"max_new_tokens": 2}}, "0.98",
        {**TALKED, "output_text": "0.98"}, "containers of people's own", (JSON, None)),
    "braces": Shape({"inputs": ASK, "parameters": {"max_new_tokens": 2}}, "{name} ties it", {**TALKED, "output_text": "{name} ties it"},
        "containers of people's own", (JSON, TEXT)),
}  # fmt: skip

SILENT = {"messages": None, "output_text": None, "is_error": False}
OTHER_MODELS: dict[str, Shape] = {
    # Images, video, sound.
    "image out of a prompt": Shape({"inputs": "a pier"}, json.dumps(JPEG), {"kind": "other", **SILENT},
        "aws/sagemaker-huggingface-inference-toolkit decoder_encoder.py"),
    "image bytes": Shape({"prompt": "a pier"}, base64.b64decode(PNG), {"kind": "other", **SILENT},
        "aws/sagemaker-huggingface-inference-toolkit decoder_encoder.py", (JSON, "image/png")),
    "generated_image": Shape({"prompt": "a pier", "guidance_scale": 3.5}, {"generated_image": PNG}, {"kind": "other", **SILENT},
        "aws-samples/sagemaker-genai-hosting-examples Image_Generation/lab4_Blackforest"),
    "artifacts": Shape({"text_prompts": [{"text": "a pier"}], "cfg_scale": 7},
        {"result": "success", "artifacts": [{"seed": 0, "base64": PNG, "finishReason": "SUCCESS"}]},
        {"kind": "other", **SILENT}, "Stability-AI/aws-jumpstart-examples"),
    "image address": Shape({"prompt": "a pier", "n": 1, "size": "512x512"}, {"created": 1, "data": [{"url": "https://x/y.png"}]},
        {"kind": "other", **SILENT}, "openai/openai-openapi images"),
    "images": Shape({"taskType": "TEXT_IMAGE", "textToImageParams": {"text": "a pier"}, "imageGenerationConfig": {}},
        {"images": [PNG], "error": None}, {"kind": "other", **SILENT}, "awsdocs: Amazon Nova Canvas"),
    "video": Shape({"prompt": "a pier", "num_frames": 25}, {"video": MP4}, {"kind": "other", **SILENT},
        "aws-samples: SageMaker video generation"),
    "image addresses": Shape({"prompt": "a pier"}, {"output": ["https://example.org/a.png?x=1", "s3://b/c.jpg"]},
        {"kind": "other", **SILENT}, "replicate/cog docs/http.md"),
    "sound in numbers": Shape({"prompt": "Ahoy"}, {"wav": [0.1, -0.2, 0.3]}, {"kind": "other", **SILENT}, "containers of people's own"),
    "video address": Shape({"prompt": "a pier"}, {"video_url": "https://example.org/y.mp4"}, {"kind": "other", **SILENT},
        "containers of people's own"),
    "video out of a plain prompt": Shape({"prompt": "a pier"}, {"output": MP4}, {"kind": "other", **SILENT},
        "containers of people's own"),
    "frames": Shape({"prompt": "a pier"}, {"frames": [JPEG, JPEG]}, {"kind": "other", **SILENT}, "containers of people's own"),
    "speech": Shape({"text": "Ahoy", "voice": "calm"}, {"audio": WAV, "sampling_rate": 16000}, {"kind": "other", **SILENT},
        "huggingface/transformers src/transformers/pipelines/text_to_audio.py"),
    "transcript": Shape(base64.b64decode(WAV), {"text": "Ahoy"}, {"kind": "other", "messages": None, "is_error": False},
        "aws/sagemaker-huggingface-inference-toolkit decoder_encoder.py", ("audio/x-audio", JSON)),
    "transcript of JSON": Shape({"audio_input": "52494646", "language": "english", "task": "transcribe"}, {"text": ["Ahoy"]},
        {"kind": "other", "messages": None, "is_error": False}, "aws-samples lab4_deploy_whisper.ipynb"),
    "tokens": Shape({"inputs": "pier"}, [[{"id": 7, "text": "pier", "special": False, "start": 0, "stop": 4}]],
        {"kind": "other", **SILENT}, "huggingface/text-embeddings-inference router/src/http/types.rs TokenizeResponse"),
    "session": Shape({"requestType": "CLOSE"}, {"result": "Session 1 closed"}, {"kind": "other", **SILENT},
        "deepjavalibrary/djl-serving engines/python/setup/djl_python/session_utils.py"),
    # Embeddings.
    "sparse": Shape({"inputs": ["pier", "quay"]}, [[{"index": 3, "value": 0.5}], [{"index": 9, "value": 1.0}]],
        {"kind": "embedding", **SILENT}, "huggingface/text-embeddings-inference router/src/http/types.rs"),
    "vectors of tokens": Shape({"inputs": "pier"}, [[[0.1, 0.2], [0.3, 0.4]]], {"kind": "embedding", **SILENT},
        "huggingface/text-embeddings-inference router/src/http/types.rs"),
    "sglang embedding": Shape({"text": "pier"}, {"embedding": [0.1, 0.2], "meta_info": {"prompt_tokens": 2}},
        {"kind": "embedding", **SILENT, "input_tokens": 2}, "sgl-project/sglang managers/tokenizer_manager.py"),
    "sglang embeddings": Shape({"text": ["pier", "quay"]}, [{"embedding": [0.1, 0.2], "meta_info": {}}] * 2,
        {"kind": "embedding", **SILENT}, "sgl-project/sglang managers/tokenizer_manager.py"),
    "llama.cpp embedding": Shape({"content": "pier"}, [{"index": 0, "embedding": [[0.1, 0.2]]}], {"kind": "embedding", **SILENT},
        "ggml-org/llama.cpp tools/server/README.md"),
    "ollama embed": Shape({"model": "m", "input": "pier"}, {"model": "m", "embeddings": [[0.1, 0.2]], "prompt_eval_count": 2},
        {"kind": "embedding", **SILENT}, "ollama/ollama docs/api.md"),
    "base64 vectors": Shape({"input": ["pier"]}, {"object": "list", "data": [{"index": 0, "embedding": "AACAPw=="}],
        "usage": {"prompt_tokens": 2}}, {"kind": "embedding", **SILENT, "input_tokens": 2},
        "vllm-project/vllm vllm/entrypoints/pooling/embed/protocol.py"),
    "pooling": Shape({"input": ["pier"]}, {"data": [{"index": 0, "object": "pooling", "data": [[0.1, 0.2], [0.3, 0.4]]}]},
        {"kind": "embedding", **SILENT}, "vllm-project/vllm vllm/entrypoints/pooling/pooling/protocol.py"),
    "chat embeddings": Shape({**CHAT, "encoding_format": "float"}, {"object": "list", "data": [{"embedding": [0.1, 0.2]}]},
        {"kind": "embedding", **SILENT}, "vllm-project/vllm vllm/entrypoints/pooling/embed/protocol.py"),
    "cohere embed v2": Shape({"texts": ["pier"], "input_type": "search_document", "embedding_types": ["float"]},
        {"id": "1", "embeddings": {"float": [[0.1, 0.2]]}, "texts": ["pier"]}, {"kind": "embedding", **SILENT},
        "cohere-ai/cohere-aws examples/sample_embed_english_v3_output.json"),
    "kserve vectors": Shape({"inputs": [_tensor("TEXT", "pier")]},
        {"outputs": [{"name": "embedding", "datatype": "FP32", "shape": [1, 3], "data": [0.1, 0.2, 0.3]}]},
        {"kind": "embedding", **SILENT}, "aws/amazon-sagemaker-examples sm-triton_tensorrt-sentence_transformer.ipynb"),
    # Ranks and scores.
    "vllm score": Shape({"model": "r", "text_1": ASK, "text_2": ["a", "b"]},
        {"object": "list", "data": [{"index": 0, "object": "score", "score": 0.9}], "usage": {"prompt_tokens": 4}},
        {"kind": "rerank", **SILENT, "input_tokens": 4}, "vllm-project/vllm vllm/entrypoints/pooling/scoring/protocol.py"),
    "cohere rerank v3.5": Shape({"query": ASK, "documents": ["a"], "api_version": 2},
        {"id": "1", "results": [{"index": 0, "relevance_score": 0.5}], "meta": {}}, {"kind": "rerank", **SILENT},
        "cohere-ai/cohere-aws examples/rerank_v3_samples/rerank_v3.5_output.json"),
    "similarity": Shape({"inputs": {"source_sentence": ASK, "sentences": ["a", "b"]}}, [0.9, 0.1], {"kind": "rerank", **SILENT},
        "huggingface/text-embeddings-inference router/src/http/types.rs SimilarityRequest"),
    "infinity rerank": Shape({"query": ASK, "documents": ["a"], "return_documents": True},
        {"object": "rerank", "results": [{"relevance_score": 0.5, "index": 0, "document": "a"}], "usage": {"prompt_tokens": 3}},
        {"kind": "rerank", **SILENT, "input_tokens": 3}, "michaelfeil/infinity docs"),
    # Labels and predictions.
    "probs": Shape({"model": "c", "input": ["pier"]},
        {"object": "list", "data": [{"index": 0, "label": "Default", "probs": [0.4, 0.6], "num_classes": 2}]},
        {"kind": "classifier", **SILENT}, "vllm-project/vllm vllm/entrypoints/pooling/classify/protocol.py"),
    "predict": Shape({"inputs": [["pier"], ["quay"]]}, [[{"score": 0.9, "label": "A"}], [{"score": 0.8, "label": "B"}]],
        {"kind": "classifier", **SILENT}, "huggingface/text-embeddings-inference router/src/http/types.rs PredictResponse"),
    "blazingtext": Shape({"instances": ["the pier is new"]}, [{"label": ["__label__4"], "prob": [0.8]}],
        {"kind": "classifier", **SILENT}, "aws/amazon-sagemaker-examples blazingtext_text_classification_dbpedia.ipynb"),
    "zero-shot": Shape({"inputs": "pier", "parameters": {"candidate_labels": ["a", "b"]}},
        [{"sequence": "pier", "labels": ["a", "b"], "scores": [0.9, 0.1]}], {"kind": "classifier", **SILENT},
        "aws/sagemaker-huggingface-inference-toolkit README.md"),
    "class names": Shape({"inputs": "pier"}, {"predictions": ["harbour"]}, {"kind": "classifier", **SILENT},
        "mlflow/mlflow mlflow/pyfunc/scoring_server/__init__.py"),
    "one score a text": Shape({"inputs": ["a</s></s>b"]}, [[0.98]], {"kind": "classifier", **SILENT},
        "aws-samples/sagemaker-genai-hosting-examples rerankers-on-amazon-sagemaker.ipynb"),
    "moderation": Shape({"input": "pier"}, {"id": "1", "results": [{"flagged": False, "categories": {}, "category_scores": {}}]},
        {"kind": "classifier", **SILENT}, "openai/openai-openapi moderations"),
    "csv labels": Shape('inputs\n"the pier"\n', "label,score\r\nPOSITIVE,0.9\r\n", {"kind": "classifier", **SILENT},
        "aws/sagemaker-huggingface-inference-toolkit decoder_encoder.py", (CSV, CSV)),
    "tabular csv": Shape("5.1,3.5,1.4\n", "0.93", {"kind": "classifier", **SILENT}, "aws/sagemaker-xgboost-container", (CSV, TEXT)),
    "xgboost json": Shape({"instances": [{"features": [1, 2]}]}, {"predictions": [{"score": 0.2}]}, {"kind": "classifier", **SILENT},
        "aws/amazon-sagemaker-examples linear learner"),
    "mlflow table": Shape({"dataframe_split": {"columns": ["age", "sex"], "data": [[3, 1]]}}, {"predictions": [0.3]},
        {"kind": "classifier", **SILENT}, "mlflow/mlflow mlflow/pyfunc/scoring_server/__init__.py"),
    "kserve labels": Shape({"inputs": [_tensor("TEXT", "pier")]}, {"outputs": [_tensor("label", "harbour")]},
        {"kind": "classifier", **SILENT}, "triton-inference-server/server docs/protocol/extension_classification.md"),
    "mlflow embeddings": Shape({"inputs": ["pier"]}, {"predictions": [[0.1] * 384]}, {"kind": "embedding", **SILENT},
        "mlflow/mlflow mlflow/sentence_transformers/__init__.py"),
    "kserve numbers": Shape({"inputs": [_tensor("x", 1.0, 2.0, datatype="FP32")]},
        {"outputs": [_tensor("y", 0.5, datatype="FP32")]}, {"kind": "classifier", **SILENT},
        "kserve docs/predict-api/v2/required_api.md"),
}  # fmt: skip
SHAPES = {**LANGUAGE_MODELS, **OTHER_MODELS}


def _report(shape: Shape) -> dict[str, Any]:
    document = capture("", "", **shape.told)
    for name, payload, media_type in zip(
        ("endpointInput", "endpointOutput"),
        (shape.request, shape.response),
        shape.types,
        strict=True,
    ):
        data = payload if isinstance(payload, (str, bytes)) else json.dumps(payload)
        side = {"observedContentType": media_type, "data": data, "encoding": "JSON"}
        if isinstance(data, bytes) or media_type is None:
            raw = data if isinstance(data, bytes) else data.encode()
            side |= {"data": base64.b64encode(raw).decode(), "encoding": "BASE64"}
        document["captureData"][name] = side
    entry = read_document(document)
    assert isinstance(entry.record, Inference), entry.record
    report = as_report(entry)
    messages = report["messages"]
    return {**report, "messages": messages and [m["content"] for m in messages]}


@pytest.mark.parametrize("name", SHAPES)
def test_a_public_shape_is_read_as_what_it_is(name: str) -> None:
    """Kind, prompt, answer and counts, as the source has them; no answer is an error."""
    shape = SHAPES[name]
    report = _report(shape)
    expected = {"is_error": False, "status_code": 200, **shape.expected}
    assert {key: report[key] for key in expected} == expected


def test_a_request_that_was_cut_off_is_no_prompt() -> None:
    """Half a document is kept as it is; the answer says what kind of model it was."""
    record = read_document(capture('{"inputs": "What does a boll', {"generated_text": SAID})).record
    assert isinstance(record, Inference)
    assert (record.kind, record.output_text, record.failure) == ("llm", SAID, None)
    assert record.request
    assert (record.request.messages, record.request.body) == (None, '{"inputs": "What does a boll')


def test_every_answer_of_a_batch_is_kept_with_what_it_answers() -> None:
    """Choices say by their item which of the prompts they are an answer to."""
    for name in (
        "list of prompts",
        "list of requests",
        "prompts",
        "langserve batch",
        "prompts with choices",
        "dialogs",
    ):
        report = _report(SHAPES[name])
        assert [(c["item"], c["text"]) for c in report["choices"]] == [(0, SAID), (1, "A hook.")]
        assert [[m["content"] for m in item] for item in report["items"]] == [[ASK], [MORE]]


CALLERS: dict[str, tuple[dict[str, Any], str | None, str | None]] = {
    "openai": ({"user": "u-7"}, None, "u-7"),
    "openai, newer": ({"safety_identifier": "h-1", "prompt_cache_key": "k"}, None, "h-1"),
    "anthropic": ({"metadata": {"user_id": "u-8"}}, None, "u-8"),
    "metadata": ({"metadata": {"session_id": "s-9"}, "user": "u-7"}, "s-9", "u-7"),
    "own names": ({"session_id": "s-1", "user_id": 12}, "s-1", "12"),
    "camel case": ({"sessionId": "s-2", "userId": "u-2"}, "s-2", "u-2"),
    "responses": ({"conversation": {"id": "conv_1"}}, "conv_1", None),
    "mlflow agent": ({"context": {"conversation_id": "c-1", "user_id": "u-1"}}, "c-1", "u-1"),
    "langserve": ({"config": {"configurable": {"thread_id": "t-1"}}}, "t-1", None),
    "nobody": ({"temperature": 0, "user": {}, "session_id": ""}, None, None),
}


@pytest.mark.parametrize("name", CALLERS)
def test_session_and_user_are_read_from_the_body(name: str) -> None:
    """Under the names of OpenAI, Anthropic, LangServe, MLflow and people's own."""
    more, session_id, user_id = CALLERS[name]
    record = read_document(capture({**CHAT, **more}, _completion(SAID))).record
    assert isinstance(record, Inference)
    assert record.request
    assert (record.request.session_id, record.request.user_id) == (session_id, user_id)
