"""How long the workflow waits for what is away, drawn from the template as Step Functions draws."""

from __future__ import annotations

import random
from typing import Any

import pytest

from tests.infra.deployed import Deployed

SECONDS = 900
"""The quarter of an hour that README promises."""
DRAWS = 2000


def waits(retry: dict[str, Any], chance: random.Random) -> float:
    """The seconds of all waits of one task; FULL jitter is anything from 0 to the interval."""
    intervals = (
        min(
            retry["IntervalSeconds"] * retry["BackoffRate"] ** attempt,
            retry["MaxDelaySeconds"],
        )
        for attempt in range(retry["MaxAttempts"])
    )
    return sum(chance.uniform(0, interval) for interval in intervals)


@pytest.mark.parametrize(
    "error",
    [
        "TransientError",
        "Lambda.TooManyRequestsException",
        "Lambda.CodeArtifactUserPendingException",
    ],
)
def test_a_quarter_of_an_hour_is_sat_out(deployed: Deployed, error: str) -> None:
    """In 19 of 20 cases at least, on average 20 minutes: full jitter halves what one adds up."""
    states = deployed.workflow["States"]
    tasks = [states["CutFile"], states["CloseLedger"]]
    for name in ("EveryBatch", "EveryRange"):
        tasks += states[name]["ItemProcessor"]["States"].values()
    chance = random.Random(1)  # noqa: S311  # drawn for a statistic
    for task in tasks:
        (retry,) = (r for r in task["Retry"] if error in r["ErrorEquals"])
        drawn = sorted(waits(retry, chance) for _ in range(DRAWS))
        assert drawn[DRAWS // 20] >= SECONDS
        assert 1100 < sum(drawn) / DRAWS < 1500
