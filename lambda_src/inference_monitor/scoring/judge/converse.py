"""Bedrock's Converse API: build a request for a judge, and read its answer."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Self

from inference_monitor.config.models import ModelTable, Way
from inference_monitor.config.specs import InferenceParameters, bedrock_model_id
from inference_monitor.scoring.judge.output import DECLINED, stop_reason, thoughts
from inference_monitor.text import estimate_tokens


@dataclass(frozen=True, slots=True)
class Answer:
    """A Converse response, and what it used, in tokens; `attempts` counts the calls until it came.

    Thoughts are in `output_tokens`; `thought_tokens` is an estimate of their part, as far as the
    model shows them. `way` is how the verdict was asked for.
    """

    response: Mapping[str, Any]
    input_tokens: int
    output_tokens: int
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    thought_tokens: int = 0
    attempts: int = 1
    way: Way | None = None

    @classmethod
    def of(cls, response: Mapping[str, Any], attempts: int = 1, way: Way | None = None) -> Answer:
        """Read what a response says it has used; a model that says nothing has used 0."""
        usage = response.get("usage") or {}
        return cls(
            response,
            usage.get("inputTokens", 0),
            usage.get("outputTokens", 0),
            usage.get("cacheReadInputTokens", 0),
            usage.get("cacheWriteInputTokens", 0),
            estimate_tokens(thoughts(response)),
            attempts,
            way,
        )

    def after(self, earlier: Self | None) -> Self:
        """This answer with what an earlier one to the same call has used, which is paid as well."""
        if earlier is None:
            return self
        return replace(
            self,
            input_tokens=self.input_tokens + earlier.input_tokens,
            output_tokens=self.output_tokens + earlier.output_tokens,
            cache_read_tokens=self.cache_read_tokens + earlier.cache_read_tokens,
            cache_write_tokens=self.cache_write_tokens + earlier.cache_write_tokens,
            thought_tokens=self.thought_tokens + earlier.thought_tokens,
        )

    @property
    def all_input_tokens(self) -> int:
        """What was sent, whether the model had it in its cache or not."""
        return self.input_tokens + self.cache_read_tokens + self.cache_write_tokens

    def cost(self, models: ModelTable, model_id: str, *, batch: bool = False) -> float | None:
        """USD for the answer; None where the table does not know the model's price."""
        return models.cost(
            model_id,
            self.input_tokens,
            self.output_tokens,
            cache_read=self.cache_read_tokens,
            cache_write=self.cache_write_tokens,
            batch=batch,
        )

    @property
    def declined(self) -> str | None:
        """The stop reason of a judge that will not judge the content; None of any other answer."""
        reason = stop_reason(self.response)
        return reason if reason in DECLINED else None

    def quota_tokens(self, output_weight: int) -> int:
        """What the answer has taken from the quota per minute; reading from the cache is free."""
        written = self.input_tokens + self.cache_write_tokens
        return written + output_weight * self.output_tokens


WAYS: tuple[Way, ...] = ("json_schema", "forced_tool", "any_tool", "offered_tool", "words")
"""The ways to a verdict, the surest first."""

FORCED: frozenset[Way] = frozenset({"forced_tool", "any_tool"})
TOOLS: frozenset[Way] = FORCED | {"offered_tool"}

ADDITIONAL = "additional."
"""How the features of a request begin that are `inference_parameters.additional` keys."""

_THINKING_KEYS = ("thinking", "reasoning_config", "reasoningConfig")
_CALL_THE_TOOL = "Answer by calling the tool `{tool}`, once."
_WRITE_JSON = """\
Answer with one JSON object, nothing before it and nothing after it, that fits this JSON schema:
{schema}"""
# What structured output refuses in a schema ("Get validated JSON results from models" in the
# Bedrock user guide, November 2026).
_UNSUPPORTED = frozenset(
    ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minLength",
     "maxLength", "pattern", "minItems", "maxItems", "uniqueItems", "default", "examples", "title",
     "additionalProperties")
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class JudgeRequest:
    """One question to a judge, whatever way it takes to be asked.

    `model` is `bedrock:/…`. The answer is to be the input of `tool` (a Converse tool), or a text
    where that is None. `cache` says that instructions and tool are the same for many questions.
    `in_words` is for batch jobs, which refuse every other way.
    """

    model: str
    system: str
    user: str
    tool: Mapping[str, Any] | None
    parameters: InferenceParameters
    cache: bool = False
    in_words: bool = False

    @property
    def model_id(self) -> str:
        """The id or ARN that Bedrock's API takes."""
        return bedrock_model_id(self.model)

    @property
    def thinking(self) -> bool:
        """Whether `inference_parameters` switch the model's thinking on."""
        return any(
            isinstance(value := self.parameters.additional.get(key), Mapping)
            and value.get("type") in ("enabled", "adaptive")
            for key in _THINKING_KEYS
        )

    @property
    def thinking_budget(self) -> int:
        """The tokens for thoughts that `inference_parameters` name; 0 where they name none."""
        given = (self.parameters.additional.get(key) for key in _THINKING_KEYS)
        budgets = [value.get("budget_tokens") for value in given if isinstance(value, Mapping)]
        return next((budget for budget in budgets if isinstance(budget, int)), 0)


