"""Finds out what a judge takes: from what is known of it, and from what it refuses.

No table of models can be complete: the ARN of an application inference profile says nothing, and
new models come every month. So a model is first asked as what is known of it suggests, else as most
models can be asked. A refusal that names something we have sent changes just that, for as long as
this process lives. After `MOST_REFUSALS` the model is asked in the plainest way there is.

The first call of a kind finds out while others of its kind wait, so that many calls that begin at
once do not all meet the same refusal.
"""

from __future__ import annotations

import logging
import re
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from inference_monitor.scoring.judge_output import has_thoughts, objects, stop_reason
from inference_monitor.scoring.models import ModelFacts, ModelTable, Way
from inference_monitor.scoring.requests import (
    ADDITIONAL,
    FORCED,
    TOOLS,
    WAYS,
    BuiltRequest,
    JudgeRequest,
    Terms,
    build_request,
)

logger = logging.getLogger(__name__)

MOST_REFUSALS = 3
"""Refusals that are taken from a model in a process, before it is asked in the plainest way."""

ROOM_FOR_THOUGHTS = (4096, 16_384)
"""Output tokens for the thoughts of a model that thinks; the second where the first did not do."""

LEAST_EFFORT = "low"
"""Anthropic's lowest `effort`, and Bedrock's."""

# A model that is only offered a tool may chat instead, and some that are not made for schemas take
# one and then fill the answer with blanks (vercel/ai#17881, of Claude Sonnet 4.6 in 2026).
_UNSURE: frozenset[Way] = frozenset({"json_schema", "offered_tool"})
_USUAL_WAYS: tuple[Way, ...] = ("json_schema", "forced_tool", "offered_tool", "words")
_PARAMETERS = {
    "temperature": r"temperature",
    "top_p": r"top_?p\b",
    "stop_sequences": r"stop_?sequences?",
    "effort": r"effort",
    "cache_point": r"cache_?point|cache_control|prompt caching",
    "system": r"system (?:messages?|prompts?)|\bsystem\b.*(?:not supported|not permitted)",
}
"""How refusals name what we send, besides the ways and `additional`."""

_ONLY_ONE = re.compile(r"both|only one|together")
_TOOL_CHOICE = re.compile(
    r"tool_?choice|forc(?:e|es|ed|ing)\b.*\btool|tool\b.*\bforc(?:e|ed|ing)\b"
)
_OUTPUT_CONFIG = re.compile(r"output_?config|text_?format|output_?format|response_?format")
_SCHEMA = re.compile(
    _OUTPUT_CONFIG.pattern + r"|json_?\s?schema|structured output|\bgrammar\b|\bschema\b"
)
_ANY_TOOL = re.compile(r"\btools?\b|tool_?config|tool_?use|input_?schema|function calling")
_MAX_TOKENS = re.compile(r"max(?:imum)?[_ ]?(?:new[_ ]|output[_ ])?(?:gen[_ ]len|tokens)")


@dataclass(frozen=True, slots=True, eq=False)
class Offer:
    """One attempt at a question, built for a model; others wait while one finds out."""

    built: BuiltRequest


class Negotiation:
    """What every model takes, for all threads of a process."""

    def __init__(self, models: ModelTable) -> None:
        self._models = models
        self._known: dict[str, ModelTerms] = {}
        self._lock = threading.Lock()

    def model(self, model_id: str) -> ModelTerms:
        """What one model takes, by its id or ARN."""
        with self._lock:
            if model_id not in self._known:
                facts = self._models.facts(model_id)
                self._known[model_id] = ModelTerms(model_id, facts)
            return self._known[model_id]


def first_terms(facts: ModelFacts | None) -> Terms:
    """How a model is asked at first: by what is known of it, else as most models take it."""
    if facts is None:
        return Terms(ways=_USUAL_WAYS)
    known = tuple(facts.ways or _USUAL_WAYS)
    below = WAYS[WAYS.index(known[-1]) + 1 :]
    ways = known + tuple(way for way in below if way != "any_tool")
    thinks = facts.thinks == "always"
    return Terms(
        ways=ways,
        refuses=frozenset(facts.refuses),
        default_temperature="temperature" not in facts.refuses,
        room=ROOM_FOR_THOUGHTS[0] if thinks else 0,
        effort=LEAST_EFFORT if facts.takes_effort else None,
        least_cached=facts.least_cached,
        caches_tools=facts.caches_tools,
    )


