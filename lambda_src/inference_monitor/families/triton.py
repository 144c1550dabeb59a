"""Triton: its generate extension, and the KServe v2 protocol that it shares with other servers.

Shapes: https://github.com/triton-inference-server/server docs/protocol/extension_generate.md, and
https://kserve.github.io/website/docs/concepts/architecture/data-plane/v2-protocol.
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Any

from inference_monitor.capture.documents import NOT_JSON, parse_json
from inference_monitor.families.fields import (
    is_number,
    is_texts,
    object_of,
    objects_of,
    text_of,
)
from inference_monitor.inference import Choice, Request, Response

# What a model repository calls its prompt; then any BYTES tensor that is no parameter.
_PROMPT_TENSORS = ("text_input", "prompt", "text", "input_text", "query", "question", "inputs")
_NO_PROMPT = ("stop", "bad_words", "sampling_parameters", "lora", "request_id", "system")
_LABELS = re.compile(r"label|class|categor|probab|score")
_TEXT_TENSORS = ("text_output", "generated_text", "output_text", "response", "text", "output")


def is_tensors(value: Any) -> bool:
    """Whether the value is a list of named tensors."""
    tensors = objects_of(value)
    return bool(tensors) and all("name" in t and "datatype" in t for t in tensors)


def prompts(tensors: list[Any]) -> list[str]:
    """The texts of the tensor that holds the prompts; empty where none does."""
    texts = {str(t["name"]).lower(): _texts(t) for t in objects_of(tensors)}
    named = (texts.get(name) for name in _PROMPT_TENSORS)
    others = (t for name, t in texts.items() if not any(word in name for word in _NO_PROMPT))
    return next((found for found in (*named, *others) if found), [])


def parameters(body: dict[str, Any]) -> dict[str, Any] | None:
    """What the caller asked for beside the prompt: one value of each other tensor, and the rest."""
    told = dict(object_of(body.get("parameters")))
    asked = prompts(body["inputs"])
    for tensor in objects_of(body["inputs"]):
        data = _flat(tensor.get("data"))
        if not data or data == asked:
            continue
        if tensor["name"] == "sampling_parameters" and isinstance(data[0], str):
            sampling = parse_json(data[0])
            told |= object_of(sampling if sampling is not NOT_JSON else None)
        else:
            told[str(tensor["name"])] = data[0] if len(data) == 1 else data
    return told or None


def triton_generate(body: Any, request: Request | None) -> Response | None:
    """`text_output`, a text or one for each prompt."""
    said = object_of(body).get("text_output")
    texts = [said] if isinstance(said, str) else said
    if not is_texts(texts):
        return None
    return Response(
        "triton_generate", body, _choices(texts, request), model=text_of(body.get("model_name"))
    )


def kserve_texts(body: Any, request: Request | None) -> Response | None:
    """`outputs` with a tensor of type BYTES: what a language model answers."""
    tensors = object_of(body).get("outputs")
    if not is_tensors(tensors) or is_labels(body, request):
        return None
    found = {str(t["name"]).lower(): _texts(t) for t in objects_of(tensors)}
    named = (found.get(name) for name in _TEXT_TENSORS)
    texts = next((texts for texts in (*named, *found.values()) if texts), None)
    if texts is None:
        return None
    return Response("kserve", body, _choices(texts, request), model=text_of(body.get("model_name")))


def kserve_labels(body: Any, request: Request | None) -> Response | None:
    """`outputs` with the names of classes."""
    return Response("kserve_labels", body) if is_labels(body, request) else None


def is_labels(body: Any, request: Request | None) -> bool:
    """Whether tensors hold names of classes: they are called so, or numbers were sent."""
    tensors = object_of(body).get("outputs")
    if not is_tensors(tensors):
        return False
    named = all(_LABELS.search(str(t["name"]).lower()) for t in objects_of(tensors))
    return named or (request is not None and request.family == "tabular")


def kserve_vectors(body: Any, request: Request | None) -> Response | None:
    """`outputs` of numbers for texts: embeddings."""
    tensors = object_of(body).get("outputs")
    if request is None or request.family != "kserve" or not is_tensors(tensors):
        return None
    shapes = [t["shape"] for t in objects_of(tensors) if isinstance(t.get("shape"), list)]
    longest = max((s for s in shapes if s and all(is_number(n) for n in s)), default=[0])
    if longest[-1] < 2:
        return None
    shape = {"embeddings": longest[0] if len(longest) > 1 else 1, "dimensions": longest[-1]}
    return Response("kserve_vectors", shape, model=text_of(body.get("model_name")))


def is_piece(part: dict[str, Any]) -> bool:
    """Whether a document is one event of generate_stream."""
    return "text_output" in part and isinstance(part["text_output"], str)


def join_pieces(parts: list[dict[str, Any]]) -> dict[str, Any]:
    """The pieces of text together; backends that accumulate repeat the text so far."""
    pieces = [part for part in parts if is_piece(part)]
    texts = [part["text_output"] for part in pieces if part["text_output"]]
    grows = len(texts) > 1 and all(b.startswith(a) and a != b for a, b in pairwise(texts))
    return {**pieces[-1], "text_output": texts[-1] if grows else "".join(texts)}


def _choices(texts: list[str], request: Request | None) -> tuple[Choice, ...]:
    batched = request is not None and len(request.items) == len(texts) > 1
    return tuple(Choice(t, item=i if batched else 0) for i, t in enumerate(texts))


def _texts(tensor: dict[str, Any]) -> list[str]:
    data = _flat(tensor.get("data")) if tensor.get("datatype") == "BYTES" else []
    return data if is_texts(data) else []


def _flat(data: Any) -> list[Any]:
    """The values of a tensor, which may be nested as its shape says."""
    flat = data if isinstance(data, list) else []
    while flat and all(isinstance(row, list) for row in flat):
        flat = [value for row in flat for value in row]
    return flat
