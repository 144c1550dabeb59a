"""Answers of models that do not talk: embeddings, rerankers, classifiers, classic ML."""

from __future__ import annotations

from typing import Any

from inference_monitor.families.fields import (
    is_number,
    is_numbers,
    object_of,
    objects_of,
    text_of,
    usage_of,
)
from inference_monitor.families.tabular import is_tabular_list
from inference_monitor.inference import Choice, Request, Response, Usage

_VECTOR_KEYS = ("embeddings", "embedding", "vectors")
_PREDICTION_KEYS = (
    "predictions", "prediction", "predicted_label", "predicted_value", "probabilities",
    "probability", "scores", "score", "labels", "label",
)  # fmt: skip


def embeddings(body: Any, request: Request | None) -> Response | None:
    """Vectors under a name, OpenAI's `data[].embedding`, or bare lists of numbers to a text.

    The vectors themselves are not kept: how many and how long they are says all that a trace needs.
    """
    named = object_of(body)
    data = objects_of(named.get("data"))
    if data and all("embedding" in d for d in data):
        vectors: Any = [d["embedding"] for d in data]
    elif key := next((k for k in _VECTOR_KEYS if k in named), None):
        vectors = named[key]
    elif request and request.messages and is_bare_vectors(body):
        vectors = body
    else:
        return None
    tokens = usage_of(named.get("usage")).input_tokens
    return Response(
        "embeddings", _shape(vectors), usage=Usage(tokens), model=text_of(named.get("model"))
    )


def rerank(body: Any, request: Request | None) -> Response | None:
    """`results[].relevance_score` (Cohere), `[{index, score}]` (TEI), `rankings` (NIM)."""
    named = object_of(body)
    rows = objects_of(named.get("results") or named.get("rankings") or body)
    scores = ("relevance_score", "score", "logit")
    if not rows or not all("index" in r and any(s in r for s in scores) for r in rows):
        return None
    asked = request is not None and request.family == "rerank"
    return Response("rerank", body) if asked or "relevance_score" in rows[0] else None


def labels(body: Any, _request: Request | None) -> Response | None:
    """`label` or `entity` with `score`: classification pipelines; also zero-shot's `labels`."""
    rows = body if isinstance(body, list) else [body]
    flat = [r for row in rows for r in (row if isinstance(row, list) else [row])]
    if not flat or not all(isinstance(r, dict) for r in flat):
        return None
    if all(_is_label(r) for r in flat) or all({"labels", "scores"} <= r.keys() for r in flat):
        return Response("labels", body)
    return None


def extracted_answer(body: Any, _request: Request | None) -> Response | None:
    """`{answer, score, start, end}`: the question answering pipeline cuts it out of the context."""
    answers = objects_of(body if isinstance(body, list) else [body])
    if not answers or not all("answer" in a and "score" in a for a in answers):
        return None
    return Response("extracted_answer", body, tuple(Choice(text_of(a["answer"])) for a in answers))


def predictions(body: Any, request: Request | None) -> Response | None:
    """Predictions of a classic model: numbers, or an object that names them."""
    tabular = request is not None and request.family == "tabular"
    rows = body if isinstance(body, list) else [body]
    named = bool(rows) and all(isinstance(r, dict) and _names_prediction(r) for r in rows)
    bare = is_number(body) or is_tabular_list(body)
    return Response("predictions", body) if named or bare or (tabular and body != "") else None


def is_bare_vectors(body: Any) -> bool:
    """Lists of numbers nested to any depth: one vector, one per text, or one per token."""
    while isinstance(body, list) and body and isinstance(body[0], list):
        body = body[0]
    return is_numbers(body)


def _is_label(row: dict[str, Any]) -> bool:
    return "score" in row and any(
        k in row for k in ("label", "entity", "entity_group", "token_str")
    )


def _names_prediction(row: dict[str, Any]) -> bool:
    return any(key in row for key in _PREDICTION_KEYS)


def _shape(vectors: Any) -> dict[str, Any]:
    """`{"embeddings": count, "dimensions": length}`, as far as it can be told."""
    if isinstance(vectors, dict):  # Cohere, by type of number
        vectors = next(iter(vectors.values()), [])
    if not isinstance(vectors, list) or not vectors:
        return {"embeddings": 0, "dimensions": 0}
    if not isinstance(vectors[0], list):
        return (
            {"embeddings": 1, "dimensions": len(vectors)}
            if is_number(vectors[0])
            else {"embeddings": len(vectors), "dimensions": None}
        )
    return {"embeddings": len(vectors), "dimensions": len(vectors[0])}
