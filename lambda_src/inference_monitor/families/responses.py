"""What models answer: the response families in the order they are tried, and how a body is read.

A reader takes the parsed body and the request, and gives a `Response`, or None if the body is not
of its family. Those with the most telling shape come first, then what is wrapped in `outputs`,
`predictions` and the like, then names that containers choose for themselves.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

from inference_monitor.capture.documents import NOT_JSON, parse_json
from inference_monitor.families import (
    anthropic,
    cohere,
    converse,
    gemini,
    generation,
    langchain,
    models,
    ollama,
    openai,
    triton,
)
from inference_monitor.families.failures import find_failure
from inference_monitor.families.fields import object_of, objects_of, text_of, total_usage, usage_of
from inference_monitor.families.openai_responses import openai_responses
from inference_monitor.families.own_names import FINISH_NAMES, text_field
from inference_monitor.families.requests import asks_for_text
from inference_monitor.inference import Choice, Kind, Request, Response, Usage

# Names of what is only wrapped around an answer.
WRAPPERS = (
    "predictions", "outputs", "output", "result", "results", "response", "responses", "body",
    "data", "generated_text", "completion", "messages", "candidates", "translations",
)  # fmt: skip
_DEEPEST = 5  # wrappers in wrappers
_SHORT_PIECE = 3  # characters that may begin two pieces in a row by chance


@dataclass(frozen=True, slots=True)
class ResponseFamily:
    """A response shape; `kind` is None where the request decides what kind of model answered."""

    name: str
    read: Callable[[Any, Request | None], Response | None]
    kind: Kind | None = Kind.LLM


def usage_only(body: Any, _request: Request | None) -> Response | None:
    """Nothing but token counts: endpoints that keep the text out of captures."""
    usage = usage_of(object_of(body).get("usage"))
    told = usage.input_tokens is not None or usage.output_tokens is not None
    return Response("usage_only", body, usage=usage) if told else None


# Told by their shape, wherever they stand: first what only a server of language models writes.
SPOKEN_FAMILIES = (
    ResponseFamily("openai_chat", openai.openai_chat),
    ResponseFamily("openai_completions", openai.openai_completions),
    ResponseFamily("openai_responses", openai_responses),
    ResponseFamily("anthropic_messages", anthropic.anthropic_messages),
    ResponseFamily("bedrock_converse", converse.bedrock_converse),
    ResponseFamily("ollama", ollama.ollama),
    ResponseFamily("llama_cpp", ollama.llama_cpp),
    ResponseFamily("sglang_native", generation.sglang_native),
    ResponseFamily("lmi_third_party", generation.lmi_third_party),
    ResponseFamily("generated_text", generation.generated_text),
    ResponseFamily("generated_texts", generation.generated_texts),
    ResponseFamily("jumpstart_generation", generation.jumpstart_generation),
    ResponseFamily("triton_generate", triton.triton_generate),
    ResponseFamily("kserve", triton.kserve_texts),
    ResponseFamily("cohere_chat", cohere.cohere_chat),
    ResponseFamily("cohere_chat_v2", cohere.cohere_chat_v2),
    ResponseFamily("cohere_generate", cohere.cohere_generate),
    ResponseFamily("gemini", gemini.gemini),
    ResponseFamily("ai21_completions", cohere.ai21_completions),
    ResponseFamily("langchain", langchain.langchain_message),
)
_TELLING = (
    *SPOKEN_FAMILIES,
    ResponseFamily("ai21_tasks", cohere.ai21_tasks),
    ResponseFamily("message", openai.bare_message),
    ResponseFamily("cohere_summarize", cohere.cohere_summarize),
    ResponseFamily("embeddings", models.embeddings, Kind.EMBEDDING),
    ResponseFamily("kserve_labels", triton.kserve_labels, Kind.CLASSIFIER),
    ResponseFamily("kserve_vectors", triton.kserve_vectors, Kind.EMBEDDING),
    ResponseFamily("rerank", models.rerank, Kind.RERANK),
    ResponseFamily("rerank", models.scores, Kind.RERANK),
    ResponseFamily("media", models.media, Kind.OTHER),
    ResponseFamily("tokens", models.tokens, Kind.OTHER),
    ResponseFamily("extracted_answer", models.extracted_answer, Kind.OTHER),
    ResponseFamily("labels", models.labels, Kind.CLASSIFIER),
)
# Names that say little: tried when nothing else fits.
_VAGUE = (
    ResponseFamily("text_field", text_field),
    ResponseFamily("predictions", models.predictions, Kind.CLASSIFIER),
    ResponseFamily("usage_only", usage_only, None),
)
RESPONSE_FAMILIES = (*_TELLING, *_VAGUE)
KIND_OF_FAMILY = {**{f.name: f.kind for f in RESPONSE_FAMILIES}, "plain_text": Kind.LLM}


def first_answer(
    families: tuple[ResponseFamily, ...], body: Any, request: Request | None
) -> Response | None:
    """What the first of these families that knows the body reads in it; None if none does."""
    found = (family.read(body, request) for family in families)
    return next((response for response in found if response is not None), None)


def read_body(body: Any, request: Request | None, depth: int = 0) -> Response | None:
    """The first family that knows a body, or what is wrapped in it."""
    if read := first_answer(_TELLING, body, request):
        return read
    if depth < _DEEPEST:
        if read := _read_several(body, request, depth):
            return read
        for inner in unwrapped(body):
            read = read_body(inner, request, depth + 1)
            if not read or read.family in ("predictions", "usage_only"):
                continue
            if isinstance(inner, str) and _is_data_asked_for(read, body, request):
                continue
            if read.usage == Usage() and isinstance(body, dict):  # counts may stand around it
                read = replace(read, usage=usage_of(body.get("usage")))
            return replace(read, body=body)
    return first_answer(_VAGUE, body, request)


def _read_several(body: Any, request: Request | None, depth: int) -> Response | None:
    """Several answers in a list or on lines of their own: one for each input, or all to one."""
    parts = objects_of(body)
    if len(parts) < 2 or len(parts) != len(body):
        return None
    if not any(read_body(part, request, depth + 1) for part in parts[:3]):
        return None  # a list may be long, and of anything
    answers = [read_body(part, request, depth + 1) for part in parts]
    told = [answer for answer in answers if answer is not None]
    if not told or any(KIND_OF_FAMILY.get(answer.family) is not Kind.LLM for answer in told):
        return None
    to_one = request is not None and len(request.items) == 1
    choices = tuple(
        replace(choice, item=0 if to_one else i)
        for i, answer in enumerate(answers)
        if answer
        for choice in answer.choices
    )
    usage = total_usage([answer.usage for answer in told])
    return replace(told[0], body=body, choices=choices, usage=usage)


def read_pieces(parts: list[dict[str, Any]], request: Request | None) -> Response | None:
    """The pieces of one answer, each of the shape that a whole one of its server has.

    Several documents that answer a single request are such pieces, in the order they came; each may
    also repeat the text so far. Completions of a chat are whole, each an answer of its own.
    """
    if request is None or len(request.items) > 1:
        return None
    told = [read for part in parts if (read := read_body(part, request))]
    reads = [read for read in told if read.family != "usage_only"]
    if not reads or any(
        KIND_OF_FAMILY.get(r.family) is not Kind.LLM
        or r.family in ("openai_chat", "anthropic_messages")
        for r in reads
    ):
        return None
    choices = [read.choices[0] for read in reads if read.choices]
    texts = [c.text for c in choices if c.text]
    finishes = [c.finish_reason for c in choices]
    finishes += [text_of(parts[-1].get(key)) for key in FINISH_NAMES]
    thoughts = "".join(c.reasoning for c in choices if c.reasoning)
    answer = Choice(
        texts[-1] if _repeat(texts) else "".join(texts),
        next((reason for reason in reversed(finishes) if reason), None),
        thoughts or None,
        tuple(call for c in choices for call in c.tool_calls),
    )
    counts = [read.usage for read in reversed(told)]
    inputs = (u.input_tokens for u in counts if u.input_tokens is not None)
    outputs = (u.output_tokens for u in counts if u.output_tokens is not None)
    usage = Usage(next(inputs, None), next(outputs, None))
    return replace(reads[0], body=parts, choices=(answer,), usage=usage, streamed=True)


def _repeat(texts: list[str]) -> bool:
    """Whether each text goes on from the one before, as far as so many can tell."""
    grows = len(texts) > 1 and all(b.startswith(a) and a != b for a, b in pairwise(texts))
    return grows and (len(texts) > 2 or len(texts[0]) > _SHORT_PIECE)


def unwrapped(body: Any) -> list[Any]:
    """What stands in a JSON text, or under a name that only wraps it."""
    if isinstance(body, str):
        inner = inner_json(body)
        return [] if inner is NOT_JSON else [inner]
    if isinstance(body, list):
        return body if len(body) == 1 else []
    values = [body[key] for key in WRAPPERS if key in body] if isinstance(body, dict) else []
    values += [v[0] for v in values if isinstance(v, list) and len(v) == 1 and _may_wrap(v[0])]
    if not values and isinstance(body, dict) and len(body) == 1 and not find_failure(body):
        values = [object_of(v) for v in body.values()]  # by a component of a pipeline
    return [v for v in values if _may_wrap(v)]


def _may_wrap(value: Any) -> bool:
    return isinstance(value, dict) or bool(objects_of(value)) or _holds_json(value)


def _holds_json(value: Any) -> bool:
    return isinstance(value, str) and inner_json(value) is not NOT_JSON


def _is_data_asked_for(read: Response, around: Any, request: Request | None) -> bool:
    """Whether a JSON text under a name is what a model was to write, and no answer in itself."""
    spoken = KIND_OF_FAMILY.get(read.family) is Kind.LLM and read.family != "text_field"
    return (
        isinstance(around, dict) and "body" not in around and asks_for_text(request) and not spoken
    )


def inner_json(text: str) -> Any:
    """The JSON object or array that a text is; some servers encode their answer twice."""
    return parse_json(text) if text.lstrip()[:1] in ("{", "[") else NOT_JSON
