"""`inference-monitor backfill` for the file of a trial, as somebody with this account runs it."""

from __future__ import annotations

import os
import subprocess
import sys

from benchmarks.reliability.trial import Trial, TrialError
from local.settings import ROOT

HOUR = "2026-03-02T09"
"""That of the capture files of all trials, as their keys say."""


def backfill(trial: Trial, key: str) -> str:
    """Have judged what is missing of a file; gives what the command prints.

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
    command = (sys.executable, "-m", "inference_monitor_cli.main", "backfill", key)
    done = subprocess.run(
        [*command, "--from", HOUR, "--to", HOUR, "--yes"],
        env=environment, capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip
    if done.returncode:
        raise TrialError(f"{trial.name}: backfill ended with {done.returncode}: {done.stderr}")
    return done.stdout
