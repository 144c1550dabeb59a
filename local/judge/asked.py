"""What a Converse request asks of a model, as far as models differ in it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, Self

Feature = Literal[
    "temperature",
    "top_p",
    "top_k",
    "temperature_with_top_p",
    "forced_tool",
    "forced_tool_while_thinking",
    "tool_choice_tool",
    "tool_choice_any",
    "tools",
    "strict_tool",
    "json_schema",
    "effort",
    "thinking_disabled",
    "thinking_enabled",
    "stop_sequences",
    "system",
]
_OFF = ("disabled", "between_tools")


@dataclass(frozen=True, slots=True)
class Asked:
    """One request.

    `tool` is the specification of the tool that is forced or, if none is, offered first. `schema`
    is the JSON schema that the answer is made to fit, `told_schema` one that stands in the text.
    `thinking` is the type that the request names; `thinks` whether the model will think.
    """

    config: dict[str, Any]
    additional: dict[str, Any]
    system: str
    said: str
    tool: dict[str, Any] | None
    tool_choice: Literal["auto", "any", "tool"] | None
    schema: dict[str, Any] | None
    told_schema: dict[str, Any] | None
    effort: str | None
    thinking: str | None
    thinks: bool

    @classmethod
    def of(cls, request: dict[str, Any], thinks: str | None) -> Self:
        """Read a request whose shape is right, for a model that thinks so."""
        additional = request.get("additionalModelRequestFields") or {}
        system = "\n".join(b["text"] for b in request.get("system") or () if "text" in b)
        said = said_by_user(request)
        thinking = _thinking(additional)
        asked_to = thinking is not None and thinking not in _OFF
        return cls(
            config=request.get("inferenceConfig") or {},
            additional=additional,
            system=system,
            said=said,
            tool=_tool(request),
            tool_choice=_tool_choice(request),
            schema=_schema(request),
            told_schema=_told_schema(system.split("\n")[::-1]) or _told_schema(said.split("\n")),
            effort=_effort(request, additional),
            thinking=thinking,
            thinks=thinks == "always"
            or (thinks == "by_default" and thinking not in _OFF)
            or (thinks == "when_asked" and asked_to),
        )

    @property
    def features(self) -> set[Feature]:
        """What of this request some models refuse."""
        return set(self._features())

    def _features(self) -> Iterator[Feature]:
        temperature = "temperature" in self.config
        top_p = "topP" in self.config or "top_p" in self.additional
        forced = self.tool_choice in ("any", "tool")
        has: dict[Feature, bool] = {
            "temperature": temperature,
            "top_p": top_p,
            "top_k": "top_k" in self.additional,
            "temperature_with_top_p": temperature and top_p,
            "forced_tool": forced,
            "forced_tool_while_thinking": forced and self.thinks,
            "tool_choice_tool": self.tool_choice == "tool",
            "tool_choice_any": self.tool_choice == "any",
            "tools": self.tool is not None,
            "strict_tool": self.tool is not None and bool(self.tool.get("strict")),
            "json_schema": self.schema is not None,
            "effort": self.effort is not None and "reasoning_effort" not in self.additional,
            "thinking_disabled": self.thinking == "disabled",
            "thinking_enabled": self.thinking == "enabled",
            "stop_sequences": bool(self.config.get("stopSequences")),
            "system": bool(self.system),
        }
        yield from (name for name, there in has.items() if there)


def said_by_user(request: dict[str, Any]) -> str:
    """The texts of the messages."""
    blocks = [block for message in request["messages"] for block in message["content"]]
    return "\n".join(block["text"] for block in blocks if "text" in block)


def _tool_choice(request: dict[str, Any]) -> Literal["auto", "any", "tool"] | None:
    config = request.get("toolConfig") or {}
    if not config.get("tools"):
        return None
    choice = config.get("toolChoice") or {}
    return "tool" if "tool" in choice else "any" if "any" in choice else "auto"


def _tool(request: dict[str, Any]) -> dict[str, Any] | None:
    config = request.get("toolConfig") or {}
    specs: list[dict[str, Any]] = [
        tool["toolSpec"] for tool in config.get("tools", []) if "toolSpec" in tool
    ]
    choice = config.get("toolChoice") or {}
    if "tool" in choice:
        return next(spec for spec in specs if spec["name"] == choice["tool"]["name"])
    return specs[0] if specs else None


def _schema(request: dict[str, Any]) -> dict[str, Any] | None:
    output = ((request.get("outputConfig") or {}).get("textFormat") or {}).get("structure") or {}
    text = (output.get("jsonSchema") or {}).get("schema")
    # What is no JSON has been refused by then, see `schema_rules`.
    return _object(text) if text else None


def _told_schema(lines: list[str]) -> dict[str, Any] | None:
    """The first line that is a JSON schema of an object.

    Instructions end with it. Where they stand in the message, what is judged comes after them.
    """
    for line in lines:
        schema = _object(line)
        if schema and schema.get("type") == "object" and "properties" in schema:
            return schema
    return None


def _object(text: str) -> dict[str, Any] | None:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _effort(request: dict[str, Any], additional: dict[str, Any]) -> str | None:
    effort = (
        (request.get("outputConfig") or {}).get("effort")
        or (additional.get("output_config") or {}).get("effort")
        or additional.get("reasoning_effort")
    )
    return str(effort) if effort else None


def _thinking(additional: dict[str, Any]) -> str | None:
    told = additional.get("thinking") or additional.get("reasoningConfig") or {}
    kind = told.get("type") if isinstance(told, dict) else None
    return str(kind) if kind else None