class ModelTerms:
    """What one model takes, learned from its answers and refusals. Safe to use from many threads.

    Every `offer` is ended by `accept`, `refuse` or `is_too_slow`, and by `withdraw` in any case.
    """

    def __init__(self, model_id: str, facts: ModelFacts | None) -> None:
        self._model_id = model_id
        self._terms = first_terms(facts)
        self.output_weight = facts.output_weight if facts else 1
        self._accepted: list[frozenset[str]] = []
        self._exploring: Offer | None = None
        self._refusals = 0
        self._changed = threading.Condition()

    @property
    def terms(self) -> Terms:
        """What is known by now."""
        return self._terms

    @property
    def refusals(self) -> int:
        """The refusals that were met so far."""
        return self._refusals

    def offer(self, request: JudgeRequest, deadline: float | None) -> Offer | None:
        """Build a question for the model; waits while another call finds out what it takes.

        Args:
            request: The question.
            deadline: A `time.monotonic()`; None for no end.

        Returns:
            None if the deadline came first.
        """
        with self._changed:
            while True:
                offer = Offer(build_request(request, self._terms))
                if self._is_accepted(offer):
                    return offer
                if self._exploring is None:
                    self._exploring = offer
                    return offer
                left = None if deadline is None else deadline - time.monotonic()
                if left is not None and left <= 0:
                    return None
                self._changed.wait(left)

    def withdraw(self, offer: Offer) -> None:
        """The attempt is over, whatever came of it; nothing happens where that was said before."""
        with self._changed:
            self._end(offer)

    def accept(self, offer: Offer, response: Mapping[str, Any]) -> bool:
        """The model has answered.

        Returns:
            True if the answer holds no verdict because of how the model was asked, and it is worth
            asking again in the way that is known now.
        """
        with self._changed:
            self._end(offer)
            if not self._is_accepted(offer):
                self._accepted.append(offer.built.features)
            self._learn(offer.built, response)
            lost = bool(offer.built.way) and not objects(response)
            return lost and self._is_better_now(offer.built, response)

    def refuse(self, offer: Offer, message: str) -> bool:
        """The model has refused the request as invalid.

        Args:
            offer: The attempt.
            message: Bedrock's words.

        Returns:
            Whether it is worth asking again: something that was sent is not sent any more.
        """
        with self._changed:
            self._end(offer)
            changed = changed_terms(offer.built, message)
            if changed is None:
                return False
            self._refusals += 1
            if self._terms is not offer.built.terms:
                return True  # another call has found something out meanwhile
            if self._refusals >= MOST_REFUSALS:
                changed = _plainest(changed)
            told = _difference(self._terms, changed)
            logger.info("judge %s is asked in another way: %s", self._model_id, told)
            self._terms = changed
            return True

    def was_accepted(self, offer: Offer) -> bool:
        """Whether the model has answered such a request before, so that it is not the way."""
        with self._changed:
            return self._is_accepted(offer)

    def is_too_slow(self, offer: Offer) -> None:
        """The attempt timed out; a schema that Bedrock has to compile first may take minutes."""
        with self._changed:
            self._end(offer)
            if offer.built.way == "json_schema" and not self._is_accepted(offer):
                self._terms = _without_ways(self._terms, {"json_schema"})

    def forget(self) -> None:
        """The model is out of reach: the next call is to find out alone whether it still is."""
        with self._changed:
            self._accepted.clear()

    def _end(self, offer: Offer) -> None:
        if self._exploring is offer:
            self._exploring = None
            self._changed.notify_all()

    def _is_accepted(self, offer: Offer) -> bool:
        return any(offer.built.features <= accepted for accepted in self._accepted)

    def _learn(self, built: BuiltRequest, response: Mapping[str, Any]) -> None:
        """Take in what an answer says about the model."""
        terms = self._terms
        if has_thoughts(response) and not terms.room:
            effort = terms.effort or (LEAST_EFFORT if self._refusals < MOST_REFUSALS - 1 else None)
            self._terms = replace(terms, room=ROOM_FOR_THOUGHTS[0], effort=effort)
        elif _ran_out(response) and built.terms.room == terms.room == ROOM_FOR_THOUGHTS[0]:
            self._terms = replace(terms, room=ROOM_FOR_THOUGHTS[1])
        elif built.way in _UNSURE and _did_not_work(response):
            self._terms = _without_ways(terms, {built.way})

    def _is_better_now(self, built: BuiltRequest, response: Mapping[str, Any]) -> bool:
        if _ran_out(response):
            return self._terms.room > built.terms.room
        return built.way in _UNSURE and built.way not in self._terms.ways


