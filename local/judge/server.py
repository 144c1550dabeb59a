"""The stand-in judge as a server: `POST /model/{id}/converse`, as Amazon Bedrock serves it.

Behaviour and statistics are set and read in the same process (`StandInJudge.behaviour`, `.stats`)
or from another one: `GET /_stand-in`, `PUT /_stand-in` with fields of `Behaviour`.
"""

from __future__ import annotations

import json
import random
import threading
import time
from dataclasses import asdict, replace
from typing import Any
from urllib.parse import unquote, urlsplit

from local.http_service import Handler, HttpService
from local.judge.behaviour import Behaviour, Stats
from local.judge.prompt_cache import PromptCache
from local.judge.quota import Quota
from local.judge.refusals import RefusedError, model_behind, read_request, refusal
from local.judge.reply import DEFAULT_OUTPUT, reply

__all__ = ["CONTROL", "Behaviour", "StandInJudge", "Stats"]

CONTROL = "/_stand-in"
HANG_SECONDS = 120


class StandInJudge(HttpService):
    """`url` is what AWS_ENDPOINT_URL_BEDROCK_RUNTIME takes."""

    def __init__(self, behaviour: Behaviour | None = None, seed: int = 0) -> None:
        self.handler = _Handler
        self.cache = PromptCache()
        self.behaviour = behaviour or Behaviour()
        self.stats = Stats()
        self.callers: set[int] = set()
        """The client ports of the calls in flight, which tell whose calls they are."""
        self.lock = threading.Lock()
        self.random = random.Random(seed)  # noqa: S311  # chooses whom to throttle

    @property
    def behaviour(self) -> Behaviour:
        """How it answers."""
        return self._behaviour

    @behaviour.setter
    def behaviour(self, new: Behaviour) -> None:
        self.quota = Quota(new.requests_per_minute, new.tokens_per_minute, new.burst_seconds)
        self._behaviour = new


class _Handler(Handler["StandInJudge"]):
    def serve(self) -> None:
        body = self.body()
        if self.path == CONTROL:
            self._control(json.loads(body) if self.command == "PUT" else {})
            return
        # The client quotes the model id, whose colons and slashes are no part of the path.
        parts = urlsplit(self.path).path.split("/")
        if len(parts) != 4 or (parts[1], parts[3]) != ("model", "converse"):
            error = {"x-amzn-ErrorType": "UnknownOperationException"}
            self.reply_json(404, {"message": f"no such operation: {self.path}"}, error)
            return
        model_id = unquote(parts[2])
        judge, stats = self.service, self.service.stats
        with judge.lock:
            stats.count_call(model_id)
            judge.callers.add(self.client_address[1])
        try:
            self._converse(model_id, body)
        except RefusedError as refused:
            with judge.lock:
                stats.count_refusal(model_id, refused.reason)
            error = {"x-amzn-ErrorType": refused.error}
            self.reply_json(refused.status, {"message": refused.message}, error)
        finally:
            with judge.lock:
                stats.in_flight -= 1
                judge.callers.discard(self.client_address[1])

    def _converse(self, model_id: str, body: bytes) -> None:
        behaviour, quota = self.service.behaviour, self.service.quota
        request = _parse(body)
        # Four characters a token, as a rule of thumb for English.
        sent = len(body) // 4 + 1
        reserved = sent + _most_output(request)
        if not quota.take(reserved):
            raise refusal("throttled", model_id)
        used = 0
        try:
            hangs = behaviour.of(model_id) == "hang"
            time.sleep(HANG_SECONDS if hangs else behaviour.latency)
            used = self._answer(model_id, request, behaviour, sent)
        finally:
            quota.give_back(reserved - used)

    def _answer(self, model_id: str, request: Any, behaviour: Behaviour, sent: int) -> int:
        """Answer a call that the quota has room for; the tokens of the quota that it has used.

        Raises:
            RefusedError: If it is not answered.
        """
        mode = behaviour.of(model_id)
        if not self.headers.get("Authorization", "").startswith("AWS4-HMAC-SHA256 "):
            raise refusal("unsigned", model_id)
        if mode in ("down", "hang"):
            raise refusal("down", model_id)
        if mode == "denied":
            raise refusal("denied", model_id)
        if self._chance(behaviour.throttle):
            raise refusal("throttled", model_id)
        model = model_behind(model_id, behaviour)
        answer = reply(model_id, model, read_request(model_id, model, request), behaviour)
        read, written = self.service.cache.look_up(model_id, request)
        usage = {
            "inputTokens": sent - read - written,
            "cacheReadInputTokens": read,
            "cacheWriteInputTokens": written,
        }
        with self.service.lock:
            stats = self.service.stats
            stats.answered += 1
            stats.declined += answer.declined
            stats.input_tokens += sent
            stats.output_tokens += answer.output_tokens
            stats.thought_tokens += answer.thoughts
            stats.cache_read_tokens += read
            stats.cache_write_tokens += written
        self.reply_json(200, answer.response(usage, int(behaviour.latency * 1000)))
        return sent - read + answer.output_tokens

    def _chance(self, probability: float) -> bool:
        with self.service.lock:
            return self.service.random.random() < probability

    def _control(self, changes: dict[str, Any]) -> None:
        if changes:
            self.service.behaviour = replace(self.service.behaviour, **changes)
        with self.service.lock:
            stats = asdict(self.service.stats)
        self.reply_json(200, {"behaviour": asdict(self.service.behaviour), "stats": stats})


def _most_output(request: Any) -> int:
    """The most output tokens a request asks for; the default where it does not say."""
    config = request.get("inferenceConfig") if isinstance(request, dict) else None
    asked = config.get("maxTokens") if isinstance(config, dict) else None
    return asked if isinstance(asked, int) else DEFAULT_OUTPUT


def _parse(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return None
