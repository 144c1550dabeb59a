"""Answers of Cohere's and AI21's models."""

from __future__ import annotations

from typing import Any

from inference_monitor.families.fields import object_of, objects_of, text_of, tool_call, usage_of
from inference_monitor.families.openai import message_choice
from inference_monitor.inference import Choice, Request, Response

_CHAT_MARKS = ("generation_id", "response_id", "chat_history", "token_count", "finish_reason")


def cohere_chat(body: Any, _request: Request | None) -> Response | None:
    """`text` with a generation id, token count and the like: Command R."""
    body = object_of(body)
    if not isinstance(body.get("text"), str) or not any(mark in body for mark in _CHAT_MARKS):
        return None
    calls = tuple(
        tool_call(c.get("name"), c.get("parameters")) for c in objects_of(body.get("tool_calls"))
    )
    # Billed units, in `meta`, are a price and not a count.
    choice = Choice(body["text"], text_of(body.get("finish_reason")), tool_calls=calls)
    return Response("cohere_chat", body, (choice,), usage_of(body.get("token_count")))


def cohere_chat_v2(body: Any, _request: Request | None) -> Response | None:
    """`message` with content parts, and `usage.tokens`: Cohere's second chat API."""
    message = object_of(object_of(body).get("message"))
    if "content" not in message and "tool_calls" not in message:
        return None
    usage = usage_of(object_of(body.get("usage")).get("tokens"))
    return Response(
        "cohere_chat_v2", body, (message_choice(message, body.get("finish_reason")),), usage
    )


def cohere_generate(body: Any, _request: Request | None) -> Response | None:
    """`generations[].text`: Command, before its chat API."""
    generations = objects_of(object_of(body).get("generations"))
    if not generations:
        return None
    choices = tuple(
        Choice(text_of(g.get("text")), text_of(g.get("finish_reason"))) for g in generations
    )
    return Response("cohere_generate", body, choices, usage_of(body.get("token_count")))


def cohere_summarize(body: Any, request: Request | None) -> Response | None:
    """`summary`, or `result` to a request for one."""
    body = object_of(body)
    asked = request is not None and request.family == "text"
    text = text_of(body.get("summary")) or (text_of(body.get("result")) if asked else None)
    if text is None:
        return None
    return Response("cohere_summarize", body, (Choice(text),), usage_of(body.get("token_count")))


def ai21_completions(body: Any, _request: Request | None) -> Response | None:
    """`completions[].data.text`: AI21's Jurassic."""
    completions = objects_of(object_of(body).get("completions"))
    if not completions:
        return None
    choices = tuple(
        Choice(
            text_of(object_of(c.get("data")).get("text")),
            text_of(object_of(c.get("finishReason")).get("reason")),
        )
        for c in completions
    )
    return Response("ai21_completions", body, choices)
