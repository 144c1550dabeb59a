"""What the words of a refusal name, of the things that a request had.

A refusal may also name what was not refused: other parameters that the model does take, another way
to ask, the condition under which something is refused, the model itself, values of the request. So
it is read without these, and what stands before a condition goes first. The words are those of
users' reports, with their sources in `tests/unit/refusal_words.py`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from inference_monitor.config.models import Way, without_geography
from inference_monitor.scoring.judge.converse import ADDITIONAL, FORCED, TOOLS, BuiltRequest, Terms

_PARAMETERS = {
    "temperature": r"\btemperature",
    "top_p": r"\btop_? ?p\b|/p:",  # Cohere's own name is `p`
    "stop_sequences": r"\bstop_? ?sequences?\b",
    "effort": r"(?<!best )(?<!best-)(?:\b|_)effort\b",
    "cache_point": r"cache_? ?points?\b|cache_? ?control|prompt caching",
    "system": r"\bsystem[ _](?:messages?|prompts?|roles?|instructions?|fields?)\b"
    r"|(?:key|parameter|field) system\b|/system\b|\bsystem: ",
}
"""How refusals name what we send, besides the ways and `additional`."""

PARAMETERS = frozenset(_PARAMETERS)

_ONLY_ONE = re.compile(r"both|only one|together")
_TOOL_CHOICE = re.compile(
    r"tool_? ?choice|forc(?:e|es|ed|ing)\b.*\btool|tool\b.*\bforc(?:e|ed|ing)\b"
)
_OUTPUT_CONFIG = re.compile(r"output_?config|text_?format|output_?format|response_?format")
_ALL_OF_OUTPUT_CONFIG = re.compile(r"\boutput_?config(?![./]?\w)")
_SCHEMA = re.compile(
    _OUTPUT_CONFIG.pattern
    + r"|json_?\s?schema|structured[ _]outputs?|\bgrammar\b|(?<!against )\bschema\b"
)
_ANY_TOOL = re.compile(
    r"\btools?[./]\w|\btool[ _-]?(?:config|use|uses|spec|calls?|calling)\b|input_?schema"
    r"|function[ _-]?call|(?:support|allow|permit|accept|key|field|parameter)\w*:? tools\b"
    r"|\btools\b.{0,30}(?:support|allow|permit|accept)"
)
_MAX_TOKENS = re.compile(r"max(?:imum)?[_ ]?(?:new[_ ]|output[_ ])?(?:gen[_ ]len|tokens)")
_OUTPUT_TOKENS = re.compile(r"maximum .{0,30}output tokens")

_VALUE = re.compile(r"\bvalue '.*?' at '", re.DOTALL)
_ADDRESS = re.compile(r"https?://\S+|\barn:[\w-]+:\S+")
_OTHER_NAMES = re.compile(
    r"(?:expected|must be|should be) one of.*"
    r"|(?:supported|valid|allowed|permitted) (?:values|parameters|fields|keys)\b.*"
)
_ADVICE = re.compile(
    r"(?:please|instead|for (?:more|further)|to \w+ this)\b|(?:use|try|remove|refer|see|learn|check"
    r"|consult|set|specify|choose|switch|upgrade|simplify|reduce|retry|update|contact)\s"
)
_SENTENCE = re.compile(r"(?<=[.!?])\s+")
_CONDITION_FIRST = re.compile(r"(?:^|(?<=: ))(?:when|while|if|as|since|because)\b[^,.]*,")
_CONDITION = re.compile(r"\b(?:when|while|if|unless|because|since|as long as)\b")
_PARTS_OF_A_KEY = re.compile(r"[A-Z]?[a-z0-9]+|[A-Z]+")


def changed_terms(built: BuiltRequest, message: str) -> Terms | None:
    """The terms without what a refusal names; None where it names nothing that was sent."""
    words = _without_advice(_plain(message, built.arguments["modelId"]))
    terms, way = built.terms, built.way
    if way in FORCED and _TOOL_CHOICE.search(words):
        return without_ways(terms, FORCED)
    # Thoughts may be at odds with a temperature, which is what is refused then.
    unconditioned = _CONDITION.split(_CONDITION_FIRST.sub("", words), maxsplit=1)[0]
    for part in (unconditioned, words):
        if changed := _changed(built, part):
            return changed
    return None


def without_ways(terms: Terms, ways: frozenset[Way] | set[Way]) -> Terms:
    """The terms with the ways to a verdict that are left; words always are."""
    left = tuple(way for way in terms.ways if way not in ways)
    return replace(terms, ways=left or ("words",))


def _changed(built: BuiltRequest, words: str) -> Terms | None:
    terms, way = built.terms, built.way
    refused = _named_parameters(built, words)
    if way == "json_schema" and _ALL_OF_OUTPUT_CONFIG.search(words):
        refused |= {"effort"} & built.features
        return replace(
            without_ways(terms, {"json_schema"}), refuses=terms.refuses | frozenset(refused)
        )
    if refused:
        return replace(terms, refuses=terms.refuses | refused)
    if way == "json_schema" and _SCHEMA.search(words):
        return without_ways(terms, {"json_schema"})
    if (limit := _lower_limit(built, words)) is not None:
        return replace(terms, most_tokens=limit)
    if way in TOOLS and _ANY_TOOL.search(words):
        return without_ways(terms, TOOLS)
    return None


def _plain(message: str, model_id: str) -> str:
    """A message in small letters, without quotes, values, addresses, and the model's own name."""
    words = _ADDRESS.sub("", _VALUE.sub("value at '", message.lower()))
    for name in (model_id, without_geography(model_id)):
        words = words.replace(name.lower(), "")
    words = re.sub(r"[^\w\s.:/>,-]", "", words)
    return _SENTENCE.sub("\n", words.strip())


