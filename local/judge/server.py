"""The stand-in judge as a server: `POST /model/{id}/converse`, as Amazon Bedrock serves it.

Behaviour and statistics are set and read in the same process (`StandInJudge.behaviour`, `.stats`)
or from another one: `GET /_stand-in`, `PUT /_stand-in` with fields of `Behaviour`.
"""

from __future__ import annotations

import json
import random
import threading
import time
import uuid
from dataclasses import asdict, replace
from typing import Any
from urllib.parse import unquote, urlsplit

from local.http_service import Handler, HttpService
from local.judge.answer import SAYS, fill_in
from local.judge.behaviour import Behaviour, Stats
from local.judge.converse import first_problem, forced_tool, said_by_user
from local.judge.opinion import Material
from local.judge.prompt_cache import PromptCache
from local.judge.quota import Quota

__all__ = ["CONTROL", "Behaviour", "StandInJudge", "Stats"]

CONTROL = "/_stand-in"
HANG_SECONDS = 120
_DEFAULT_OUTPUT = 4096
# Bedrock's statuses and messages; the error name goes into a header.
_THROTTLED = (429, "ThrottlingException", "Too many requests, please wait before trying again.")
_DOWN = (503, "ServiceUnavailableException", "Bedrock is unable to process your request.")
_UNSIGNED = (403, "MissingAuthenticationTokenException", "Missing Authentication Token")
_DENIED = (403, "AccessDeniedException", "You don't have access to the model with this ID.")


class StandInJudge(HttpService):
    """`url` is what AWS_ENDPOINT_URL_BEDROCK_RUNTIME takes."""

    def __init__(self, behaviour: Behaviour | None = None, seed: int = 0) -> None:
        self.handler = _Handler
        self.cache = PromptCache()
        self.behaviour = behaviour or Behaviour()
        self.stats = Stats()
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


class _Handler(Handler):
    @property
    def judge(self) -> StandInJudge:
        service = self.server.service
        assert isinstance(service, StandInJudge)  # noqa: S101
        return service

    def serve(self) -> None:
        body = self.body()
        if self.path == CONTROL:
            self._control(json.loads(body) if self.command == "PUT" else {})
            return
        # The client quotes the model id, whose colons and slashes are no part of the path.
        parts = urlsplit(self.path).path.split("/")
        if len(parts) != 4 or (parts[1], parts[3]) != ("model", "converse"):
            self._refuse(404, "UnknownOperationException", f"no such operation: {self.path}")
            return
        model_id = unquote(parts[2])
        judge, stats = self.judge, self.judge.stats
        with judge.lock:
            stats.calls += 1
            stats.by_model[model_id] = stats.by_model.get(model_id, 0) + 1
            stats.in_flight += 1
            stats.max_in_flight = max(stats.max_in_flight, stats.in_flight)
        try:
            self._converse(model_id, body)
        finally:
            with judge.lock:
                stats.in_flight -= 1

    def _converse(self, model_id: str, body: bytes) -> None:
        behaviour, quota = self.judge.behaviour, self.judge.quota
        request = _parse(body)
        # Four characters a token, as a rule of thumb for English.
        sent = len(body) // 4 + 1
        reserved = sent + _most_output(request)
        if not quota.take(reserved):
            self._throttle()
            return
        used = 0
        try:
            time.sleep(HANG_SECONDS if behaviour.mode == "hang" else behaviour.latency)
            used = self._answer(model_id, request, behaviour, sent)
        finally:
            quota.give_back(reserved - used)

    def _answer(self, model_id: str, request: Any, behaviour: Behaviour, sent: int) -> int:
        """Answer a call that the quota has room for; the tokens of the quota that it has used."""
        if not self.headers.get("Authorization", "").startswith("AWS4-HMAC-SHA256 "):
            self._refuse(*_UNSIGNED)
        elif behaviour.mode in ("down", "hang"):
            self._refuse(*_DOWN)
        elif behaviour.mode == "denied":
            self._refuse(*_DENIED)
        elif self._chance(behaviour.throttle):
            self._throttle()
        elif problem := first_problem(model_id, request):
            self._refuse(400, "ValidationException", problem)
        else:
            return self._judge(model_id, request, behaviour, sent)
        return 0

    def _judge(
        self, model_id: str, request: dict[str, Any], behaviour: Behaviour, sent: int
    ) -> int:
        prompt = said_by_user(request)
        tool = forced_tool(request) if behaviour.mode == "ok" else None
        if tool:
            verdict = fill_in(tool["inputSchema"]["json"], Material.found_in(prompt))
            use_id = f"tooluse_{uuid.uuid4().hex[:22]}"
            use = {"toolUseId": use_id, "name": tool["name"], "input": verdict}
            block: dict[str, Any] = {"toolUse": use}
            stop_reason = "tool_use"
        else:
            block, stop_reason = {"text": f"{SAYS} and it has no verdict to give."}, "end_turn"
        read, written = self.judge.cache.look_up(model_id, request)
        used = {
            "inputTokens": sent - read - written,
            "outputTokens": len(json.dumps(block)) // 4 + 1,
            "cacheReadInputTokens": read,
            "cacheWriteInputTokens": written,
        }
        with self.judge.lock:
            stats = self.judge.stats
            stats.answered += 1
            stats.input_tokens += sent
            stats.output_tokens += used["outputTokens"]
            stats.cache_read_tokens += read
            stats.cache_write_tokens += written
        self.reply_json(
            200,
            {
                "output": {"message": {"role": "assistant", "content": [block]}},
                "stopReason": stop_reason,
                "usage": {**used, "totalTokens": sum(used.values())},
                "metrics": {"latencyMs": int(behaviour.latency * 1000)},
            },
        )
        return sent - read + used["outputTokens"]

    def _throttle(self) -> None:
        with self.judge.lock:
            self.judge.stats.throttled += 1
        self._refuse(*_THROTTLED)

    def _refuse(self, status: int, error: str, message: str) -> None:
        with self.judge.lock:
            self.judge.stats.refused += 1
        self.reply_json(status, {"message": message}, {"x-amzn-ErrorType": error})

    def _chance(self, probability: float) -> bool:
        with self.judge.lock:
            return self.judge.random.random() < probability

    def _control(self, changes: dict[str, Any]) -> None:
        if changes:
            self.judge.behaviour = replace(self.judge.behaviour, **changes)
        with self.judge.lock:
            stats = asdict(self.judge.stats)
        self.reply_json(200, {"behaviour": asdict(self.judge.behaviour), "stats": stats})


def _most_output(request: Any) -> int:
    """The most output tokens a request asks for; the default where it does not say."""
    config = request.get("inferenceConfig") if isinstance(request, dict) else None
    asked = config.get("maxTokens") if isinstance(config, dict) else None
    return asked if isinstance(asked, int) else _DEFAULT_OUTPUT


def _parse(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return None
