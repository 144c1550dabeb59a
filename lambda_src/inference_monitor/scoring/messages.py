"""The messages and tool calls of a conversation as text, without the thoughts of the model."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from inference_monitor.families.fields import object_of, objects_of, text_of
from inference_monitor.families.openai import thought_of
from inference_monitor.families.thoughts import separate_thoughts
from inference_monitor.inference import Choice, Request
from inference_monitor.scoring.delimiters import escape_turns, turn

# Where requests name their tools beside `tools`: OpenAI's older API, and servers that take the
# tools among the parameters.
_KEYS = ("tools", "functions")
# OpenAI, Anthropic, Bedrock's Converse, Cohere's first chat API.
_SCHEMAS = ("parameters", "input_schema", "inputSchema", "parameter_definitions")
_SHORT_DESCRIPTION = 200


def tool_call_text(name: Any, arguments: Any) -> str:
    """A call as the judge is shown it."""
    shown = arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False)
    return f"[calls the tool {name} with {shown}]"


def requested_tools(request: Request) -> list[dict[str, Any]]:
    """The tools that a request offers, each as `{"name", "description", "parameters"}`."""
    parameters = request.parameters or {}
    found = next((v for k in _KEYS if isinstance(v := parameters.get(k), list)), [])
    offered = request.tools or [tool for tool in found if isinstance(tool, dict)]
    return [_described(tool) for tool in offered]


def catalogue(tools: Iterable[Mapping[str, Any]]) -> str:
    """One JSON object a line: what a tool's description says cannot look like another tool."""
    return "\n".join(json.dumps(tool, ensure_ascii=False, separators=(",", ":")) for tool in tools)


def shorter_catalogue(tools: Sequence[Mapping[str, Any]], called: Collection[str]) -> str:
    """The same with all of the tools that were called, and only name and purpose of the others.

    The called ones come first, where they stay when even this is too long.
    """
    used = [tool for tool in tools if tool.get("name") in called]
    return catalogue(used + [_short(tool) for tool in tools if tool.get("name") not in called])


def _described(tool: dict[str, Any]) -> dict[str, Any]:
    for wrapper in ("function", "toolSpec"):
        if isinstance(tool.get(wrapper), dict):
            tool = tool[wrapper]
    schema = next((tool[key] for key in _SCHEMAS if tool.get(key)), None)
    # A tool that the server brings itself, such as a web search, has a type and maybe a name.
    told = {
        "name": tool.get("name") or tool.get("type"),
        "description": tool.get("description"),
        "parameters": schema,
    }
    return {key: value for key, value in told.items() if value}


def _short(tool: Mapping[str, Any]) -> dict[str, Any]:
    description = tool.get("description")
    said = {"description": description[:_SHORT_DESCRIPTION]} if isinstance(description, str) else {}
    return {"name": tool.get("name"), **said}


_MODEL_ROLES = ("assistant", "model")


def conversation(messages: Sequence[dict[str, Any]]) -> str:
    """A conversation, escaped: one message as its text, several each in a `<message role="…">`."""
    if (only := only_text(messages)) is not None:
        return escape_turns(only)
    return "\n".join(_turn(message) for message in messages)


def only_text(messages: Sequence[dict[str, Any]]) -> str | None:
    """The text of the only message; None where there are several, or it asks for tools."""
    if len(messages) != 1 or messages[0].get("tool_calls"):
        return None
    return message_text(messages[0])


def message_text(message: dict[str, Any]) -> str:
    """What a message says; what an assistant thought is left out."""
    return _said(message).text or ""


def _said(message: dict[str, Any]) -> Choice:
    said = Choice(content_text(message.get("content")))
    return separate_thoughts(said) if message.get("role") in _MODEL_ROLES else said


def content_text(content: Any) -> str:
    """The text of a content; parts that are no text (images, audio) become a short note."""
    if content is None:
        return ""
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        return "\n".join(_part(part) for part in content if thought_of(part) is None)
    return json.dumps(content, ensure_ascii=False)


def _turn(message: dict[str, Any]) -> str:
    said = _said(message)
    calls = [tool_call_text(call.name, call.arguments) for call in said.tool_calls]
    calls += [tool_call_text(f.get("name"), f.get("arguments")) for f in _functions(message)]
    shown = [said.text, *calls] if said.text else calls
    return turn(str(message.get("role") or ""), "\n".join(shown))


def _functions(message: dict[str, Any]) -> list[dict[str, Any]]:
    """The functions that a message calls; OpenAI's older API has one, in `function_call`."""
    calls = message.get("tool_calls")
    called = [call.get("function") for call in objects_of(calls)]
    return objects_of([*called, message.get("function_call")])


def document_text(part: Any) -> str | None:
    """The text of a part that is a document; None for other parts, and for files.

    Anthropic's `document` with a source of text or of content and its `search_result`, Cohere's
    `document` with its data.
    """
    if not isinstance(part, dict) or part.get("type") not in ("document", "search_result"):
        return None
    source, own = object_of(part.get("source")), object_of(part.get("document"))
    if source.get("type") == "base64":
        return None
    told = (source.get("data"), source.get("content"), part.get("content"), own.get("data"))
    text = next((content_text(value) for value in told if value), "")
    return "\n".join(filter(None, (text_of(part.get("title")), text))) or None


def _part(part: Any) -> str:
    if isinstance(part, str):
        return part
    if not isinstance(part, dict):
        return "[part of unknown type]"
    if (document := document_text(part)) is not None:
        return document
    for key in ("text", "input_text", "output_text", "refusal"):
        if isinstance(part.get(key), str):
            return str(part[key])
    kind = re.sub(r"[^\w-]", "", str(part.get("type") or ""))[:40] or "part of unknown type"
    return f"[{kind.removesuffix('_url')}]"
