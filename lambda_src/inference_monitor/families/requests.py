"""What callers send: the request families in the order they are tried, and how a body is read.

A reader takes the parsed body and gives a `Request`, or None if the body is not of its family. The
readers are in `chat_requests`, `prompt_requests`, `table_requests` and `other_requests`. Shapes and
their sources are listed in docs/capture-formats.md.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qsl

from inference_monitor.capture.documents import NOT_JSON, parse_json
from inference_monitor.capture.payload import Payload
from inference_monitor.families import (
    chat_requests,
    other_requests,
    prompt_requests,
    table_requests,
)
from inference_monitor.families.caller import caller_of
from inference_monitor.families.fields import (
    is_tabular_list,
    is_tabular_text,
    is_texts,
    object_of,
    objects_of,
    text_of,
    user,
)
from inference_monitor.families.request_fields import build_request, rest_of
from inference_monitor.inference import Kind, Request

# Names of what is only wrapped around a request; batches of OpenAI's API name it `body`.
_WRAPPERS = ("body", "data", "payload", "request", "input_data", "inputs", "prompt", "args")
# Only a model that generates text takes these.
_GENERATION_PARAMETERS = (
    "max_new_tokens", "max_tokens", "max_completion_tokens", "maxTokens", "max_gen_len",
    "temperature", "top_p", "do_sample", "stop", "stop_sequences", "return_full_text",
    "num_return_sequences", "repetition_penalty", "stream",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class RequestFamily:
    """A request shape. `certain` says that no other kind of model takes requests of this shape."""

    name: str
    read: Callable[[dict[str, Any]], Request | None]
    kind: Kind = Kind.LLM
    certain: bool = False


def read_request(payload: Payload) -> Request:
    """Read a request: the first family that knows the body, else the body itself."""
    request = _read(payload)
    body = request.body[0] if isinstance(request.body, list) and request.body else request.body
    if request.family == "tabular" or not isinstance(body, dict):
        return request
    session_id, user_id = caller_of(body)
    if session_id is None and user_id is None:
        return request
    return replace(request, session_id=session_id, user_id=user_id)


def kind_of(request: Request | None) -> Kind:
    """The kind of model that a request of this shape is for, as far as the shape tells."""
    family = _FAMILIES.get(request.family) if request else None
    return family.kind if family else Kind.OTHER


def is_certain(request: Request | None) -> bool:
    """Whether only one kind of model takes this request."""
    family = _FAMILIES.get(request.family) if request else None
    return family is not None and family.certain


def asks_for_text(request: Request | None) -> bool:
    """Whether the answer can be nothing but a text: by the shape, or by how it is to be made."""
    if request is None or kind_of(request) is not Kind.LLM:
        return False
    told = {**object_of(request.body), **(request.parameters or {})}
    return is_certain(request) or any(name in told for name in _GENERATION_PARAMETERS)


def asks_for_stream(request: Request | None) -> bool:
    """Whether the caller wants the answer in pieces."""
    told = {**object_of(request.body), **(request.parameters or {})} if request else {}
    return told.get("stream") is True


def prompt_of(request: Request | None, item: int) -> str | None:
    """The text an answer goes on from: a lone prompt, or the beginning of an assistant's turn."""
    turns = request.items[item] if request and item < len(request.items) else []
    if turns and (len(turns) == 1 or turns[-1].get("role") == "assistant"):
        return text_of(turns[-1].get("content"))
    return None


def wrapped(body: dict[str, Any]) -> Request | None:
    """A request under a name that says nothing of it, or the text of one."""
    for key in _WRAPPERS:
        value = body.get(key)
        value = value[0] if isinstance(value, list) and len(value) == 1 else value
        if isinstance(value, dict) and (inner := _read_object(value)).messages:
            return replace(inner, body=body)
        if key == "data" and isinstance(value, str) and not is_tabular_text(value):
            return build_request("text", body, [[user(value)]], rest_of(body, key))
    return None


