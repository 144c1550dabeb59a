"""Read both payloads of a capture: what was asked, then what was answered, then by what kind.

The order of reading:

1. The request decides first: a chat or a prompt is answered by text, whatever that looks like.
2. A failure is found before an answer: the error objects, pages and texts of all servers.
3. A stream is joined to the body that a plain answer would have had.
4. The families are tried in turn, those with the most telling shape first, then what is wrapped in
   `outputs`, `predictions` and the like, then names that containers choose for themselves.
5. Thoughts are taken out of the text.
6. The kind of model follows from the answer, or where that tells nothing, from the request.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

from inference_monitor.capture.documents import NOT_JSON, begins_as_events, parse_json
from inference_monitor.capture.payload import Payload
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
from inference_monitor.families.failures import (
    Found,
    cut_off_failure,
    empty_failure,
    find_failure,
    find_text_failure,
)
from inference_monitor.families.fields import (
    is_numbers,
    is_tabular_text,
    is_texts,
    object_of,
    objects_of,
    text_of,
    total_usage,
    usage_of,
)
from inference_monitor.families.openai_responses import openai_responses
from inference_monitor.families.requests import (
    TABULAR_TYPES,
    asks_for_stream,
    asks_for_text,
    is_certain,
    kind_of,
    read_request,
)
from inference_monitor.families.streams import (
    Joined,
    is_chat_stream,
    is_stream,
    join_documents,
)
from inference_monitor.families.thoughts import separate_thoughts
from inference_monitor.inference import Choice, Kind, Request, Response, Usage

# Names that containers of people's own give to an answer.
_TEXT_FIELDS = (
    "response", "answer", "completion", "output_text", "outputText", "response_text", "output",
    "outputs", "text", "content", "reply", "result", "results", "generation", "generated",
    "translation", "prediction", "predictions", "data", "choices", "responses", "generations",
    "candidates", "replies", "token", "delta", "chunk",
)  # fmt: skip
# Parts of such names, as in `llm_response` and `Answer`, and of names of what is beside an answer.
_ANSWER_NAME = re.compile(
    r"(?:\b|_)(?:response|answer|completion|output|generated|generation|reply|assistant|result"
    r"|text|body)(?:\b|_)(?!.*(?:id|time|type|format|status|model|language|path|url|uri|file"
    r"|location|name|date|key|role|reason|label|class)s?\Z)",
    re.I,
)
_ABOUT_AN_ANSWER = (
    "id", "model", "model_name", "model_version", "created", "object", "request_id", "status",
    "role", "type",
)  # fmt: skip
_NO_ANSWER = re.compile(
    r".*(?:label|class|category|intent|sentiment|topic|entity|emotion|language|prediction)\w*", re.I
)
_FINISH = ("finish_reason", "stop_reason", "finishReason", "stopReason", "completionReason")
_ADDRESS = re.compile(r"\w+://\S+\Z")
_MEDIA_TYPES = ("image/", "video/", "audio/")
_CLASS_NAMES = ("prediction", "predictions", "result", "results", "data")
# Names of what is only wrapped around an answer.
_WRAPPERS = (
    "predictions", "outputs", "output", "result", "results", "response", "responses", "body",
    "data", "generated_text", "completion", "messages", "candidates", "translations",
)  # fmt: skip
_DEEPEST = 5  # wrappers in wrappers
_LONG_NAME = 64
_SHORT_PIECE = 3  # characters that may begin two pieces in a row by chance


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
    """An answer under a name of the container's own choice, to a request that is a prompt.

    Single words under `predictions` and the like may be classes: they are an answer only to what
    nothing but a language model takes.
    """
    if request is None or not request.messages:
        return None
    named = object_of(body)
    for key in _TEXT_FIELDS:
        value = named.get(key)
        texts = [value] if text_of(value) else generation.one_a_row(value)
        if not is_texts(texts) or (key in _CLASS_NAMES and _are_classes(texts, request)):
            continue
        answer = generation.text_list("text_field", body, texts, request)
        if answer and len(answer.choices) == 1:
            choice = replace(
                answer.choices[0],
                reasoning=openai.reasoning_of(named),
                finish_reason=_finish_of(named),
            )
            return replace(answer, choices=(choice,))
        return answer
    if named and (said := _own_name(named, request)) is not None:
        return generation.text_list("text_field", body, [said], request)
    return generation.text_list("text_field", body, body, request)


def _finish_of(named: dict[str, Any]) -> str | None:
    return next((f for k in _FINISH if (f := openai.finish_reason_of(named.get(k)))), None)


def _own_name(body: dict[str, Any], request: Request) -> str | None:
    """The text under a name like `llm_response`, or the only one that is there."""
    if find_failure(body):
        return None
    texts = {k: v[0] if is_texts(v) and len(v) == 1 else v for k, v in body.items()}
    texts = {k: v for k, v in texts.items() if isinstance(v, str) and v and len(k) < _LONG_NAME}
    prompt = _prompt_of(request, 0)
    texts = {
        k: v
        for k, v in texts.items()
        if (asks_for_text(request) or " " in v.strip()) and not _ADDRESS.match(v)
    }
    if named := [v for k, v in texts.items() if _ANSWER_NAME.search(k) and v != prompt]:
        return named[0]
    if body.keys() <= {*texts, *_ABOUT_AN_ANSWER}:
        names = [k for k in texts if k not in _ABOUT_AN_ANSWER and not _NO_ANSWER.fullmatch(k)]
        lone = [texts[k] for k in names if texts[k] != prompt]
        return lone[0] if len(lone) == 1 and " " in lone[0].strip() else None
    return None


def usage_only(body: Any, _request: Request | None) -> Response | None:
    """Nothing but token counts: endpoints that keep the text out of captures."""
    usage = usage_of(object_of(body).get("usage"))
    told = usage.input_tokens is not None or usage.output_tokens is not None
    return Response("usage_only", body, usage=usage) if told else None


# Told by their shape, wherever they stand: first what only a server of language models writes.
_SPOKEN = (
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
    *_SPOKEN,
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
_KINDS = {**{f.name: f.kind for f in RESPONSE_FAMILIES}, "plain_text": Kind.LLM}


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


def read_response(payload: Payload, request: Request | None) -> Response:
    """Read a response: failure, stream or plain answer; else the body itself."""
    joined = _join(payload, request)
    failed = _failure(payload, joined, request)
    response = _read_answer(payload, joined.body, request)
    streamed = joined.streamed or response.streamed
    cut = streamed and not failed
    response = _without_thoughts(response, request, cut=cut)
    if failed:
        family, failure = failed
        # What was said before it failed is kept; what tells of the failure was never said.
        words = isinstance(joined.body, str) or family in ("error_text", "error_page")
        told = words and not streamed
        said = () if told else response.choices
        said = tuple(c for c in said if c.text != failure.message)
        choices = tuple(c for c in said if c.text or c.reasoning or c.finish_reason)
        choices = tuple(replace(c, text=c.text or None) for c in choices)
        response = replace(response, family=family, choices=choices, failure=failure)
    return replace(response, streamed=streamed)


def _join(payload: Payload, request: Request | None) -> Joined:
    """The body that a plain answer would have had."""
    if payload.documents is None:
        return _join_one(payload, request)
    if not payload.documents:  # a stream that ended within its first event
        return Joined("", True)
    written = payload.rest.strip() or (payload.is_declared_text and asks_for_text(request))
    if written and not payload.holds_events and not is_stream(payload.documents):
        return Joined(payload.body)  # a text that happens to begin like JSON, or that is some
    asked = len(request.items) if request and not asks_for_stream(request) else 0
    if asked == len(payload.documents) > 1:
        return Joined(payload.documents)  # one answer for each prompt, not one answer in pieces
    return join_documents(payload.documents, payload.rest)


def _join_one(payload: Payload, request: Request | None) -> Joined:
    """A lone document, or a text, which may be a stream that has hardly begun."""
    if isinstance(payload.body, dict):
        return join_documents([payload.body])
    if is_chat_stream(payload.body):  # an array of what was streamed
        return join_documents(payload.body)
    streams = asks_for_stream(request) or payload.media_type == "text/event-stream"
    begun = payload.is_text and streams and begins_as_events(payload.body)
    return Joined("", True) if begun else Joined(payload.body)


def _failure(payload: Payload, joined: Joined, request: Request | None) -> Found | None:
    body = joined.body
    if joined.failure:
        return joined.failure
    if joined.streamed and body == "":
        return empty_failure("the stream was cut off before its first event had ended")
    if isinstance(body, list) and len(body) > 1 and isinstance(body[0], dict):
        return next((found for part in body if (found := find_failure(part))), None)
    if isinstance(body, str) and not payload.binary:
        return _text_failure(payload, body, request)
    return _object_failure(body, payload.media_type, _prompt_of(request, 0) or "")


def _object_failure(body: Any, media_type: str | None, prompt: str) -> Found | None:
    """The failure in a JSON document, also in what is wrapped in it."""
    if is_texts(body) and len(body) == 1:
        return find_text_failure(body[0], media_type, prompt)
    found = find_failure(body)
    if found or not isinstance(body, dict) or body.keys().isdisjoint(_WRAPPERS):
        return found
    # Within a wrapper only an error says that it is one: a message may be the answer there.
    wrapped = [part for inner in _unwrapped(body) for part in (*objects_of(inner), inner)]
    wrapped += [object_of(part).get("body") for part in wrapped]  # batches of OpenAI's API
    erring = (p for p in map(object_of, wrapped) if p.get("error") or p.get("object") == "error")
    return next((found for part in erring if (found := find_failure(part))), None)


def _text_failure(payload: Payload, text: str, request: Request | None) -> Found | None:
    if not text.strip():
        return empty_failure() if kind_of(request) is Kind.LLM else None
    if found := find_failure(_inner_json(text)):
        return found
    if found := find_text_failure(text, payload.media_type, _prompt_of(request, 0) or ""):
        return found
    # A text that is declared as one may be JSON that the model was to write, and did not end.
    said = payload.is_declared_text and asks_for_text(request)
    return cut_off_failure() if payload.cut_off and not said else None


def _read_answer(payload: Payload, body: Any, request: Request | None) -> Response:
    if payload.binary:
        tabular = payload.media_type in TABULAR_TYPES
        return Response("predictions" if tabular else "binary", body)
    if (payload.media_type or "").startswith(_MEDIA_TYPES) and isinstance(body, str):
        return Response("media", body)  # an image may be a text, too: SVG
    if asks_for_text(request) and _is_plain(payload, body):
        # What a model was asked to say is text, also where it looks like data.
        return _first(_SPOKEN, body, request) or _plain_text(payload, body, request)
    listed = payload.documents or "candidates" in object_of(next(iter(objects_of(body)), None))
    pieces = objects_of(body) if listed else []
    if len(pieces) > 1 and (read := _read_pieces(pieces, request)):
        return read
    read = _read_body(body, request)
    if read is None and isinstance(body, str):
        return _read_text(payload, body, request)
    return read or Response("unknown", body)


def _is_plain(payload: Payload, body: Any) -> bool:
    """Whether a body is no more than a number or a list of them, or says that it is text."""
    if payload.is_declared_text and (payload.documents is None or body is payload.body):
        return True
    return isinstance(body, (bool, int, float)) or is_numbers(body)


def _plain_text(payload: Payload, body: Any, request: Request | None) -> Response:
    """The answer is the text itself, as it was captured."""
    text = body if isinstance(body, str) or payload.text is None else payload.text
    if models.is_media_text(str(text).strip()):
        return Response("media", body)
    answer = generation.text_list("plain_text", body, [str(text)], request)
    return answer or Response("unknown", body)


def _read_body(body: Any, request: Request | None, depth: int = 0) -> Response | None:
    """The first family that knows a body, or what is wrapped in it."""
    if read := _first(_TELLING, body, request):
        return read
    if depth < _DEEPEST:
        if read := _read_several(body, request, depth):
            return read
        for inner in _unwrapped(body):
            read = _read_body(inner, request, depth + 1)
            if not read or read.family in ("predictions", "usage_only"):
                continue
            if isinstance(inner, str) and _is_data_asked_for(read, body, request):
                continue
            if read.usage == Usage() and isinstance(body, dict):  # counts may stand around it
                read = replace(read, usage=usage_of(body.get("usage")))
            return replace(read, body=body)
    return _first(_VAGUE, body, request)


def _first(
    families: tuple[ResponseFamily, ...], body: Any, request: Request | None
) -> Response | None:
    found = (family.read(body, request) for family in families)
    return next((response for response in found if response is not None), None)


def _unwrapped(body: Any) -> list[Any]:
    """What stands in a JSON text, or under a name that only wraps it."""
    if isinstance(body, str):
        inner = _inner_json(body)
        return [] if inner is NOT_JSON else [inner]
    if isinstance(body, list):
        return body if len(body) == 1 else []
    values = [body[key] for key in _WRAPPERS if key in body] if isinstance(body, dict) else []
    values += [v[0] for v in values if isinstance(v, list) and len(v) == 1 and _may_wrap(v[0])]
    if not values and isinstance(body, dict) and len(body) == 1 and not find_failure(body):
        values = [object_of(v) for v in body.values()]  # by a component of a pipeline
    return [v for v in values if _may_wrap(v)]


def _may_wrap(value: Any) -> bool:
    return isinstance(value, dict) or bool(objects_of(value)) or _holds_json(value)


def _holds_json(value: Any) -> bool:
    return isinstance(value, str) and _inner_json(value) is not NOT_JSON


def _is_data_asked_for(read: Response, around: Any, request: Request | None) -> bool:
    """Whether a JSON text under a name is what a model was to write, and no answer in itself."""
    spoken = _KINDS.get(read.family) is Kind.LLM and read.family != "text_field"
    return (
        isinstance(around, dict) and "body" not in around and asks_for_text(request) and not spoken
    )


def _inner_json(text: str) -> Any:
    """The JSON object or array that a text is; some servers encode their answer twice."""
    return parse_json(text) if text.lstrip()[:1] in ("{", "[") else NOT_JSON


def _read_several(body: Any, request: Request | None, depth: int) -> Response | None:
    """Several answers in a list or on lines of their own: one for each input, or all to one."""
    parts = objects_of(body)
    if len(parts) < 2 or len(parts) != len(body):
        return None
    if not any(_read_body(part, request, depth + 1) for part in parts[:3]):
        return None  # a list may be long, and of anything
    answers = [_read_body(part, request, depth + 1) for part in parts]
    told = [answer for answer in answers if answer is not None]
    if not told or any(_KINDS.get(answer.family) is not Kind.LLM for answer in told):
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


def _read_pieces(parts: list[dict[str, Any]], request: Request | None) -> Response | None:
    """The pieces of one answer, each of the shape that a whole one of its server has.

    Several documents that answer a single request are such pieces, in the order they came; each may
    also repeat the text so far. Completions of a chat are whole, each an answer of its own.
    """
    if request is None or len(request.items) > 1:
        return None
    told = [read for part in parts if (read := _read_body(part, request))]
    reads = [read for read in told if read.family != "usage_only"]
    if not reads or any(
        _KINDS.get(r.family) is not Kind.LLM or r.family in ("openai_chat", "anthropic_messages")
        for r in reads
    ):
        return None
    choices = [read.choices[0] for read in reads if read.choices]
    texts = [c.text for c in choices if c.text]
    finishes = [c.finish_reason for c in choices]
    finishes += [text_of(parts[-1].get(key)) for key in _FINISH]
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


def _read_text(payload: Payload, text: str, request: Request | None) -> Response:
    """A text that is no JSON: rows of numbers, the answer itself, or JSON that was cut off."""
    if not text.strip() or payload.cut_off:
        return Response("unknown" if text.strip() else "empty", text)
    if asks_for_text(request) or models.is_media_text(text.strip()):
        return _plain_text(payload, text, request)
    rows = payload.media_type in TABULAR_TYPES or kind_of(request) is Kind.CLASSIFIER
    if rows and (table := models.csv_answer(text, request)):
        return table
    if not rows and request is not None and request.messages:
        return _plain_text(payload, text, request)
    numbers = rows or (is_tabular_text(text) and not payload.is_declared_text)
    return Response("predictions" if numbers else "unknown", text)


def _are_classes(texts: list[str], request: Request) -> bool:
    return not asks_for_text(request) and not any(" " in text.strip() for text in texts)


def _without_thoughts(response: Response, request: Request | None, *, cut: bool) -> Response:
    """The response with the thoughts of each answer apart from its text."""
    choices = tuple(
        separate_thoughts(c, _prompt_of(request, c.item), cut=cut and c.finish_reason is None)
        for c in response.choices
    )
    return response if choices == response.choices else replace(response, choices=choices)


def _prompt_of(request: Request | None, item: int) -> str | None:
    """The text an answer goes on from: a lone prompt, or the beginning of an assistant's turn."""
    turns = request.items[item] if request and item < len(request.items) else []
    if turns and (len(turns) == 1 or turns[-1].get("role") == "assistant"):
        return text_of(turns[-1].get("content"))
    return None


def _kind(request: Request | None, response: Response | None) -> Kind:
    answered = response is not None and response.failure is None
    if answered and response is not None and (told := _KINDS.get(response.family)):
        # What is said about a sound or a picture that came as bytes is no chat.
        heard = told is Kind.LLM and request is not None and request.family == "binary"
        return Kind.OTHER if heard else told
    kind = kind_of(request)
    if response is None or response.failure or response.family == "usage_only":
        return kind
    # The answer is of no known shape: only a request that nothing but a chat model takes decides.
    return kind if is_certain(request) and response.family != "binary" else Kind.OTHER
