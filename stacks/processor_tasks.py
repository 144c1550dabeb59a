"""Invoking the processor from the workflow: what is tried again, how often, and what then.

Step Functions matches the class name Lambda reports and knows nothing of inheritance, so every
name is listed. Jitter is full everywhere: a wide map that was refused together must not come back
together.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aws_cdk import Duration
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_stepfunctions as sfn
from aws_cdk import aws_stepfunctions_tasks as tasks
from constructs import Construct

from inference_monitor.errors import JudgeUnavailableError, TransientError

JUDGE_UNAVAILABLE = JudgeUnavailableError.__name__


@dataclass(frozen=True, slots=True)
class Retry:
    """A group of errors that are met with the same patience; seconds."""

    errors: tuple[str, ...]
    attempts: int
    interval: int
    max_delay: int

    def add_to(self, task: sfn.TaskStateBase) -> None:
        """Let this task be tried again on these errors."""
        task.add_retry(
            errors=list(self.errors),
            max_attempts=self.attempts,
            interval=Duration.seconds(self.interval),
            max_delay=Duration.seconds(self.max_delay),
            backoff_rate=2,
            jitter_strategy=sfn.JitterType.FULL,
        )


# The waits of the two patient groups: full jitter waits anything from nought to the interval, so
# as many attempts are made as last at least a quarter of an hour in 19 of 20 cases, and 20 minutes
# on average (tests/infra/test_patience.py draws them).

# Lambda was busy or unreachable, or the function inactive: nothing ran, so waiting is all there is
# to do. A function that was not invoked for weeks is set up again, which takes minutes; until then
# it refuses ("Lambda function states" in the Lambda developer guide; names of botocore's model of
# Invoke, November 2026). What does not pass by itself, as CodeArtifactUserFailedException, is not
# tried again: the execution fails with that name.
LAMBDA_BUSY = Retry(
    (
        "Lambda.TooManyRequestsException",
        "Lambda.CodeArtifactUserPendingException",
        "Lambda.CodeArtifactUserDeletedException",
        "Lambda.ResourceNotReadyException",
        "Lambda.ResourceConflictException",
        "Lambda.ServiceException",
        "Lambda.AWSLambdaException",
        "Lambda.SdkClientException",
        "Lambda.ClientExecutionTimeoutException",
    ),
    attempts=25,
    interval=2,
    max_delay=120,
)
# The worker died, out of memory or out of time. Once may be bad luck, three times is the batch.
WORKER_DIED = Retry(
    (
        "Lambda.Unknown",
        "Sandbox.Timedout",
        "Runtime.ExitError",
        "Runtime.OutOfMemory",
        "States.Timeout",
    ),
    attempts=2,
    interval=5,
    max_delay=30,
)
# MLflow or S3 did not answer: sit out a restart of the server.
STORE_UNAVAILABLE = Retry((TransientError.__name__,), attempts=14, interval=5, max_delay=300)
# The traces are written already, so there is no need to wait as long for the judge.
JUDGE_BUSY = Retry((JUDGE_UNAVAILABLE,), attempts=4, interval=10, max_delay=120)


def invoke(
    scope: Construct,
    name: str,
    *,
    processor: lambda_.IFunction,
    payload: Mapping[str, Any],
    result_path: str | None = None,
) -> tasks.LambdaInvoke:
    """A task that is tried again when something was away.

    Its output is the processor's answer, or its input with the answer at `result_path`.
    """
    task = tasks.LambdaInvoke(
        scope,
        name,
        lambda_function=processor,
        payload=sfn.TaskInput.from_object(dict(payload)),
        payload_response_only=True,
        result_path=result_path,
        # Above Lambda's own limit of 15 minutes: ends a wait for an answer that got lost.
        task_timeout=sfn.Timeout.duration(Duration.minutes(16)),
        retry_on_service_exceptions=False,
    )
    for retry in (LAMBDA_BUSY, WORKER_DIED, STORE_UNAVAILABLE):
        retry.add_to(task)
    return task


def trace_and_score(
    scope: Construct, name: str, *, processor: lambda_.IFunction, payload: Mapping[str, Any]
) -> tasks.LambdaInvoke:
    """The same; when the judge stays away, a second task settles for recording what is unscored."""
    scored = invoke(scope, name, processor=processor, payload=payload)
    JUDGE_BUSY.add_to(scored)
    unscored = invoke(
        scope, f"{name}Unscored", processor=processor, payload={**payload, "scoring": "off"}
    )
    # The input goes on as it is: with an error added, a full batch would pass the size limit.
    scored.add_catch(unscored, errors=[JUDGE_UNAVAILABLE], result_path=sfn.JsonPath.DISCARD)
    return scored
