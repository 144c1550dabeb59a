"""The table of families: which reader answers for a payload, and what kind of model it was."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from inference_monitor.capture.payload import Payload
from inference_monitor.families import cohere, generation, models, openai
from inference_monitor.families.anthropic import anthropic_messages
from inference_monitor.families.failures import find_failure
from inference_monitor.families.fields import is_texts, object_of, text_of, usage_of, user
from inference_monitor.families.ollama import ollama
from inference_monitor.families.openai_responses import openai_responses
from inference_monitor.families.requests import REQUEST_FAMILIES, inputs_dialog
from inference_monitor.families.streams import reassemble
from inference_monitor.families.tabular import is_tabular_list, is_tabular_text
from inference_monitor.families.thoughts import separate_thoughts
from inference_monitor.inference import Choice, Failure, Kind, Request, Response

_TABULAR_TYPES = ("text/csv", "text/libsvm", "text/x-libsvm", "application/x-npy")
_TEXT_FIELDS = ("response", "answer", "completion", "output_text", "output", "outputs", "text")


@dataclass(frozen=True, slots=True)
class ResponseFamily:
    """A response shape; `kind` is None where the request decides what kind of model answered."""

    name: str
    read: Callable[[Any, Request | None], Response | None]
    kind: Kind | None = Kind.LLM


@dataclass(frozen=True, slots=True)
class Reading:
    """What both payloads of a capture were read as."""

    kind: Kind
    family: str
    request: Request | None
    response: Response | None


def text_field(body: Any, request: Request | None) -> Response | None:
    """An answer under a name of the container's own choice, to a request that is a prompt."""
    if request is None or not request.messages:
        return None
    for key in _TEXT_FIELDS:
        value = object_of(body).get(key)
        if answer := generation.text_list(
            "text_field", body, [value] if text_of(value) else value, request
        ):
            return answer
    if isinstance(body, str) or is_texts(body):
        return generation.text_list(
            "text_field", body, [body] if isinstance(body, str) else body, request
        )
    return None


def usage_only(body: Any, _request: Request | None) -> Response | None:
    """Nothing but token counts: endpoints that keep the text out of captures."""
    usage = usage_of(object_of(body).get("usage"))
    told = usage.input_tokens is not None or usage.output_tokens is not None
    return Response("usage_only", body, usage=usage) if told else None


RESPONSE_FAMILIES = (
    ResponseFamily("openai_chat", openai.openai_chat),
    ResponseFamily("openai_completions", openai.openai_completions),
    ResponseFamily("openai_responses", openai_responses),
    ResponseFamily("anthropic_messages", anthropic_messages),
    ResponseFamily("ollama", ollama),
    ResponseFamily("sglang_native", generation.sglang_native),
    ResponseFamily("lmi_third_party", generation.lmi_third_party),
    ResponseFamily("generated_text", generation.generated_text),
    ResponseFamily("generated_texts", generation.generated_texts),
    ResponseFamily("jumpstart_generation", generation.jumpstart_generation),
    ResponseFamily("cohere_chat", cohere.cohere_chat),
    ResponseFamily("cohere_chat_v2", cohere.cohere_chat_v2),
    ResponseFamily("cohere_generate", cohere.cohere_generate),
    ResponseFamily("ai21_completions", cohere.ai21_completions),
    ResponseFamily("cohere_summarize", cohere.cohere_summarize),
    ResponseFamily("embeddings", models.embeddings, Kind.EMBEDDING),
    ResponseFamily("rerank", models.rerank, Kind.RERANK),
    ResponseFamily("extracted_answer", models.extracted_answer, Kind.OTHER),
    ResponseFamily("labels", models.labels, Kind.CLASSIFIER),
    ResponseFamily("text_field", text_field),
    ResponseFamily("predictions", models.predictions, Kind.CLASSIFIER),
    ResponseFamily("usage_only", usage_only, None),
)

_REQUEST_FAMILY = {family.name: family for family in REQUEST_FAMILIES}
_RESPONSE_FAMILY = {family.name: family for family in RESPONSE_FAMILIES}


def read_payloads(asked: Payload | None, answered: Payload | None) -> Reading:
    """Read request and response of one capture; a body no family knows is kept as it is."""
    request = read_request(asked) if asked else None
    response = read_response(answered, request) if answered else None
    kind = _kind(request, response)
    if request and kind is not Kind.LLM:
        # Texts to embed or classify were read as prompts until the answer showed what they are.
        request = replace(request, messages=None, items=[])
    known = response or request
    return Reading(kind, known.family if known else "unknown", request, response)