@dataclass(frozen=True, slots=True)
class Terms:
    """What a model takes, as far as it is known.

    `ways` are those left, the surest first, and never none. `refuses` names parameters that are
    not sent. `default_temperature` says whether ours is, where the user names none. `room` are
    tokens for thoughts on top of those for the verdict. `effort` is sent where the user names none.
    """

    ways: tuple[Way, ...] = WAYS
    refuses: frozenset[str] = frozenset()
    default_temperature: bool = False
    most_tokens: int | None = None
    room: int = 0
    effort: str | None = None
    least_cached: int | None = None
    caches_tools: bool = True

    def way(self, request: JudgeRequest) -> Way | None:
        """How a question is asked; None where a text is wanted."""
        if request.tool is None:
            return None
        if request.in_words:
            return "words"
        # Anthropic's models refuse a forced tool while they think.
        thinks = self.switches_thinking(request)
        return next((way for way in self.ways if not (thinks and way in FORCED)), "words")

    def switches_thinking(self, request: JudgeRequest) -> bool:
        """Whether the model is told to think, and has not refused to be."""
        refused = {ADDITIONAL, *(ADDITIONAL + key for key in _THINKING_KEYS)}
        return request.thinking and not self.refuses & refused


@dataclass(frozen=True, slots=True)
class BuiltRequest:
    """The arguments of Converse; `features` names everything in them that a model may refuse.

    `details` are the features with their values, and the keywords of a schema: a model may take a
    feature, and refuse a value of it.
    """

    arguments: dict[str, Any]
    features: frozenset[str]
    details: frozenset[str]
    way: Way | None
    terms: Terms

    @property
    def max_tokens(self) -> int:
        """The output tokens that are asked for."""
        most: int = self.arguments["inferenceConfig"]["maxTokens"]
        return most


@dataclass(slots=True)
class _Building:
    arguments: dict[str, Any]
    features: set[str] = field(default_factory=set)


def build_request(request: JudgeRequest, terms: Terms) -> BuiltRequest:
    """Put a question in the way that a model takes, with the parameters that it takes."""
    way = terms.way(request)
    building = _Building({"modelId": request.model_id})
    _add_texts(building, request, terms, way)
    _add_config(building, request, terms)
    _add_output_config(building, request, terms, way)
    if way in TOOLS and request.tool is not None:
        building.arguments["toolConfig"] = {"tools": [dict(request.tool)]} | _tool_choice(
            way, request.tool
        )
    additional = {
        key: value
        for key, value in request.parameters.additional.items()
        if not terms.refuses & {ADDITIONAL, ADDITIONAL + key}
    }
    if additional:
        building.arguments["additionalModelRequestFields"] = additional
        building.features |= {ADDITIONAL + key for key in additional}
    if way:
        building.features.add(way)
    features = frozenset(building.features)
    details = features | _values(building.arguments)
    if request.tool is not None and way not in ("words", None):
        details |= {f"schema {keyword}" for keyword in _keywords(_schema(request.tool))}
    return BuiltRequest(building.arguments, features, details, way, terms)


def _values(arguments: Mapping[str, Any]) -> frozenset[str]:
    """The values of parameters, besides the tokens that are asked for."""
    parts = ("inferenceConfig", "outputConfig", "additionalModelRequestFields")
    return frozenset(
        f"{key} = {json.dumps(value, sort_keys=True)}"
        for part in parts
        for key, value in arguments.get(part, {}).items()
        if key not in ("maxTokens", "textFormat")
    )


def _keywords(schema: Any, depth: int = 0) -> Iterator[str]:
    """The keywords of a JSON schema, and how deep its objects lie within each other."""
    for part in schema if isinstance(schema, list) else []:
        yield from _keywords(part, depth)
    for key, value in schema.items() if isinstance(schema, Mapping) else ():
        yield key
        if key in ("properties", "$defs"):
            yield f"depth {depth}"
            for inner in value.values():
                yield from _keywords(inner, depth + 1)
        elif key not in ("enum", "const", "required"):
            yield from _keywords(value, depth)


