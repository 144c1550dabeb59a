"""Worker processes that make judge calls, as so many instances of the function would.

Each has a capture file of its own: a number of calls, made by a few threads.
"""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass
from multiprocessing.managers import SyncManager
from threading import Barrier
from typing import Literal

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from benchmarks.counters_table import TABLE
from inference_monitor.config.specs import InferenceParameters
from inference_monitor.counters import DynamoCounters
from inference_monitor.errors import JudgeUnavailableError
from inference_monitor.scoring.judge.client import Judge, bedrock_client
from inference_monitor.scoring.judge.converse import JudgeRequest, Terms, build_request
from inference_monitor.scoring.judge.rate_limit import Pace
from inference_monitor.scoring.judge.shared_limit import SharedSlots
from inference_monitor.text import estimate_tokens

THREADS = 16
ANSWER_TOKENS = 60  # of the stand-in
TENTH = 0.1
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

Way = Literal["shared", "tenth", "learned", "standard", "adaptive"]
"""How the judge is asked: at the pace of a limit that all share, of a tenth of it for each, or of a
rate that each learns; or by a retry mode of botocore and no pace."""


@dataclass(frozen=True, slots=True)
class Work:
    """What is to be done by each worker.

    `judge` and `dynamodb` are URLs; the limits are those of all workers together; `sizes` are the
    tokens of the prompts, in turn.
    """

    judge: str
    dynamodb: str
    calls: int
    way: Way
    requests_per_minute: float | None = None
    tokens_per_minute: float | None = None
    sizes: tuple[int, ...] = (600,)


@dataclass(frozen=True, slots=True)
class Done:
    """When a worker began and ended (`time.monotonic()`), and when its calls were answered."""

    began: float
    ended: float
    answered_at: list[float]


def run(work: Work, workers: int) -> list[Done]:
    """Let so many workers do it at once."""
    context = multiprocessing.get_context("spawn")
    with (
        SyncManager(ctx=context) as manager,
        ProcessPoolExecutor(workers, mp_context=context) as pool,
    ):
        gate = manager.Barrier(workers)
        return list(pool.map(_work, [work] * workers, [gate] * workers))


def _work(work: Work, gate: Barrier) -> Done:
    os.environ.update(
        AWS_ENDPOINT_URL_BEDROCK_RUNTIME=work.judge,
        AWS_ENDPOINT_URL_DYNAMODB=work.dynamodb,
        AWS_DEFAULT_REGION="us-east-1",
        AWS_ACCESS_KEY_ID="made-up",
        AWS_SECRET_ACCESS_KEY="made-up",  # noqa: S106  # the emulators take any
    )
    ask = _botocore(work.way) if work.way in ("standard", "adaptive") else _ours(work)
    sizes = [work.sizes[number % len(work.sizes)] for number in range(work.calls)]
    gate.wait()
    began = time.monotonic()
    with ThreadPoolExecutor(THREADS) as pool:
        answered_at = [at for at in pool.map(ask, sizes) if at is not None]
    return Done(began, time.monotonic(), answered_at)


def _request(tokens: int) -> JudgeRequest:
    text = "It was a good answer. " * (tokens * 4 // 22)
    return JudgeRequest(
        "bedrock:/amazon.nova-lite-v1:0",
        "You judge.",
        f"Is it good? <answer>{text}</answer>",
        _TOOL,
        InferenceParameters(max_tokens=256),
    )


def _pace(work: Work) -> Pace:
    limits = (work.requests_per_minute, work.tokens_per_minute)
    match work.way:
        case "shared":
            slots = SharedSlots(DynamoCounters(boto3.client("dynamodb"), TABLE))
            return Pace(*limits, slots=slots)
        case "tenth":
            return Pace(*(limit and limit * TENTH for limit in limits))
    return Pace()


def _ours(work: Work) -> Callable[[int], float | None]:
    judge = Judge(bedrock_client(THREADS), _pace(work))

    def ask(tokens: int) -> float | None:
        request = _request(tokens)
        try:
            judge.ask(request, estimate_tokens(str(request)) + ANSWER_TOKENS)
        except JudgeUnavailableError:
            return None
        return time.monotonic()

    return ask


def _botocore(mode: str) -> Callable[[int], float | None]:
    """As the judge was asked before: four attempts in all, by botocore."""
    config = Config(
        max_pool_connections=THREADS,
        retries={"mode": "adaptive" if mode == "adaptive" else "standard", "total_max_attempts": 4},
    )
    client = boto3.client("bedrock-runtime", config=config)

    def ask(tokens: int) -> float | None:
        try:
            client.converse(**build_request(_request(tokens), Terms()).arguments)
        except ClientError:
            return None
        return time.monotonic()

    return ask
