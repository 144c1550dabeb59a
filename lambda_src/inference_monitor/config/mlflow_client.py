"""Settings of MLflow's client: the stack sets them, and `traces.server` does where it did not."""

from __future__ import annotations

REQUEST_RETRIES = 2
"""By MLflow's default, one request may be retried for four minutes: too long for a batch."""

MLFLOW_CLIENT_ENVIRONMENT = {
    # MLflow reads this when it is imported, so it has to be in the environment by then.
    "MLFLOW_DISABLE_TELEMETRY": "true",
    # The function is frozen between invocations: traces sent in the background may be lost.
    "MLFLOW_ENABLE_ASYNC_TRACE_LOGGING": "false",
    "MLFLOW_ASYNC_TRACE_LOGGING_RETRY_TIMEOUT": "10",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": str(REQUEST_RETRIES),
    # Seconds. It applies to uploads, which MLflow's client sends: one request may hold a trace with
    # all its images. The requests of `traces.server` are smaller and have a time-out of their own.
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "60",
}
"""Environment variables of MLflow, for a process that writes traces and is retried as a whole."""