def _add_texts(building: _Building, request: JudgeRequest, terms: Terms, way: Way | None) -> None:
    system = "\n\n".join(part for part in (request.system, _instruction(way, request.tool)) if part)
    user = request.user
    if system and "system" in terms.refuses:
        system, user = "", f"{system}\n\n{user}"
    if system:
        building.features.add("system")
        building.arguments["system"] = [{"text": system}]
        if request.cache and _is_worth_caching(terms, way, system, request.tool):
            building.features.add("cache_point")
            building.arguments["system"].append({"cachePoint": {"type": "default"}})
    building.arguments["messages"] = [{"role": "user", "content": [{"text": user}]}]


def _instruction(way: Way | None, tool: Mapping[str, Any] | None) -> str:
    if way is None or tool is None:
        return ""
    if way in TOOLS:
        return _CALL_THE_TOOL.format(tool=tool["toolSpec"]["name"])
    # Also beside a schema that Bedrock enforces: a model that ignores that one is told here.
    return _WRITE_JSON.format(schema=json.dumps(_schema(tool)))


def _schema(tool: Mapping[str, Any]) -> dict[str, Any]:
    schema: dict[str, Any] = tool["toolSpec"]["inputSchema"]["json"]
    return schema


def _is_worth_caching(
    terms: Terms, way: Way | None, system: str, tool: Mapping[str, Any] | None
) -> bool:
    if terms.least_cached is None or "cache_point" in terms.refuses:
        return False
    prefix = estimate_tokens(system)
    if way in TOOLS and terms.caches_tools and tool is not None:
        prefix += estimate_tokens(json.dumps(tool))
    return prefix >= terms.least_cached


def _add_config(building: _Building, request: JudgeRequest, terms: Terms) -> None:
    parameters, features = request.parameters, building.features
    thinks = terms.switches_thinking(request)
    most = parameters.max_tokens + max(terms.room, request.thinking_budget if thinks else 0)
    if terms.most_tokens is not None:
        most = min(most, terms.most_tokens)
    config: dict[str, Any] = {"maxTokens": most}
    # Some models refuse both; who sets only top_p has not asked for our default of the other.
    asked = "temperature" in parameters.model_fields_set
    ours = terms.default_temperature and parameters.top_p is None and not thinks
    wanted = parameters.temperature is not None and (asked or ours)
    if wanted and "temperature" not in terms.refuses:
        config["temperature"] = parameters.temperature
        features.add("temperature")
    together = "temperature" in config and "temperature_with_top_p" in terms.refuses
    if parameters.top_p is not None and "top_p" not in terms.refuses and not together:
        config["topP"] = parameters.top_p
        features.add("top_p")
    if parameters.stop_sequences and "stop_sequences" not in terms.refuses:
        config["stopSequences"] = parameters.stop_sequences
        features.add("stop_sequences")
    building.arguments["inferenceConfig"] = config


def _add_output_config(
    building: _Building, request: JudgeRequest, terms: Terms, way: Way | None
) -> None:
    config: dict[str, Any] = {}
    effort = request.parameters.effort or (terms.effort if terms.room else None)
    if effort and "effort" not in terms.refuses:
        config["effort"] = effort
        building.features.add("effort")
    if way == "json_schema" and request.tool is not None:
        schema = {"name": request.tool["toolSpec"]["name"],
                  "schema": json.dumps(closed_schema(_schema(request.tool)))}  # fmt: skip
        config["textFormat"] = {"type": "json_schema", "structure": {"jsonSchema": schema}}
    if config:
        building.arguments["outputConfig"] = config


def _tool_choice(way: Way, tool: Mapping[str, Any]) -> dict[str, Any]:
    match way:
        case "forced_tool":
            return {"toolChoice": {"tool": {"name": tool["toolSpec"]["name"]}}}
        case "any_tool":
            return {"toolChoice": {"any": {}}}
    return {}  # `auto` is the default, and some models refuse even to be told so


def closed_schema(schema: Any) -> Any:
    """A JSON schema within what structured output takes: objects are closed, limits left out.

    The limits stay in the instructions, and are checked when the verdict is read.
    """
    if isinstance(schema, list):
        return [closed_schema(part) for part in schema]
    if not isinstance(schema, Mapping):
        return schema
    closed: dict[str, Any] = {}
    for key, value in schema.items():
        if key in ("properties", "$defs"):
            closed[key] = {name: closed_schema(part) for name, part in value.items()}
        elif key not in _UNSUPPORTED:
            closed[key] = value if key in ("enum", "const") else closed_schema(value)
    if closed.get("type") == "object" or "properties" in closed:
        closed["additionalProperties"] = False
    return closed
