"""An execution that failed for good, and that somebody redrives."""

from __future__ import annotations

import json

from benchmarks.reliability.rows.evidence import attempts
from benchmarks.reliability.rows.mlflow_faults import RECORDS
from benchmarks.reliability.trial import Trial, TrialError
from local.faults import Fault

# Six batches, so that some are done, some half written and some not begun when MLflow goes away.
INFERENCES = 150
HALF_WRITTEN = 12


def away_for_long(trial: Trial) -> str:
    """MLflow goes away in the middle of a file, for longer than all retries last."""
    proxy = trial.chain.proxy
    with trial.mlflow(Fault(path=RECORDS, delay=0.3)):
        key = trial.put(trial.mixed(INFERENCES))
        trial.until(lambda: "SUCCEEDED" in _batches(trial, key), "a batch is done")
        before = proxy.struck.total()
        trial.until(
            lambda: proxy.struck.total() >= before + HALF_WRITTEN, "others are being written"
        )
        proxy.fault = Fault(500)
        trial.settle()
    (arn,) = trial.executions.of(key)
    # Its batches failed first, then the ranges that were read instead.
    failed = _statuses_of_ranges(trial, arn).count("FAILED")
    said = trial.executions.describe(arn)
    if (said["status"], said["redriveStatus"]) != ("FAILED", "REDRIVABLE"):
        raise TrialError(f"{trial.name}: the execution cannot be redriven: {said}")
    trial.executions.redrive(arn)
    trial.settle()
    return f"{_only_those(trial, arn, failed)}; {attempts(trial, 'TransientError')}"


def _only_those(trial: Trial, arn: str, failed: int) -> str:
    """Say how many ranges were run again.

    Raises:
        TrialError: If those were not the failed ones, or records are missing.
    """
    children = [trial.executions.describe(child) for child in trial.executions.children(arn)]
    again = sum(child["redriveCount"] for child in children)
    if again != failed:
        raise TrialError(f"{trial.name}: {failed} ranges failed, and {again} were run again")
    done = trial.executions.describe(arn)
    if done["status"] != "SUCCEEDED":
        raise TrialError(f"{trial.name}: redriven, the execution ended {done['status']}")
    counts = json.loads(done["output"])
    # What a batch had written before is there already when the range meets it.
    if counts["traced"] + counts["duplicate"] != INFERENCES:
        raise TrialError(f"{trial.name}: the redrive does not account for every record: {counts}")
    return f"{again} of {len(children)} batches and ranges run again, none of the others"


def _statuses_of_ranges(trial: Trial, arn: str) -> list[str]:
    children = map(trial.executions.describe, trial.executions.children(arn))
    return [child["status"] for child in children if "range" in json.loads(child["input"])]


def _batches(trial: Trial, key: str) -> list[str]:
    """The statuses of a file's batches so far."""
    trial.executions.refresh()
    arns = trial.executions.of(key)
    return [s for arn in arns for s in trial.executions.children(arn).values()]
