"""Answers of Cohere's and AI21's models.

Shapes: https://docs.cohere.com/reference/chat and .../chat-stream (v1 and v2), of which
cohere-python's `sagemaker_client.py` sends both to an endpoint; AI21's notebooks for SageMaker.
"""

from __future__ import annotations

from typing import Any

from inference_monitor.families.fields import (
    count_of,
    is_texts,
    object_of,
    objects_of,
    requested_tool,
    text_of,
    tool_call,
    usage_of,
)
from inference_monitor.families.openai import finish_reason_of, message_choice
from inference_monitor.inference import Choice, Request, Response

_SUGGESTED = ("suggestions", "improvements", "corrections")
_V2_EVENTS = ("message-", "content-", "tool-plan-", "tool-call-", "citation-")
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


def is_event(part: dict[str, Any]) -> bool:
    """Whether a document is an event of the first chat API."""
    return "event_type" in part or "is_finished" in part


def join_events(parts: list[dict[str, Any]]) -> dict[str, Any]:
    """The last event carries the whole response, else the pieces are joined."""
    whole = next((r for p in reversed(parts) if (r := object_of(p.get("response")))), {})
    finish = next((f for p in reversed(parts) if (f := p.get("finish_reason"))), None)
    spoken = "".join(text_of(p.get("text")) or "" for p in parts)
    return {"finish_reason": finish, "text": spoken, **whole}


def is_event_v2(part: dict[str, Any]) -> bool:
    """Whether a document is an event of the second chat API."""
    return str(part.get("type")).startswith(_V2_EVENTS)


def join_events_v2(parts: list[dict[str, Any]]) -> dict[str, Any]:
    """The message that the events tell of: contents and tool calls by their index."""
    contents: dict[int, dict[str, Any]] = {}
    calls: dict[int, dict[str, Any]] = {}
    end: dict[str, Any] = {}
    plan = ""
    for part in parts:
        delta = object_of(part.get("delta"))
        told, index = object_of(delta.get("message")), count_of(part.get("index")) or 0
        content = object_of(told.get("content"))
        plan += text_of(told.get("tool_plan")) or ""
        for key in ("text", "thinking"):
            if isinstance(content.get(key), str):
                contents.setdefault(index, {}).setdefault(key, []).append(content[key])
        if call := object_of(told.get("tool_calls")):
            function = object_of(call.get("function"))
            known = calls.setdefault(index, {"name": None, "pieces": []})
            known |= {"id": call.get("id") or known.get("id")}
            known["name"] = known["name"] or function.get("name")
            known["pieces"].append(text_of(function.get("arguments")) or "")
        if part.get("type") == "message-end":
            end = delta
    parts_of_content = [
        {"type": key, key: "".join(pieces)}
        for i in sorted(contents)
        for key, pieces in contents[i].items()
        if any(pieces)
    ]
    tool_calls = [
        requested_tool(c.get("id"), c["name"], "".join(c["pieces"]))
        for _, c in sorted(calls.items())
    ]
    message = {"content": parts_of_content, "tool_plan": plan, "tool_calls": tool_calls}
    return {"message": message, **end}


def cohere_generate(body: Any, _request: Request | None) -> Response | None:
    """`generations[].text`: Command, before its chat API."""
    rows = object_of(body).get("generations")
    rows = rows[0] if isinstance(rows, list) and len(rows) == 1 and objects_of(rows[0]) else rows
    generations = objects_of(rows)
    if not generations:
        return None
    choices = tuple(
        Choice(text_of(g.get("text")), text_of(g.get("finish_reason"))) for g in generations
    )
    counts = object_of(body.get("llm_output")).get("token_usage")  # LangChain's result of an LLM
    return Response("cohere_generate", body, choices, usage_of(body.get("token_count") or counts))


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
            text_of(object_of(c.get("data")).get("text", c.get("completion"))),
            finish_reason_of(c.get("finishReason", c.get("finish_reason"))),
        )
        for c in completions
    )
    return Response("ai21_completions", body, choices)


def ai21_tasks(body: Any, _request: Request | None) -> Response | None:
    """What AI21's task APIs offer: ways to paraphrase, to improve or to correct a text."""
    body = object_of(body)
    key = next((key for key in _SUGGESTED if objects_of(body.get(key))), None)
    if key is None:
        return None
    texts: list[str] = []
    for offer in objects_of(body[key]):
        offered = offer.get("text", offer.get("suggestion", offer.get("suggestions")))
        texts += [offered] if isinstance(offered, str) else offered if is_texts(offered) else []
    return Response("ai21_tasks", body, tuple(Choice(t) for t in texts)) if texts else None