def _without_advice(words: str) -> str:
    """What is said, without what is recommended and without the names that are accepted."""
    sentences = [_OTHER_NAMES.sub("", one) for one in words.splitlines()]
    said = [one for one in sentences if not _ADVICE.match(one)]
    return "\n".join(said or sentences)


def _named_parameters(built: BuiltRequest, words: str) -> set[str]:
    """The parameters that a refusal names, of those that were sent."""
    sent = built.features
    both = {"temperature", "top_p"} <= sent and re.search(_PARAMETERS["top_p"], words)
    if both and _ONLY_ONE.search(words):
        return {"temperature_with_top_p"}
    named: set[str] = set()
    for feature, names in _additional_names(built.arguments):
        if names.search(words):
            named.add(feature)
            words = names.sub("", words)
    named |= {p for p, pattern in _PARAMETERS.items() if p in sent and re.search(pattern, words)}
    if "cache_point" in named:
        named.discard("system")  # the place where it stands
    if not named and "json_schema" not in sent and _OUTPUT_CONFIG.search(words):
        named = {"effort"} & sent
    return named


def _additional_names(arguments: dict[str, Any]) -> Iterator[tuple[str, re.Pattern[str]]]:
    """The keys of `additional` that were sent, and how a refusal may spell them or what is in them.

    A key within a key counts only if it has several parts: `budget_tokens`, but not `type`.
    """
    for key, value in arguments.get("additionalModelRequestFields", {}).items():
        inner = [_PARTS_OF_A_KEY.findall(name) for name in _keys(value)]
        spelled = [_PARTS_OF_A_KEY.findall(key), *(parts for parts in inner if len(parts) > 1)]
        names = "|".join(r"[\s_-]?".join(map(str.lower, parts)) for parts in spelled if parts)
        if names:
            yield ADDITIONAL + key, re.compile(rf"(?<![a-z0-9])(?:{names})(?![a-z0-9])")


def _keys(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield str(key)
            yield from _keys(inner)


def _lower_limit(built: BuiltRequest, words: str) -> int | None:
    """A limit of output tokens that a refusal names, below what was asked for."""
    if not (_MAX_TOKENS.search(words) or _OUTPUT_TOKENS.search(words)):
        return None
    asked = built.arguments["inferenceConfig"]["maxTokens"]
    limits = [int(number) for number in re.findall(r"(?<![\w.-])\d{2,7}\b", words.replace(",", ""))]
    below = [limit for limit in limits if limit < asked]
    # "Try again with a maximum tokens value that is lower than 2048": 2048 may be one too many.
    return max(below) - 1 if below else None
