"""Answers of models that do not talk: vectors, ranks, labels, images, sounds, predictions."""

from __future__ import annotations

import base64
import binascii
import csv
import io
import re
from typing import Any

from inference_monitor.families.fields import (
    count_of,
    is_number,
    is_numbers,
    is_tabular_list,
    is_texts,
    object_of,
    objects_of,
    text_of,
    usage_of,
)
from inference_monitor.inference import Choice, Request, Response, Usage

_VECTOR_KEYS = (
    "embeddings", "embedding", "vectors", "vector", "dense_vecs", "lexical_weights", "colbert_vecs",
    "pooler_output", "last_hidden_state",
)  # fmt: skip
# `sentence_embeddings`, `sparse_embedding`, `text_embedding`, …
_VECTOR_NAME = re.compile(r"\w+_embeddings?")
_VALUE_NAMES = ("outputs", "output", "result", "results", "response", "data")
_SCORE_KEYS = ("relevance_score", "score", "logit", "relevanceScore")
_TOKEN_KEYS = {"tokens", "count", "max_model_len", "token_strs"}
_PLACE_KEYS = ("index", "corpus_id", "document")
_LABEL_KEYS = ("label", "entity", "entity_group", "token_str")
_CERTAINTY_KEYS = ("score", "probs", "prob", "probability", "confidence")
_PREDICTION_KEYS = (
    "predictions", "prediction", "predicted_label", "predicted_value", "probabilities",
    "probability", "probs", "scores", "score", "labels", "label", "similarities",
)  # fmt: skip
_ANSWER_KEYS = (
    "response",
    "answer",
    "completion",
    "generated_text",
    "output_text",
    "text",
    "caption",
)
# `generated_images`, `image_base64`, `video_url`, `b64_json`, …
_MEDIA_KEY = re.compile(
    r"(?:\b|_)(?:image|video|audio|speech|wav|waveform|frame|artifact|b64|base64)s?(?:\b|_)"
)
# How files of images, videos and sounds begin, and PDF.
_MEDIA_MAGIC = (
    b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"RIFF", b"OggS", b"ID3", b"\xff\xfb", b"\xff\xf3",
    b"fLaC", b"%PDF", b"BM", b"\x1aE\xdf\xa3", b"\x93NUMPY", b"II*\x00", b"MM\x00*",
)  # fmt: skip
_MEDIA_ADDRESS = re.compile(
    r"(?:https?|s3)://\S+\.(?:png|jpe?g|webp|gif|mp4|webm|mov|wav|mp3|flac|ogg)(?:\?\S*)?", re.I
)
_MEDIA_ADDRESS = re.compile(
    r"(?:s3|gs|https?)://\S+\.(?:png|jpe?g|webp|gif|tiff?|mp4|webm|mov|wav|mp3|flac|ogg)(?:\?\S*)?",
    re.I,
)
_EMBEDDED_COUNTS = ("prompt_tokens", "prompt_eval_count", "inputTextTokenCount")
_LONG_BASE64 = 1024
_SHORTEST_VECTOR = 32
_CSV_TEXTS = ("generated_text", "summary_text", "translation_text", "text", "output", "answer")


def embeddings(body: Any, request: Request | None) -> Response | None:
    """Vectors under a name, OpenAI's `data[].embedding`, or bare lists of numbers to a text.

    The vectors themselves are not kept: how many and how long they are says all that a trace needs.
    """
    named = object_of(body)
    data = objects_of(named.get("data")) or objects_of(body)
    tokens = usage_of(named.get("usage")).input_tokens
    if data and (of_each := next((k for k in ("embedding", "vector") if k in data[0]), None)):
        vectors: Any = [d.get(of_each) for d in data]
    elif data and all(d.get("object") == "pooling" for d in data):  # vLLM's, of each token
        vectors = [d.get("data") for d in data]
    elif request and request.messages and _are_long(named.get("predictions")):
        vectors = named["predictions"]
    elif key := _vector_key(named):
        vectors = named[key]
        counts = {**named, **object_of(named.get("meta_info"))}
        told = (count_of(counts.get(name)) for name in _EMBEDDED_COUNTS)
        tokens = next((c for c in told if c is not None), None) if tokens is None else tokens
    elif request and request.messages and (vectors := _named_vectors(named)):
        pass
    elif is_sparse(body) or (request and request.messages and _are_vectors(body)):
        vectors = body
    else:
        return None
    return Response(
        "embeddings", _shape(vectors), usage=Usage(tokens), model=text_of(named.get("model"))
    )


def _vector_key(named: dict[str, Any]) -> str | None:
    """The name that vectors stand under; a text under such a name is none."""
    if named.keys().isdisjoint(_VECTOR_KEYS) and any(
        " " in text for key in _ANSWER_KEYS if (text := text_of(named.get(key)))
    ):
        return None  # a text, with the vector by which something was found beside it
    names = (k for k in named if k in _VECTOR_KEYS or _VECTOR_NAME.fullmatch(k))
    found = (k for k in names if isinstance(named[k], (list, dict)) or k == "embedding")
    return next(found, None)