def read_request(payload: Payload) -> Request:
    """Read a request: the first family that knows the body, else the body itself."""
    if payload.documents is not None:
        return _read_batch(payload)
    if payload.binary or payload.media_type in _TABULAR_TYPES:
        tabular = payload.media_type in _TABULAR_TYPES
        return Request("tabular" if tabular else "binary", payload.body)
    body = payload.body
    if isinstance(body, dict):
        found = (family.read(body) for family in REQUEST_FAMILIES)
        return next((r for r in found if r is not None), Request("unknown", body))
    return _read_bare(body)


def read_response(payload: Payload, request: Request | None) -> Response:
    """Read a response: failure, stream or plain answer; else the body itself."""
    body, streamed = payload.body, False
    if payload.documents is not None or isinstance(body, dict):
        body, streamed = reassemble(payload.documents or [body])
    response = _apart(_answer(payload, body, request), request, streamed=streamed)
    if failed := _failure_of(payload, body, request):
        family, failure = failed
        choices = tuple(c for c in response.choices if c.text or c.finish_reason)
        choices = tuple(replace(c, text=c.text or None) for c in choices)
        return replace(response, family=family, choices=choices, failure=failure, streamed=streamed)
    return replace(response, streamed=True) if streamed else response


def _apart(response: Response, request: Request | None, *, streamed: bool) -> Response:
    """The response with the thoughts of each answer apart from its text."""
    choices = tuple(
        separate_thoughts(c, _prompt_of(request, c.item), cut=streamed and c.finish_reason is None)
        for c in response.choices
    )
    return response if choices == response.choices else replace(response, choices=choices)


def _prompt_of(request: Request | None, item: int) -> str | None:
    """The text an answer goes on from: a lone prompt, or the beginning of an assistant's turn."""
    turns = request.items[item] if request and item < len(request.items) else []
    if turns and (len(turns) == 1 or turns[-1].get("role") == "assistant"):
        return text_of(turns[-1].get("content"))
    return None


def _answer(payload: Payload, body: Any, request: Request | None) -> Response:
    if payload.binary:
        tabular = payload.media_type in _TABULAR_TYPES
        return Response("predictions" if tabular else "binary", body)
    if payload.is_text:
        return _read_text(payload, request)
    found = (family.read(body, request) for family in RESPONSE_FAMILIES)
    return next((r for r in found if r is not None), Response("unknown", body))


def _read_text(payload: Payload, request: Request | None) -> Response:
    """A text that is no JSON: rows of numbers, the answer itself, or JSON that was cut off."""
    text = payload.body
    tabular = request is not None and request.family == "tabular"
    if payload.media_type in _TABULAR_TYPES or tabular or (text.strip() and is_tabular_text(text)):
        return Response("predictions", text)
    if request and request.messages and text.strip() and text.lstrip()[0] not in "{[":
        return Response("plain_text", text, (Choice(text),))
    return Response("empty" if payload.is_empty else "unknown", text)


def _read_bare(body: Any) -> Request:
    """Read a request that is no object: messages, rows of numbers, or texts."""
    if isinstance(body, list) and (dialog := inputs_dialog({"inputs": body})):
        return replace(dialog, body=body)
    if is_tabular_list(body) or (isinstance(body, str) and is_tabular_text(body)):
        return Request("tabular", body)
    texts = [body] if isinstance(body, str) and body.strip() else body
    if is_texts(texts):
        items = [[user(t)] for t in texts]
        return Request("plain_text", body, [m for item in items for m in item], items=items)
    return Request("unknown", body)


def _read_batch(payload: Payload) -> Request:
    """JSON lines: each is a request of its own, all of one family."""
    parts = [read_request(Payload(d, payload.media_type)) for d in payload.documents or []]
    items = [item for part in parts for item in part.items]
    return replace(
        parts[0],
        body=payload.documents,
        messages=[m for item in items for m in item] or None,
        items=items,
    )


def _failure_of(payload: Payload, body: Any, request: Request | None) -> tuple[str, Failure] | None:
    if payload.is_empty and request is not None and _request_kind(request) is Kind.LLM:
        return "empty", Failure(
            "the response body is empty: the container may have died or timed out"
        )
    return find_failure(body)


def _kind(request: Request | None, response: Response | None) -> Kind:
    if response is not None and response.failure is None:
        family = _RESPONSE_FAMILY.get(response.family)
        if family and family.kind:
            return family.kind
        if response.family == "plain_text":
            return Kind.LLM
    kind = _request_kind(request)
    if response is None or response.failure or response.family == "usage_only":
        return kind
    # The answer is of no known shape: only a request that nothing but a chat model takes decides.
    asked = _REQUEST_FAMILY.get(request.family) if request else None
    return kind if asked and asked.certain else Kind.OTHER


def _request_kind(request: Request | None) -> Kind:
    if request is None:
        return Kind.OTHER
    if request.family == "plain_text":
        return Kind.LLM
    family = _REQUEST_FAMILY.get(request.family)
    return family.kind if family else Kind.OTHER
