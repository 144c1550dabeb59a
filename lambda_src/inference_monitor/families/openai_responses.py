"""OpenAI's Responses API, which vLLM and SGLang serve beside that for chats.

Shapes: https://platform.openai.com/docs/api-reference/responses and .../responses-streaming.
"""

from __future__ import annotations

from typing import Any

from inference_monitor.families.fields import (
    object_of,
    objects_of,
    of_type,
    requested_tool,
    system,
    text_of,
    tool_call,
    usage_of,
    user,
)
from inference_monitor.inference import Choice, Request, Response

_MARKS = ("instructions", "max_output_tokens", "previous_response_id", "reasoning")
_ITEM_DONE = "response.output_item.done"
_CALLS = ("function_call", "custom_tool_call")
_TEXT_PARTS = ("input_text", "output_text", "text")


def request_messages(body: dict[str, Any]) -> list[dict[str, Any]] | None:
    """The conversation of a request; None if it is none, for texts to embed are an `input`, too."""
    asked = body.get("input")
    items = objects_of(asked)
    talks = bool(items) and all("role" in item or "type" in item for item in items)
    if not talks and not (isinstance(asked, str) and any(mark in body for mark in _MARKS)):
        return None
    messages = system(text_of(body.get("instructions")))
    messages += [user(asked)] if isinstance(asked, str) else []
    return messages + [message for item in items if (message := _message(item))]


def openai_responses(body: Any, _request: Request | None) -> Response | None:
    """`object: response` with a list of output items: messages, reasoning, requested tools."""
    body = object_of(body)
    if body.get("object") != "response" or not isinstance(body.get("output"), list):
        return None
    output = body["output"]
    texts = _texts(of_type(output, "message"), "content")
    thoughts = _texts(of_type(output, "reasoning"), "content", "summary")
    choice = Choice(
        "".join(texts) if texts else None,
        text_of(object_of(body.get("incomplete_details")).get("reason"))
        or text_of(body.get("status")),
        reasoning="\n".join(thoughts) or None,
        tool_calls=tuple(
            tool_call(i.get("name"), i.get("arguments", i.get("input")), i.get("call_id"))
            for i in objects_of(output)
            if i.get("type") in _CALLS
        ),
    )
    usage = usage_of(body.get("usage"))
    return Response("openai_responses", body, (choice,), usage, model=text_of(body.get("model")))


def is_event(part: dict[str, Any]) -> bool:
    """Whether a document is an event of a streamed response."""
    return str(part.get("type")).startswith("response.")


def join_events(parts: list[dict[str, Any]]) -> dict[str, Any]:
    """The last event carries the whole response; where it never came, the pieces are joined."""
    whole = next((r for p in reversed(parts) if (r := object_of(p.get("response")))), {})
    if whole.get("output"):
        return whole
    done = [
        item for p in parts if p.get("type") == _ITEM_DONE and (item := object_of(p.get("item")))
    ]
    said, thought = _joined(parts, "output_text"), _joined(parts, "reasoning")
    if said is None and any(item.get("type") == "message" for item in done):
        # MLflow's agents send whole items only.
        return {**whole, "object": "response", "output": done}
    output: list[dict[str, Any]] = []
    if thought:
        output.append({"type": "reasoning", "summary": [{"type": "summary_text", "text": thought}]})
    if said is not None:
        output.append({"type": "message", "content": [{"type": "output_text", "text": said}]})
    return {**whole, "object": "response", "output": [*output, *_calls(parts)]}


def _joined(parts: list[dict[str, Any]], kind: str) -> str | None:
    """The pieces of the texts of a kind; None where there is none."""
    of_kind = [
        text
        for part in parts
        if str(part.get("type")).startswith(f"response.{kind}")
        and str(part["type"]).endswith(".delta")
        and (text := text_of(part.get("delta"))) is not None
    ]
    return "".join(of_kind) if of_kind else None


def _calls(parts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The tools asked for: each is announced by an item, its arguments come in pieces."""
    calls: dict[Any, dict[str, Any]] = {}
    for part in parts:
        item, place = object_of(part.get("item")), part.get("output_index")
        if not isinstance(place, int):
            continue
        if item.get("type") == "function_call":
            calls[place] = {**item, "pieces": calls.get(place, {}).get("pieces", [])}
        elif part.get("type") == "response.function_call_arguments.delta" and place in calls:
            calls[place]["pieces"].append(text_of(part.get("delta")) or "")
    return [
        {**call, "arguments": call.get("arguments") or "".join(call.pop("pieces"))}
        for _, call in sorted(calls.items())
    ]


def _message(item: dict[str, Any]) -> dict[str, Any] | None:
    """An item of the conversation in the OpenAI chat shape; None for what is no message."""
    call_id = item.get("call_id")
    if item.get("type") == "function_call":
        calls = [requested_tool(call_id, item.get("name"), item.get("arguments"))]
        return {"role": "assistant", "content": None, "tool_calls": calls}
    if item.get("type") == "function_call_output":
        return {"role": "tool", "tool_call_id": call_id, "content": item.get("output")}
    if "role" not in item:
        return None
    content = item.get("content")
    if isinstance(content, list):
        content = [_part(part) for part in content]
    return {"role": item["role"], "content": content}


def _part(part: Any) -> Any:
    if isinstance(part, dict) and part.get("type") in _TEXT_PARTS:
        return {"type": "text", "text": part.get("text")}
    return part


def _texts(items: list[dict[str, Any]], *keys: str) -> list[str]:
    """The texts of all parts, under the first of these keys that an item has any under."""
    parts = [part for item in items for part in _first(item, keys)]
    said = (text_of(part.get("text")) or text_of(part.get("refusal")) for part in parts)
    return [text for text in said if text]


def _first(item: dict[str, Any], keys: tuple[str, ...]) -> list[dict[str, Any]]:
    return next((parts for key in keys if (parts := objects_of(item.get(key)))), [])