def changed_terms(built: BuiltRequest, message: str) -> Terms | None:
    """The terms without what a refusal names; None where it names nothing that was sent."""
    words = re.sub(r"[^\w\s.:/>-]", "", message.lower())
    terms, sent, way = built.terms, built.features, built.way
    if way in FORCED and _TOOL_CHOICE.search(words):
        return _without_ways(terms, FORCED)
    if refused := _named_parameters(sent, words):
        return replace(terms, refuses=terms.refuses | refused)
    if way == "json_schema" and _SCHEMA.search(words):
        return _without_ways(terms, {"json_schema"})
    if (limit := _lower_limit(built, words)) is not None:
        return replace(terms, most_tokens=limit)
    if way in TOOLS and _ANY_TOOL.search(words):
        return _without_ways(terms, TOOLS)
    return None


def _named_parameters(sent: frozenset[str], words: str) -> set[str]:
    """The parameters that a refusal names, of those that were sent."""
    if {"temperature", "top_p"} <= sent and _ONLY_ONE.search(words) and "top_p" in words:
        return {"temperature_with_top_p"}
    named = {p for p, pattern in _PARAMETERS.items() if p in sent and re.search(pattern, words)}
    named |= set(_named_additional(sent, words))
    if not named and "json_schema" not in sent and _OUTPUT_CONFIG.search(words):
        named = {"effort"} & sent
    return named


def _named_additional(sent: frozenset[str], words: str) -> Iterator[str]:
    for feature in sent:
        if feature.startswith(ADDITIONAL):
            key = re.escape(feature.removeprefix(ADDITIONAL).lower())
            if re.search(rf"(?<![a-z]){key}(?![a-z])", words):
                yield feature


def _lower_limit(built: BuiltRequest, words: str) -> int | None:
    """A limit of output tokens that a refusal names, below what was asked for."""
    if not _MAX_TOKENS.search(words):
        return None
    asked = built.arguments["inferenceConfig"]["maxTokens"]
    limits = [int(number) for number in re.findall(r"\b\d{2,7}\b", words.replace(",", ""))]
    below = [limit for limit in limits if limit < asked]
    # "Try again with a maximum tokens value that is lower than 2048": 2048 may be one too many.
    return max(below) - 1 if below else None


def _without_ways(terms: Terms, ways: frozenset[Way] | set[Way]) -> Terms:
    left = tuple(way for way in terms.ways if way not in ways)
    return replace(terms, ways=left or ("words",))


def _plainest(terms: Terms) -> Terms:
    """In words, with nothing that can be left out."""
    refuses = frozenset(_PARAMETERS) - {"system"} | {ADDITIONAL}
    return replace(terms, ways=("words",), refuses=terms.refuses | refuses)


def _difference(before: Terms, after: Terms) -> str:
    refused = sorted(after.refuses - before.refuses)
    changes = [f"without {name}" for name in refused]
    if after.ways != before.ways:
        changes.append(f"by {after.ways[0]}")
    if after.most_tokens != before.most_tokens:
        changes.append(f"with at most {after.most_tokens} tokens")
    return ", ".join(changes)


def _ran_out(response: Mapping[str, Any]) -> bool:
    """Whether the thoughts have used up the tokens that the verdict needs."""
    return stop_reason(response) == "max_tokens" and has_thoughts(response)


def _did_not_work(response: Mapping[str, Any]) -> bool:
    """Whether the judge said something else than it was to say, and did not decline to."""
    return stop_reason(response) in ("end_turn", "max_tokens") and not objects(response)