def _named_vectors(named: dict[str, Any]) -> Any:
    """Numbers under a name that says nothing, as an answer to a text."""
    return next((v for key in _VALUE_NAMES if _are_vectors(v := named.get(key))), None)


def rerank(body: Any, request: Request | None) -> Response | None:
    """`results[].relevance_score` (Cohere), `[{index, score}]` (TEI), `rankings` (NIM).

    vLLM's scores of pairs are in `data`, each an object called `score`.
    """
    named = object_of(body)
    rows = objects_of(named.get("results") or named.get("rankings") or named.get("data") or body)
    if not rows or not all(any(s in r for s in _SCORE_KEYS) for r in rows):
        return None
    asked = request is not None and request.family == "rerank"
    scored = all(r.get("object") == "score" for r in rows)
    if not (
        scored
        or (asked and all(any(p in r for p in _PLACE_KEYS) for r in rows))
        or (all("index" in r for r in rows) and "relevance_score" in rows[0])
    ):
        return None
    return Response(
        "rerank", body, usage=usage_of(named.get("usage")), model=text_of(named.get("model"))
    )


def scores(body: Any, request: Request | None) -> Response | None:
    """One number for each text that was to be ranked or compared."""
    asked = request is not None and request.family == "rerank"
    numbers = object_of(body).get("scores", object_of(body).get("similarities", body))
    return Response("rerank", body) if asked and is_bare_vectors(numbers) else None


def tokens(body: Any, _request: Request | None) -> Response | None:
    """The tokens of a text, which TGI and TEI count out: `[{id, text, start, stop}]`."""
    named = object_of(body)
    if is_numbers(named.get("tokens")) and named.keys() <= _TOKEN_KEYS:
        return Response("tokens", body)  # vLLM's, and llama.cpp's
    rows = body if isinstance(body, list) else []
    flat = [t for row in rows for t in (row if isinstance(row, list) else [row])]
    counted = bool(flat) and all(isinstance(t, dict) and {"id", "text"} <= t.keys() for t in flat)
    return Response("tokens", body) if counted and all("stop" in t for t in flat) else None


def labels(body: Any, _request: Request | None) -> Response | None:
    """`label` or `entity` with `score`: classification pipelines; also zero-shot's `labels`.

    vLLM's classes are in `data`, with their `probs`; moderation models list `categories`.
    """
    named = object_of(body)
    rows = objects_of(named.get("data") or named.get("results") or named.get("classifications"))
    rows = rows or body
    rows = rows if isinstance(rows, list) else [rows]
    flat = [r for row in rows for r in (row if isinstance(row, list) else [row])]
    if not flat or not all(isinstance(r, dict) for r in flat):
        return None
    if not (
        all(_is_label(r) for r in flat)
        or all({"labels", "scores"} <= r.keys() for r in flat)
        or all("prediction" in r and "confidence" in r for r in flat)  # Cohere's
        or all("categories" in r and ("flagged" in r or "category_scores" in r) for r in flat)
    ):
        return None
    return Response(
        "labels", body, usage=usage_of(named.get("usage")), model=text_of(named.get("model"))
    )


def extracted_answer(body: Any, _request: Request | None) -> Response | None:
    """`{answer, score, start, end}`: the question answering pipeline cuts it out of the context."""
    answers = objects_of(body if isinstance(body, list) else [body])
    if not answers or not all("answer" in a and "score" in a for a in answers):
        return None
    return Response("extracted_answer", body, tuple(Choice(text_of(a["answer"])) for a in answers))


def media(body: Any, request: Request | None) -> Response | None:
    """Images, videos and sounds: base64, addresses or pixels under a name, or base64 alone."""
    rows = body if isinstance(body, list) else [body]
    texts = object_of(body).get("output", rows)
    if is_texts(texts) and all(is_media_text(text) for text in texts):
        return Response("media", body)
    named = [object_of(row) for row in rows]
    if any(" " in text for n in named for key in _ANSWER_KEYS if (text := text_of(n.get(key)))):
        return None  # a text about an image that is sent back beside it
    data = [row for n in named for row in objects_of(n.get("data"))]
    asked = request is not None and request.family in ("image_generation", "speech")
    drawn = any(_is_media(n[key]) for n in named for key in n if _MEDIA_KEY.search(key))
    listed = bool(data) and all("b64_json" in d or ("url" in d and asked) for d in data)
    values = [value for n in named for value in n.values()]
    values += [part for value in values if isinstance(value, list) for part in value[:1]]
    inside = any(is_media_text(value) or _is_media_address(value) for value in values)
    filtered = any("finish_reasons" in n and "images" in n for n in named)  # Stability's
    return Response("media", body) if drawn or listed or inside or filtered else None


