"""Answers under names of a container's own choice, such as `llm_response`."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from inference_monitor.families import generation, openai
from inference_monitor.families.failures import find_failure
from inference_monitor.families.fields import is_texts, object_of, text_of
from inference_monitor.families.requests import asks_for_text, prompt_of
from inference_monitor.inference import Request, Response

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
FINISH_NAMES = ("finish_reason", "stop_reason", "finishReason", "stopReason", "completionReason")
_ADDRESS = re.compile(r"\w+://\S+\Z")
_CLASS_NAMES = ("prediction", "predictions", "result", "results", "data")
_LONG_NAME = 64


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
    return next((f for k in FINISH_NAMES if (f := openai.finish_reason_of(named.get(k)))), None)


def _own_name(body: dict[str, Any], request: Request) -> str | None:
    """The text under a name like `llm_response`, or the only one that is there."""
    if find_failure(body):
        return None
    texts = {k: v[0] if is_texts(v) and len(v) == 1 else v for k, v in body.items()}
    texts = {k: v for k, v in texts.items() if isinstance(v, str) and v and len(k) < _LONG_NAME}
    prompt = prompt_of(request, 0)
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


def _are_classes(texts: list[str], request: Request) -> bool:
    return not asks_for_text(request) and not any(" " in text.strip() for text in texts)