REQUEST_FAMILIES = (
    RequestFamily("openai_chat", chat_requests.openai_chat, certain=True),
    RequestFamily("openai_responses", chat_requests.openai_responses, certain=True),
    RequestFamily("session", other_requests.session, Kind.OTHER, certain=True),
    RequestFamily("image_generation", other_requests.image_generation, Kind.OTHER, certain=True),
    RequestFamily("speech", other_requests.speech, Kind.OTHER, certain=True),
    RequestFamily("rerank", other_requests.rerank, Kind.RERANK, certain=True),
    RequestFamily("cohere_chat", chat_requests.cohere_chat, certain=True),
    RequestFamily("sglang_native", prompt_requests.sglang_native, certain=True),
    RequestFamily("triton_generate", prompt_requests.triton_generate, certain=True),
    RequestFamily("kserve", prompt_requests.kserve),
    RequestFamily("inputs_text", prompt_requests.inputs_text),
    RequestFamily("inputs_dialog", chat_requests.inputs_dialog, certain=True),
    RequestFamily("hf_conversational", chat_requests.hf_conversational, certain=True),
    RequestFamily("rows", table_requests.rows),
    RequestFamily("langserve", chat_requests.langserve, certain=True),
    RequestFamily("input_object", chat_requests.input_object),
    RequestFamily("inputs_object", other_requests.inputs_object, Kind.OTHER),
    RequestFamily("prompt", prompt_requests.prompt, certain=True),
    RequestFamily("text_inputs", prompt_requests.text_inputs),
    RequestFamily("embeddings", other_requests.embeddings, Kind.EMBEDDING),
    RequestFamily("conversation", chat_requests.conversation),
    RequestFamily("text", prompt_requests.text),
    RequestFamily("wrapped", wrapped),
    RequestFamily("tabular", table_requests.tabular, Kind.CLASSIFIER),
)
_FAMILIES = {
    **{family.name: family for family in REQUEST_FAMILIES},
    "plain_text": RequestFamily("plain_text", prompt_requests.text),
    "csv_texts": RequestFamily("csv_texts", prompt_requests.text),
}


def _read(payload: Payload) -> Request:
    if payload.documents and not payload.rest.strip():
        return _read_batch(payload.documents, payload.documents)
    media_type, body = payload.media_type, payload.body
    if payload.cut_off:
        return Request("unknown", body)
    if payload.binary:
        return Request("tabular" if media_type in table_requests.TABULAR_TYPES else "binary", body)
    if payload.is_text and media_type in table_requests.TABULAR_TYPES:
        return table_requests.read_csv(body)
    if media_type == "application/x-www-form-urlencoded" and isinstance(body, str):
        body = dict(parse_qsl(body)) or body
    if isinstance(body, str) and payload.text != body:  # a document that was encoded twice
        inner = parse_json(body) if body[:1] in ("{", "[") else NOT_JSON
        body = body if inner is NOT_JSON else inner
    return _read_object(body) if isinstance(body, dict) else _read_bare(body, media_type)


def _read_object(body: dict[str, Any]) -> Request:
    found = (family.read(body) for family in REQUEST_FAMILIES)
    return next((r for r in found if r is not None), Request("unknown", body))


def _read_bare(body: Any, media_type: str | None) -> Request:
    """Read a request that is no object: messages, rows of numbers, requests, or texts."""
    if isinstance(body, list) and (dialog := chat_requests.inputs_dialog({"inputs": body})):
        return replace(dialog, body=body)
    declared_text = media_type in ("text/plain", "text/markdown")
    numbers = isinstance(body, str) and not declared_text and is_tabular_text(body)
    if is_tabular_list(body) or numbers:
        return Request("tabular", body)
    if isinstance(body, list) and len(objects_of(body)) == len(body) > 0:
        batch = _read_batch(body, body)
        return batch if batch.items else Request("tabular", body)
    texts = [body] if isinstance(body, str) and body.strip() else body
    if is_texts(texts):
        items = [[user(t)] for t in texts]
        return Request("plain_text", body, [m for item in items for m in item], items=items)
    return Request("unknown", body)


def _read_batch(documents: list[Any], body: Any) -> Request:
    """Several requests at once, of the family of the first: JSON lines, or a list."""
    parts = [_read_object(d) if isinstance(d, dict) else _read_bare(d, None) for d in documents]
    items = [item for part in parts for item in part.items]
    messages = [message for item in items for message in item]
    return replace(parts[0], body=body, messages=messages or None, items=items)
