"""`inference-monitor backfill` for the file of a trial, as somebody with this account runs it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from benchmarks.reliability.trial import Trial, TrialError
from local.settings import ROOT

HOUR = "2026-03-02T09"
"""That of the capture files of all trials, as their keys say."""


def backfill(trial: Trial, key: str) -> None:
    """Have judged what is missing of a file, which starts an execution over it.

    Raises:
        TrialError: If something is still missing.
    """
    environment = {
        **{name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ},
        **trial.chain.aws.environment,
        "PYTHONPATH": os.pathsep.join(str(ROOT / folder) for folder in ("lambda_src", "cli")),
        "SAGEMAKER_MLFLOW_CUSTOM_ENDPOINT": trial.chain.proxy.url,
        "STACK_PREFIX": trial.deployment.settings["STACK_PREFIX"],
    }
    command = (sys.executable, str(Path(sys.executable).with_name("inference-monitor")))
    done = subprocess.run(
        [*command, "backfill", key, "--from", HOUR, "--to", HOUR, "--yes"],
        env=environment, capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip
    if done.returncode or " 0 scores of" in f" {done.stdout}":
        raise TrialError(
            f"{trial.name}: backfill ended with {done.returncode}: {done.stderr or done.stdout}"
        )
    trial.started_by_others(key)
