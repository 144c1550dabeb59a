"""An MLflow server that is away, fails, is slow, or does not take spans."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

from benchmarks.reliability.rows.evidence import attempts, maybe_attempts, struck
from benchmarks.reliability.trial import Trial, TrialError
from benchmarks.reliability.workers import kill, workers
from local.faults import Fault

AWAY_SECONDS = 4
FAILING_SECONDS = 5
# Longer than the writer waits for an answer.
TOO_LATE_SECONDS = 33
RECORDS = "/api/3.0/mlflow/traces"


def killed(trial: Trial) -> str:
    """The server is killed while it writes, and started again some seconds later."""
    proxy = trial.chain.proxy
    before = proxy.struck.total()
    with trial.mlflow(Fault(path=RECORDS, delay=0.3)):
        trial.put(trial.mixed(50))
        trial.until(lambda: proxy.struck.total() >= before + 12, "traces are being written")
        trial.chain.mlflow.kill()
        time.sleep(AWAY_SECONDS)
        trial.chain.mlflow.start()
        trial.chain.mlflow.wait()
    how = trial.recover()
    return attempts(trial, "TransientError") + how


def failing(trial: Trial) -> str:
    """Half of all requests are answered 500, for some seconds."""
    return _for_a_while(trial, Fault(500, share=0.5))


def overloaded(trial: Trial) -> str:
    """Every request is answered 503, for some seconds."""
    return _for_a_while(trial, Fault(503))


def answers_lost(trial: Trial) -> str:
    """MLflow does what it is asked, but half of the answers are 500, for some seconds."""
    return _for_a_while(trial, Fault(500, share=0.5, late=True))


def _for_a_while(trial: Trial, fault: Fault) -> str:
    before = trial.chain.proxy.struck.total()
    with trial.mlflow(fault):
        trial.put(trial.mixed(50))
        trial.until(trial.failed_attempts, "an attempt has failed")
        time.sleep(FAILING_SECONDS)
    how = trial.recover()
    return f"{struck(trial, before)}; {attempts(trial, 'TransientError')}{how}"


def slow(trial: Trial) -> str:
    """Every answer takes two seconds."""
    before = trial.chain.proxy.struck.total()
    with trial.mlflow(Fault(delay=2)):
        trial.put(trial.mixed(50))
        trial.settle()
    trial.settle()
    return f"{struck(trial, before)}; {maybe_attempts(trial)}"


def too_late(trial: Trial) -> str:
    """Requests reach MLflow only after the writer has given up waiting and has sent them again."""
    proxy = trial.chain.proxy
    before = proxy.struck.total()
    with trial.mlflow(Fault(delay=TOO_LATE_SECONDS)):
        trial.put(trial.mixed(50))
        trial.until(lambda: proxy.struck.total() >= before + 2, "two requests have been delayed")
    with trial.mlflow(Fault(path=RECORDS, delay=TOO_LATE_SECONDS, share=0.2)):
        trial.until(lambda: proxy.struck.total() >= before + 6, "traces have been delayed")
    trial.settle()
    # What is still on its way arrives before anything is counted.
    time.sleep(TOO_LATE_SECONDS)
    return f"{struck(trial, before)}; {maybe_attempts(trial)}"


def spans_fail(fault: Fault) -> Callable[[Trial], str]:
    """A row whose requests to `/v1/traces` fail like this: spans go to the traces' artifacts."""

    def happens(trial: Trial) -> str:
        before = trial.chain.proxy.struck.total()
        # A worker believes it for a while: none must be left that does, nor be there yet.
        kill(workers(trial.chain, trial.deployment))
        with trial.mlflow(replace(fault, path="/v1/traces")):
            trial.put(trial.mixed(50))
            trial.settle()
        trial.settle()
        kill(workers(trial.chain, trial.deployment))
        return f"{struck(trial, before)}; {maybe_attempts(trial)}"

    return happens


def pool_used_up(trial: Trial) -> str:
    """Half of all requests are answered 400, as by a server without a database connection left."""
    # The words that MLflow 3.10.1 and 3.17.2 answered to tests/integration/test_connection_pool.py.
    message = (
        "(sqlalchemy.exc.TimeoutError) QueuePool limit of size 5 overflow 10 reached, connection "
        "timed out, timeout 30.00 (Background on this error at: https://sqlalche.me/e/20/3o7r)"
    )
    body = {"error_code": "BAD_REQUEST", "message": message}
    return _for_a_while(trial, Fault(400, share=0.5, body=body))


def away_for_long(trial: Trial) -> str:
    """MLflow goes away while it is written to, longer than all retries last.

    Then somebody starts the execution again, which must not find its records taken by the first.
    """
    proxy = trial.chain.proxy
    before = proxy.struck.total()
    with trial.mlflow(Fault(path=RECORDS, delay=0.3)):
        key = trial.put(trial.mixed(50))
        trial.until(lambda: proxy.struck.total() >= before + 12, "traces are being written")
        proxy.fault = Fault(500)
        trial.settle()
    if set(trial.executions.of(key).values()) != {"FAILED"}:
        raise TrialError(f"{trial.name}: the execution did not fail")
    how = trial.recover()
    return attempts(trial, "TransientError") + how
