"""What became of a fault's records: in MLflow first; then the ledger has to say the same."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from botocore.exceptions import ClientError

from benchmarks.reliability.executions import message_of
from benchmarks.reliability.traces import Found, compare
from benchmarks.reliability.trial import Trial
from inference_monitor.capture.source import source_of
from inference_monitor.identity import trace_id
from inference_monitor.ledger import ledger_key
from local.scores import Experiment

# Reading every trace's spans, too, is for files that a person could look through.
WITH_SPANS = 500


def check(trial: Trial) -> Found:
    """Compare MLflow, the quarantine and the ledgers with the files of a trial."""
    expected = {
        event: e for captures in trial.files.values() for event, e in captures.inferences.items()
    }
    found = Found(records=sum(len(captures.lines) for captures in trial.files.values()))
    with_spans = len(expected) <= WITH_SPANS
    experiment = Experiment(trial.chain.mlflow.url, trial.deployment.experiment)
    mine = f"tags.endpoint = '{trial.endpoint}'"
    traces = list(experiment.traces(mine, with_spans=with_spans))
    if with_spans:
        # MLflow's client leaves these out, with a warning in its log.
        read = {trace.info.trace_id for trace in traces}
        there = {trace.info.trace_id for trace in experiment.traces(mine)}
        found.wrong("traces whose spans cannot be read back", sorted(there - read))
    found.traces = len(traces)
    compare(found, traces, expected, with_spans=with_spans)
    own = _own_ids(trial, experiment.id)
    found.wrong("traces of another deployment", sorted({t.info.trace_id for t in traces} - own))
    for key in trial.files:
        _check_ledger(found, trial, key)
    _check_messages(found, trial)
    return found


def _own_ids(trial: Trial, experiment_id: str | None) -> set[str]:
    """The ids that the traces of a trial have in the experiment of its deployment."""
    bucket, endpoint = trial.deployment.bucket, trial.endpoint
    return {
        trace_id(replace(source_of(bucket, key, endpoint), experiment_id=experiment_id), event)
        for key, captures in trial.files.items()
        for event in captures.inferences
    }


def _check_ledger(found: Found, trial: Trial, key: str) -> None:
    captures = trial.files[key]
    try:
        ledger = json.loads(_result(trial, ledger_key(trial.deployment.bucket, key)))
    except ClientError:
        found.wrong("files without a ledger", [key, *failures(trial)])
        return
    expected = {
        "captured": len(captures.lines),
        "quarantined": captures.broken,
        "traced and duplicate": len(captures.lines) - captures.broken,
    }
    said = {**ledger, "traced and duplicate": ledger["traced"] + ledger["duplicate"]}
    wrong = {name: said[name] for name in expected if said[name] != expected[name]}
    if wrong or not ledger["balanced"]:
        found.wrong(f"ledgers that say {wrong} instead of {expected}", [key])
    kept = _quarantined(trial, key)
    if kept != captures.broken:
        found.lose(
            f"lines in quarantine, not {captures.broken}", [key] * abs(captures.broken - kept)
        )
    traced = sum(int(summary["traced"]) for summary in _summaries(trial, key))
    if traced > len(captures.inferences):
        found.double(f"inferences counted as traced, {traced} in all", [key])


def _quarantined(trial: Trial, key: str) -> int:
    """How many different lines of a file are in quarantine, by place and digest."""
    s3, bucket = trial.chain.emulated("s3"), trial.deployment.results_bucket
    prefix = f"quarantine/{trial.deployment.bucket}/{key}/"
    rows = [
        json.loads(row)
        for content in s3.list_objects_v2(Bucket=bucket, Prefix=prefix).get("Contents", [])
        for row in _result(trial, content["Key"]).splitlines()
    ]
    return len({(row["offset"], row["sha256"]) for row in rows})


def _summaries(trial: Trial, key: str) -> Iterator[dict[str, Any]]:
    """What the successful executions over a file, and the function itself, have answered."""
    if len(trial.files) == 1:
        yield from trial.direct_answers
    for arn, status in trial.executions.of(key).items():
        if status == "SUCCEEDED":
            yield json.loads(trial.executions.describe(arn)["output"])


def _result(trial: Trial, key: str) -> bytes:
    s3 = trial.chain.emulated("s3")
    found = s3.get_object(Bucket=trial.deployment.results_bucket, Key=key)
    return bytes(found["Body"].read())


def failures(trial: Trial) -> list[str]:
    """What a person reads of executions that failed, and of direct invokes."""
    causes = [
        f"{execution['error']}: {message_of(execution.get('cause', ''))}"
        for key in trial.files
        for arn, status in trial.executions.of(key).items()
        if status != "SUCCEEDED"
        for execution in [trial.executions.describe(arn)]
    ]
    return causes + trial.direct_errors


# What somebody can do: of the words that our own messages use for it.
_ADVICE = ("again", "redriv", "check", "restore", "replay")


def _check_messages(found: Found, trial: Trial) -> None:
    """Step Functions' own errors say little; the alarm on failed executions says what to do."""
    own = [message for message in failures(trial) if not message.startswith("States.")]
    found.wrong(
        "errors that do not say what to do",
        [message for message in own if not any(word in message for word in _ADVICE)],
    )
