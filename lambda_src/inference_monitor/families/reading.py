"""Read both payloads of a capture: what was asked, then what was answered, then by what kind.

The order of reading:

1. The request decides first: a chat or a prompt is answered by text, whatever that looks like.
2. A failure is found before an answer: the error objects, pages and texts of all servers.
3. A stream is joined to the body that a plain answer would have had.
4. The families of `responses` are tried in turn.
5. Thoughts are taken out of the text.
6. The kind of model follows from the answer, or where that tells nothing, from the request.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from inference_monitor.capture.documents import begins_as_events
from inference_monitor.capture.payload import Payload
from inference_monitor.families import generation, models
from inference_monitor.families.failures import (
    cut_off_failure,
    empty_failure,
    find_failure,
)
from inference_monitor.families.fields import (
    is_numbers,
    is_tabular_text,
    is_texts,
    object_of,
    objects_of,
)
from inference_monitor.families.requests import (
    asks_for_stream,
    asks_for_text,
    is_certain,
    kind_of,
    prompt_of,
    read_request,
)
from inference_monitor.families.responses import (
    KIND_OF_FAMILY,
    SPOKEN_FAMILIES,
    WRAPPERS,
    first_answer,
    inner_json,
    read_body,
    read_pieces,
    unwrapped,
)
from inference_monitor.families.streams import (
    Joined,
    is_chat_stream,
    is_stream,
    join_documents,
)
from inference_monitor.families.table_requests import TABULAR_TYPES
from inference_monitor.families.text_failures import Found, find_text_failure
from inference_monitor.families.thoughts import separate_thoughts
from inference_monitor.inference import Kind, Request, Response

_MEDIA_TYPES = ("image/", "video/", "audio/")


@dataclass(frozen=True, slots=True)
class Reading:
    """What both payloads of a capture were read as."""

    kind: Kind
    family: str
    request: Request | None
    response: Response | None


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
    return _object_failure(body, payload.media_type, prompt_of(request, 0) or "")


def _object_failure(body: Any, media_type: str | None, prompt: str) -> Found | None:
    """The failure in a JSON document, also in what is wrapped in it."""
    if is_texts(body) and len(body) == 1:
        return find_text_failure(body[0], media_type, prompt)
    found = find_failure(body)
    if found or not isinstance(body, dict) or body.keys().isdisjoint(WRAPPERS):
        return found
    # Within a wrapper only an error says that it is one: a message may be the answer there.
    wrapped = [part for inner in unwrapped(body) for part in (*objects_of(inner), inner)]
    wrapped += [object_of(part).get("body") for part in wrapped]  # batches of OpenAI's API
    erring = (p for p in map(object_of, wrapped) if p.get("error") or p.get("object") == "error")
    return next((found for part in erring if (found := find_failure(part))), None)


def _text_failure(payload: Payload, text: str, request: Request | None) -> Found | None:
    if not text.strip():
        return empty_failure() if kind_of(request) is Kind.LLM else None
    if found := find_failure(inner_json(text)):
        return found
    if found := find_text_failure(text, payload.media_type, prompt_of(request, 0) or ""):
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
        return first_answer(SPOKEN_FAMILIES, body, request) or _plain_text(payload, body, request)
    listed = payload.documents or "candidates" in object_of(next(iter(objects_of(body)), None))
    pieces = objects_of(body) if listed else []
    if len(pieces) > 1 and (read := read_pieces(pieces, request)):
        return read
    read = read_body(body, request)
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


def _without_thoughts(response: Response, request: Request | None, *, cut: bool) -> Response:
    """The response with the thoughts of each answer apart from its text."""
    choices = tuple(
        separate_thoughts(c, prompt_of(request, c.item), cut=cut and c.finish_reason is None)
        for c in response.choices
    )
    return response if choices == response.choices else replace(response, choices=choices)


def _kind(request: Request | None, response: Response | None) -> Kind:
    answered = response is not None and response.failure is None
    if answered and response is not None and (told := KIND_OF_FAMILY.get(response.family)):
        # What is said about a sound or a picture that came as bytes is no chat.
        heard = told is Kind.LLM and request is not None and request.family == "binary"
        return Kind.OTHER if heard else told
    kind = kind_of(request)
    if response is None or response.failure or response.family == "usage_only":
        return kind
    # The answer is of no known shape: only a request that nothing but a chat model takes decides.
    return kind if is_certain(request) and response.family != "binary" else Kind.OTHER
