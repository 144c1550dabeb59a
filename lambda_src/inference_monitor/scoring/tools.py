"""The tools of a request, and the calls of an answer, as text."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from inference_monitor.inference import Request

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
