"""How a fault was seen to have happened."""

from __future__ import annotations

from collections import Counter

from benchmarks.reliability.trial import Trial, TrialError


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
