"""The stand-in judge refuses and caches as Bedrock is documented to."""

from __future__ import annotations

from typing import Any

import pytest

from local.judge.prompt_cache import PromptCache
from local.judge.quota import Quota
from tests.unit.judging import FakeTime

LONG = "word " * 2000  # 2,500 tokens
POINT = {"cachePoint": {"type": "default"}}


def test_requests_come_back_with_time() -> None:
    """A burst is answered, then one call for each share of a minute."""
    time = FakeTime()
    quota = Quota(requests_per_minute=60, burst_seconds=5, clock=time.clock)
    assert [quota.take(1) for _ in range(7)] == [True] * 5 + [False] * 2
    time.sleep(1.01)
    assert [quota.take(1) for _ in range(2)] == [True, False]
    time.sleep(100)
    assert [quota.take(1) for _ in range(6)] == [True] * 5 + [False]


def test_tokens_that_were_not_used_are_given_back() -> None:
    """A call takes all it may use, and leaves what it has not."""
    time = FakeTime()
    quota = Quota(tokens_per_minute=6000, clock=time.clock)
    assert quota.take(1000)
    assert not quota.take(1)
    quota.give_back(950)
    assert quota.take(1000)
    time.sleep(9)
    assert not quota.take(1)
    time.sleep(1)
    assert quota.take(1)


def test_a_refused_call_takes_nothing() -> None:
    """Where the tokens are used up, no request is taken either."""
    time = FakeTime()
    quota = Quota(requests_per_minute=120, tokens_per_minute=60, clock=time.clock)
    assert quota.take(5)
    assert not quota.take(5)
    time.sleep(4.5)
    assert [quota.take(1) for _ in range(2)] == [True, False]
    time.sleep(1)
    assert quota.take(1)


def test_no_quota_is_no_limit() -> None:
    """Without settings everything is answered."""
    quota = Quota()
    assert all(quota.take(10**9) for _ in range(100))


def request(system: str, user: str = "x", *, point: bool = True) -> dict[str, Any]:
    """A Converse request with a cache point after its system prompt."""
    return {
        "system": [{"text": system}, *([POINT] if point else [])],
        "messages": [{"role": "user", "content": [{"text": user}]}],
    }


def test_a_prefix_is_written_once_and_then_read() -> None:
    """The first call with a prefix pays for keeping it, later ones read it, whatever follows."""
    cache = PromptCache()
    read, written = cache.look_up("model", request(LONG))
    assert read == 0
    assert written == pytest.approx(2500, rel=0.02)
    assert cache.look_up("model", request(LONG, "another question")) == (written, 0)
    assert cache.look_up("another model", request(LONG)) == (0, written)
    assert cache.look_up("model", request("x" + LONG))[0] == 0


def test_what_is_not_cached() -> None:
    """A prefix that is too short or not marked is neither written nor read."""
    cache = PromptCache()
    for asked in (request("short"), request(LONG, point=False)):
        assert [cache.look_up("model", asked) for _ in range(2)] == [(0, 0), (0, 0)]


def test_tools_come_before_the_system_prompt() -> None:
    """Another tool makes another prefix, and a prefix of a longer one is read on its own."""
    cache = PromptCache()
    tools = {"toolConfig": {"tools": [{"toolSpec": {"name": "a", "description": LONG}}, POINT]}}
    first = cache.look_up("model", request("short", point=False) | tools)
    longer = request(LONG) | tools
    read, written = cache.look_up("model", longer)
    assert (first[1], read) == (read, first[1])
    assert written == pytest.approx(2500, rel=0.02)
    assert cache.look_up("model", longer) == (read + written, 0)
