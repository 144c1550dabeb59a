"""`inference-monitor backfill` on the deployed stack: online, by batch jobs, and each only once."""

from __future__ import annotations

import pytest
from mlflow.entities import Feedback, Trace

from tests.e2e.deployed import Stack
from tests.e2e.records import chat, lines

COUNT = 110
HOUR = "2026-03-07T07"
RANGE = ("--from", HOUR, "--to", HOUR)


def put_unnoticed(dev: Stack) -> str:
    """Put a capture file that starts nothing, as those from before the deployment."""
    key = f"{dev.deployment.prefix}/AllTraffic/2026/03/07/07/before.jsonl"
    rule = f"sagemaker-s3-event-rule-{dev.deployment.settings['STACK_PREFIX']}"
    s3, events = dev.chain.emulated("s3"), dev.chain.emulated("events")
    events.disable_rule(Name=rule)
    try:
        body = lines(*[chat(f"before-{number}") for number in range(COUNT)])
        s3.put_object(Bucket=dev.deployment.bucket, Key=key, Body=body)
    finally:
        events.enable_rule(Name=rule)
    return key


def backfill(dev: Stack, *arguments: str) -> str:
    """Run it over the hour and give what it prints."""
    done = dev.command("backfill", *RANGE, *arguments)
    assert done.returncode == 0, done
    return done.stdout


def scores(trace: Trace) -> dict[str, Feedback]:
    """The assessments of a trace by name."""
    found = [a for a in trace.info.assessments if isinstance(a, Feedback)]
    by_name = {a.name: a for a in found}
    assert len(by_name) == len(found), "a scorer has given two assessments"
    return by_name


@pytest.mark.timeout(900)
def test_backfill(dev: Stack) -> None:
    """Each scorer's verdicts come when they are asked for, online or at half the price, and once.

    What is there is neither judged nor written again, by whichever way it came.
    """
    key = put_unnoticed(dev)
    before, batches = dev.verdicts(), dev.chain.batches

    assert f"{COUNT} scores of {COUNT} inferences" in backfill(dev, "--scorer", "safety", "--yes")
    traces = dev.traces(key)
    assert len(traces) == COUNT
    assert {tuple(scores(trace)) for trace in traces.values()} == {("safety",)}
    assert dev.verdicts() == before + COUNT

    shown = backfill(dev, "--scorer", "coherence", "--scorer", "safety", "--dry-run")
    assert f"{COUNT} scores of {COUNT} inferences in 1 files are missing" in shown
    backfill(dev, "--scorer", "coherence", "--scorer", "safety", "--yes")
    assert dev.verdicts() == before + 2 * COUNT
    assert "0 scores of 0 inferences" in backfill(dev, "--scorer", "coherence", "--yes")

    said = backfill(dev, "--scorer", "fluency", "--batch", "--yes")
    assert f"{COUNT} of {COUNT} records answered, {COUNT} assessments written" in said
    assert (batches.stats.jobs, batches.stats.answered) == (1, COUNT)
    (job,) = (job["jobName"] for job in batches.jobs.values())
    for trace in dev.traces(key).values():
        given = scores(trace)
        assert sorted(given) == ["coherence", "fluency", "safety"]
        assert (given["fluency"].value, given["coherence"].value) == ("yes", "coherent")
        assert "Stand-in judge" in (given["fluency"].rationale or "")
        told = given["fluency"].metadata or {}
        assert (told["batch"], told["judging"], told["scorer_version"]) == (job, "each", "1")
        tokens = (int(told[f"mlflow.assessment.judge{side}Tokens"]) for side in ("Input", "Output"))
        full = sum(n * price for n, price in zip(tokens, (3, 15), strict=True)) / 1e6
        assert float(told["mlflow.assessment.judgeCost"]) == pytest.approx(full / 2, abs=1e-8)

    assert "0 scores of 0 inferences" in backfill(dev, "--scorer", "fluency", "--batch", "--yes")
    again = dev.command("backfill", "--collect", job)
    assert again.returncode == 0, again
    assert f"0 assessments written, {COUNT} were there" in again.stdout
    assert {tuple(sorted(scores(t))) for t in dev.traces(key).values()} == {
        ("coherence", "fluency", "safety")
    }
    # One more call found out, before the job was made, what its model takes.
    assert (batches.stats.jobs, dev.verdicts()) == (1, before + 2 * COUNT + 1)