def predictions(body: Any, request: Request | None) -> Response | None:
    """Predictions of a classic model: numbers, or an object that names them."""
    tabular = request is not None and request.family == "tabular"
    rows = body if isinstance(body, list) else [body]
    named = bool(rows) and all(isinstance(r, dict) and _names_prediction(r) for r in rows)
    bare = is_number(body) or is_tabular_list(body)
    return Response("predictions", body) if named or bare or (tabular and body != "") else None


def csv_answer(text: str, request: Request | None) -> Response | None:
    """CSV under a header (the Hugging Face toolkit): generated texts, or labels with scores."""
    try:
        table = csv.DictReader(io.StringIO(text.strip()))
        names = table.fieldnames or ()
        if "label" in names and "score" in names:
            return Response("labels", text)
        name = next((n for n in _CSV_TEXTS if n in names and "score" not in names), None)
        rows = list(table) if name else []
    except csv.Error:
        return None
    if name is None or not rows:
        return None
    batched = request is not None and len(request.items) == len(rows) > 1
    choices = (Choice(row.get(name), item=i if batched else 0) for i, row in enumerate(rows))
    return Response("generated_text", text, tuple(choices))


def is_media_text(value: Any) -> bool:
    """Whether a text is an image, a video or a sound in base64, or its address, and no more."""
    if not isinstance(value, str) or len(value) < 12 or " " in value[:64]:
        return False
    if value.startswith("data:") or _MEDIA_ADDRESS.fullmatch(value):
        return not value.startswith("data:") or value[5:11] in ("image/", "video/", "audio/")
    head = value[:64].rstrip("=\n")
    try:
        raw = base64.b64decode(head[: len(head) // 4 * 4], validate=True)
    except (binascii.Error, ValueError):
        return False
    if raw.startswith(_MEDIA_MAGIC) or raw[4:8] == b"ftyp":
        return True
    compact = len(value) >= _LONG_BASE64 and not any(c.isspace() for c in value[:_LONG_BASE64])
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError as error:
        return compact and error.start < len(raw) - 3
    return False


def _is_media_address(value: Any) -> bool:
    """Whether a text is nothing but the place of an image, a video or a sound."""
    return isinstance(value, str) and bool(_MEDIA_ADDRESS.fullmatch(value))


def is_bare_vectors(body: Any) -> bool:
    """Lists of numbers nested to any depth: one vector, one per text, or one per token."""
    while isinstance(body, list) and body and isinstance(body[0], list):
        body = body[0]
    return is_numbers(body)


def _are_vectors(body: Any) -> bool:
    """Whether bare numbers are vectors: one number for each text is a score."""
    while is_bare_vectors(body) and isinstance(body[0], list) and len(body[0]) != 1:
        body = body[0]
    return is_bare_vectors(body) and len(body) > 1 and not isinstance(body[0], list)


def _are_long(value: Any) -> bool:
    """Whether predictions are vectors: probabilities of classes are fewer numbers."""
    rows = value if isinstance(value, list) else []
    of_tokens = bool(rows) and all(is_bare_vectors(r) and isinstance(r[0], list) for r in rows)
    return of_tokens or (
        bool(rows) and all(is_numbers(row) and len(row) >= _SHORTEST_VECTOR for row in rows)
    )


def is_sparse(body: Any) -> bool:
    """Lists of `{index, value}`, one for each text (TEI), or `indices` with their `values`."""
    rows = body if isinstance(body, list) else [body]
    if rows and all(is_numbers(object_of(r).get("indices")) and "values" in r for r in rows):
        return True
    flat = [v for row in rows for v in (row if isinstance(row, list) else [])]
    return bool(flat) and all(isinstance(v, dict) and {"index", "value"} == v.keys() for v in flat)


def _is_media(value: Any) -> bool:
    """Whether a value under a name of media is one: not null, not empty, no sentence about it."""
    if isinstance(value, str):
        return " " not in value.strip() and len(value) > 12
    if isinstance(value, list):
        return is_numbers(value) or any(_is_media(v) or is_numbers(v) for v in value)
    return isinstance(value, dict) and any(_is_media(v) for v in value.values())


def _is_label(row: dict[str, Any]) -> bool:
    return any(key in row for key in _CERTAINTY_KEYS) and any(key in row for key in _LABEL_KEYS)


def _names_prediction(row: dict[str, Any]) -> bool:
    return any(key in row for key in _PREDICTION_KEYS)


def _shape(vectors: Any) -> dict[str, Any]:
    """`{"embeddings": count, "dimensions": length}`, as far as it can be told."""
    if isinstance(vectors, dict):  # Cohere, by type of number
        vectors = next(iter(vectors.values()), [])
    if isinstance(vectors, str):  # the base64 of one vector
        return {"embeddings": 1, "dimensions": None}
    if not isinstance(vectors, list) or not vectors:
        return {"embeddings": 0, "dimensions": 0}
    if is_texts(vectors) or not isinstance(vectors[0], list):
        return (
            {"embeddings": 1, "dimensions": len(vectors)}
            if is_number(vectors[0])
            else {"embeddings": len(vectors), "dimensions": None}
        )
    return {"embeddings": len(vectors), "dimensions": len(vectors[0])}
