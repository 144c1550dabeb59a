"""The tags that a trace is searched by, and that conditions of `scorers.yaml` name."""

from __future__ import annotations

from inference_monitor.inference import Inference, Source
from inference_monitor.text import cut, json_text

_TAG_LIMIT = 4096
"""Characters of a tag's value in MLflow's database; sqlite ignores the limit, Postgres does not."""


def trace_tags(inference: Inference, source: Source) -> dict[str, str]:
    """The tags of an inference's trace; a value that is not known has none."""
    status, response = inference.status_code, inference.response
    tags = {
        "endpoint": source.endpoint,
        "variant": source.variant,
        "event_id": inference.event_id,
        "inference_id": inference.inference_id,
        "inference_component": inference.inference_component,
        "status_code": None if status is None else str(status),
        "status_class": _status_class(status),
        "payload_family": inference.family,
        "kind": inference.kind.value,
        "source_uri": source.uri,
        "prompt_echo": "true" if response and response.echoes_prompt else None,
        "empty_answer": "true" if inference.empty_answer else None,
        # A tag, because the other place, metadata, holds 250 characters.
        "redactions": None if inference.redactions is None else json_text(inference.redactions),
    }
    return {key: cut(value, _TAG_LIMIT) for key, value in tags.items() if value}


def _status_class(status_code: int | None) -> str:
    """`2xx`, `4xx`, `5xx` or `unknown`: MLflow's search cannot compare tags by size."""
    return f"{status_code // 100}xx" if status_code else "unknown"
