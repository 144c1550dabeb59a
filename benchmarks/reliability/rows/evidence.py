"""How a fault was seen to have happened."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Set
from typing import Any

from mlflow.entities import Feedback, Trace

from benchmarks.reliability.trial import Trial, TrialError
from inference_monitor.domain import ScoringState
from inference_monitor.ledger import ledger_key
from local.scores import Experiment


def attempts(trial: Trial, expected: str) -> str:
    """Count failed attempts by their error; one of them must be the expected one.

    Raises:
        TrialError: If it is not.
    """
    counts = Counter(attempt.error for attempt in trial.failed_attempts())
    if expected not in counts:
        raise TrialError(f"{trial.name}: no attempt failed with {expected}: {dict(counts)}")
    return "failed attempts: " + ", ".join(f"{n} x {error}" for error, n in counts.items())


def struck(trial: Trial, before: int) -> str:
    """Count requests to MLflow that met the fault.

    Raises:
        TrialError: If there were none.
    """
    count = trial.chain.proxy.struck.total() - before
    if not count:
        raise TrialError(f"{trial.name}: no request to MLflow met the fault")
    return f"{count} requests struck"


def maybe_attempts(trial: Trial) -> str:
    """Count failed attempts, of which there may be none."""
    counts = Counter(attempt.error for attempt in trial.failed_attempts())
    said = ", ".join(f"{n} x {error}" for error, n in counts.items())
    return f"failed attempts: {said or 'none'}"


def traces_of(trial: Trial) -> dict[str, Trace]:
    """The traces of a trial by event, without their spans."""
    experiment = Experiment(trial.chain.mlflow.url, trial.deployment.experiment)
    found = experiment.traces(f"tags.endpoint = '{trial.endpoint}'")
    return {trace.info.tags["event_id"]: trace for trace in found}


def expect_traces(trial: Trial, key: str) -> None:
    """See that every inference of a file has a trace, scored or not.

    Raises:
        TrialError: If one has none.
    """
    if missing := trial.files[key].inferences.keys() - traces_of(trial).keys():
        raise TrialError(f"{trial.name}: {len(missing)} inferences without a trace")


def expect_scoring(trial: Trial, state: ScoringState, events: Set[str]) -> None:
    """See that the traces of these events, and no others, have this tag `scoring`.

    Raises:
        TrialError: If not.
    """
    tags = {event: trace.info.tags.get("scoring") for event, trace in traces_of(trial).items()}
    found = {event for event, tag in tags.items() if tag == state}
    if found != events:
        told = dict(Counter(tags.values()))
        raise TrialError(f"{trial.name}: not {len(events)} traces are {state.value}: {told}")


def expect_errors(trial: Trial, code: str, events: Set[str]) -> None:
    """See that the judged scorers have left errors of this code on these events, and no values.

    Raises:
        TrialError: If not.
    """
    traces = traces_of(trial)
    for event in events:
        given = [a for a in traces[event].info.assessments if isinstance(a, Feedback)]
        judged = [a for a in given if a.source.source_type == "LLM_JUDGE"]
        codes = Counter(a.error.error_code if a.error else "a value" for a in judged)
        if set(codes) != {code}:
            raise TrialError(f"{trial.name}: {event} has {dict(codes)}, not {code}")


def expect_ledger(trial: Trial, key: str, **counts: int) -> dict[str, Any]:
    """See that the ledger of a file has these counts; gives all of it.

    Raises:
        TrialError: If not.
    """
    name = ledger_key(trial.deployment.bucket, key)
    s3 = trial.chain.emulated("s3")
    body = s3.get_object(Bucket=trial.deployment.results_bucket, Key=name)["Body"].read()
    ledger: dict[str, Any] = json.loads(body)
    if wrong := {field: ledger[field] for field, n in counts.items() if ledger[field] != n}:
        raise TrialError(f"{trial.name}: the ledger says {wrong}, not {counts}")
    return ledger
