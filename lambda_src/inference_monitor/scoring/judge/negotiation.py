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
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from inference_monitor.config.models import ModelFacts, ModelTable, Way
from inference_monitor.scoring.judge.converse import (
    ADDITIONAL,
    WAYS,
    BuiltRequest,
    JudgeRequest,
    Terms,
    build_request,
)
from inference_monitor.scoring.judge.output import has_thoughts, objects, stop_reason
from inference_monitor.scoring.judge.refusal_words import PARAMETERS, changed_terms, without_ways

logger = logging.getLogger(__name__)

MOST_REFUSALS = 3
"""Refusals that are taken from a model in a process, before it is asked in the plainest way."""

ROOM_FOR_THOUGHTS = (4096, 16_384)
"""Output tokens for the thoughts of a model that thinks; the second where the first did not do."""

LEAST_LIMIT = 2048
"""Output tokens that every model on Bedrock can be asked for: the limit of Llama 3."""

LEAST_EFFORT = "low"
"""Anthropic's lowest `effort`, and Bedrock's."""

# A model that is only offered a tool may chat instead, and some that are not made for schemas take
# one and then fill the answer with blanks (vercel/ai#17881, of Claude Sonnet 4.6 in 2026).
_UNSURE: frozenset[Way] = frozenset({"json_schema", "offered_tool"})
_USUAL_WAYS: tuple[Way, ...] = ("json_schema", "forced_tool", "offered_tool", "words")


@dataclass(frozen=True, slots=True, eq=False)
class Offer:
    """One attempt at a question, built for a model; others wait while one finds out."""

    built: BuiltRequest


@dataclass(frozen=True, slots=True)
class _Accepted:
    """The features of requests that a model has answered, and the most tokens they asked for."""

    features: frozenset[str]
    max_tokens: int


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
        self._accepted: dict[frozenset[str], _Accepted] = {}
        self._limit_is_assumed = False
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
            self._note_accepted(offer.built)
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
                changed = self._terms  # another call has found something out meanwhile
            if self._refusals >= MOST_REFUSALS:
                changed = self._plainest(changed)
            if told := _difference(self._terms, changed):
                logger.info("judge %s is asked in another way: %s", self._model_id, told)
            self._terms = changed
            return True

    def has_answered(self, request: JudgeRequest) -> bool:
        """Whether the model has answered a question as it would be asked this one now."""
        with self._changed:
            return self._is_accepted(Offer(build_request(request, self._terms)))

    def was_accepted(self, offer: Offer) -> bool:
        """Whether the model has answered such a request before, so that it is not the way."""
        with self._changed:
            features = offer.built.features
            return any(features <= one.features for one in self._accepted.values())

    def is_too_slow(self, offer: Offer) -> None:
        """The attempt timed out; a schema that Bedrock has to compile first may take minutes."""
        with self._changed:
            self._end(offer)
            if offer.built.way == "json_schema" and not self._is_accepted(offer):
                self._terms = without_ways(self._terms, {"json_schema"})

    def forget(self) -> None:
        """The model is out of reach: the next call is to find out alone whether it still is."""
        with self._changed:
            self._accepted.clear()

    def _end(self, offer: Offer) -> None:
        if self._exploring is offer:
            self._exploring = None
            self._changed.notify_all()

    def _is_accepted(self, offer: Offer) -> bool:
        """Whether nothing in a request is new to the model, not even a value."""
        built = offer.built
        return any(
            built.details <= details and built.max_tokens <= one.max_tokens
            for details, one in self._accepted.items()
        )

    def _note_accepted(self, built: BuiltRequest) -> None:
        before = self._accepted.get(built.details)
        most = max(built.max_tokens, before.max_tokens if before else 0)
        self._accepted[built.details] = _Accepted(built.features, most)

    def _plainest(self, terms: Terms) -> Terms:
        """In words, with nothing that can be left out.

        A system prompt goes before the question, and no more tokens are asked for than every model
        has, where the model has not taken the one or more of the others yet.
        """
        refuses = terms.refuses | PARAMETERS | {ADDITIONAL}
        if "system" not in terms.refuses:
            took_system = any("system" in one.features for one in self._accepted.values())
            refuses -= {"system"} if took_system else set()
        most_taken = max((one.max_tokens for one in self._accepted.values()), default=0)
        self._limit_is_assumed = terms.most_tokens is None and most_taken <= LEAST_LIMIT
        most = LEAST_LIMIT if self._limit_is_assumed else terms.most_tokens
        return replace(terms, ways=("words",), refuses=refuses, most_tokens=most)

    def _learn(self, built: BuiltRequest, response: Mapping[str, Any]) -> None:
        """Take in what an answer says about the model."""
        if self._limit_is_assumed and stop_reason(response) == "max_tokens":
            self._limit_is_assumed = False
            self._terms = replace(self._terms, most_tokens=None)
        terms = self._terms
        if has_thoughts(response) and not terms.room:
            effort = terms.effort or (LEAST_EFFORT if self._refusals < MOST_REFUSALS - 1 else None)
            self._terms = replace(terms, room=ROOM_FOR_THOUGHTS[0], effort=effort)
        elif _ran_out(response) and built.terms.room == terms.room == ROOM_FOR_THOUGHTS[0]:
            self._terms = replace(terms, room=ROOM_FOR_THOUGHTS[1])
        elif built.way in _UNSURE and _did_not_work(response):
            self._terms = without_ways(terms, {built.way})

    def _is_better_now(self, built: BuiltRequest, response: Mapping[str, Any]) -> bool:
        if stop_reason(response) == "max_tokens" and built.terms.most_tokens is not None:
            return self._terms.most_tokens is None
        if _ran_out(response):
            return self._terms.room > built.terms.room
        return built.way in _UNSURE and built.way not in self._terms.ways


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
