"""Worker processes that make judge calls, as so many instances of the function would.

Whoever is free takes the next call, as a map gives its next batch to the instance that is free.
"""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass
from multiprocessing.managers import SyncManager
from queue import Empty, Queue
from threading import Barrier
from typing import Any, Literal

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from inference_monitor.errors import JudgeUnavailableError
from inference_monitor.scoring.judge import Judge, bedrock_client
from inference_monitor.scoring.pace import Pace
from inference_monitor.scoring.requests import converse_request
from inference_monitor.scoring.specs import InferenceParameters
from inference_monitor.scoring.text import estimate_tokens

THREADS = 16
ANSWER_TOKENS = 60  # of the stand-in
_TOOL = {
    "toolSpec": {
        "name": "verdict",
        "inputSchema": {
            "json": {
                "type": "object",
                "properties": {"rationale": {"type": "string"}, "result": {"type": "boolean"}},
            }
        },
    }
}


@dataclass(frozen=True, slots=True)
class Work:
    """What is to be done by all workers, with `ours` or with a retry mode of botocore and no pace.

    The limits are each worker's own share; `sizes` are the tokens of its prompts, in turn.
    """

    url: str
    calls: int
    client: Literal["ours", "standard", "adaptive"] = "ours"
    requests_per_minute: float | None = None
    tokens_per_minute: float | None = None
    sizes: tuple[int, ...] = (600,)


@dataclass(frozen=True, slots=True)
class Done:
    """When it began and ended (`time.monotonic()`), and how many calls were answered."""

    began: float
    ended: float
    answered: int


def run(work: Work, workers: int) -> tuple[float, int]:
    """Let so many workers share the calls; the seconds it took, and the answers."""
    context = multiprocessing.get_context("spawn")
    with (
        SyncManager(ctx=context) as manager,
        ProcessPoolExecutor(workers, mp_context=context) as pool,
    ):
        gate, waiting = manager.Barrier(workers), manager.Queue()
        for number in range(work.calls):
            waiting.put(work.sizes[number % len(work.sizes)])
        done = list(pool.map(_work, [work] * workers, [gate] * workers, [waiting] * workers))
    seconds = max(each.ended for each in done) - min(each.began for each in done)
    return seconds, sum(each.answered for each in done)


def _work(work: Work, gate: Barrier, waiting: Queue[int]) -> Done:
    os.environ.update(
        AWS_ENDPOINT_URL_BEDROCK_RUNTIME=work.url,
        AWS_DEFAULT_REGION="us-east-1",
        AWS_ACCESS_KEY_ID="made-up",
        AWS_SECRET_ACCESS_KEY="made-up",  # noqa: S106  # the stand-in takes any
    )
    ask = _ours(work) if work.client == "ours" else _botocore(work.client)
    gate.wait()
    began = time.monotonic()
    with ThreadPoolExecutor(THREADS) as pool:
        answered = sum(pool.map(lambda _: _until_empty(waiting, ask), range(THREADS)))
    return Done(began, time.monotonic(), answered)


def _until_empty(waiting: Queue[int], ask: Callable[[int], bool]) -> int:
    answered = 0
    while True:
        try:
            answered += ask(waiting.get_nowait())
        except Empty:
            return answered


def _request(tokens: int) -> dict[str, Any]:
    text = "It was a good answer. " * (tokens * 4 // 22)
    return converse_request(
        "bedrock:/amazon.nova-lite-v1:0",
        "You judge.",
        f"Is it good? <answer>{text}</answer>",
        _TOOL,
        InferenceParameters(max_tokens=256),
    )


def _ours(work: Work) -> Callable[[int], bool]:
    pace = Pace(work.requests_per_minute, work.tokens_per_minute)
    judge = Judge(bedrock_client(THREADS), pace)

    def ask(tokens: int) -> bool:
        request = _request(tokens)
        try:
            judge.ask(request, estimate_tokens(str(request)) + ANSWER_TOKENS)
        except JudgeUnavailableError:
            return False
        return True

    return ask


def _botocore(mode: Literal["standard", "adaptive"]) -> Callable[[int], bool]:
    """As the judge was asked before: four attempts in all, by botocore."""
    config = Config(
        max_pool_connections=THREADS,
        retries={"mode": mode, "total_max_attempts": 4},
    )
    client = boto3.client("bedrock-runtime", config=config)

    def ask(tokens: int) -> bool:
        try:
            client.converse(**_request(tokens))
        except ClientError:
            return False
        return True

    return ask
