"""`python -m local.emulator`: ministack with our additions, until it is sent SIGTERM.

ministack's own variables say where it listens (BIND_HOST, GATEWAY_PORT); `EmulatorConfig` comes in
the environment, too.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any
from urllib.request import Request, urlopen

from ministack import app
from ministack.core import router
from ministack.services import eventbridge, lambda_svc, stepfunctions
from ministack.services.cloudformation import provisioners

from local.emulator import private
from local.emulator.alarms import alarm_record
from local.emulator.behaviour import Behaviour
from local.emulator.config import EmulatorConfig
from local.emulator.distributed_map import run_distributed_map
from local.emulator.functions import Functions
from local.emulator.redrive import Redrives
from local.emulator.sagemaker import TARGET, SageMaker
from local.recorder.recorded_calls import record

_call_lambda = stepfunctions._call_lambda
_start_workflow = eventbridge._dispatch_to_stepfunctions


def call_lambda(func_ref: Any, event: Any) -> Any:
    """Invoke a function for Step Functions, with the names it gives to what Lambda refuses.

    Raises:
        _ExecutionError: The error of the function by its class name.
    """
    record("workflow", "lambda", "Invoke", {"FunctionName": func_ref})
    if Behaviour.now().inactive:
        raise stepfunctions._ExecutionError(
            "Lambda.CodeArtifactUserPendingException",
            "Lambda is initializing your function. It will be ready to invoke shortly. "
            "(Service: Lambda, Status Code: 409)",
        )
    try:
        return _call_lambda(func_ref, event)
    except stepfunctions._ExecutionError as error:
        if error.error == "Lambda.Unknown" and _is_throttle(error.cause):
            error.error = "Lambda.TooManyRequestsException"
        raise


def start_workflow(arn: str, payload: Any) -> Any:
    """Start an execution for a rule of EventBridge."""
    record("rule", "stepfunctions", "StartExecution", {"stateMachineArn": arn})
    return _start_workflow(arn, payload)


def put_capture(bucket: str, key: str, body: bytes) -> None:
    """Put a capture file through the S3 that we serve, so that S3 sends its event."""
    url = f"http://{os.environ['BIND_HOST']}:{os.environ['GATEWAY_PORT']}/{bucket}/{key}"
    # Not by boto3: its calls would be recorded as ones that a role needs a permission for.
    with urlopen(Request(url, data=body, method="PUT")):
        pass


def _is_throttle(cause: str) -> bool:
    try:
        body = json.loads(cause)
    except ValueError:
        return False
    return isinstance(body, dict) and body.get("__type") == "TooManyRequestsException"


def main() -> None:
    """Check ministack, put our parts in, serve."""
    private.check()
    functions = Functions(EmulatorConfig.from_environment())
    stepfunctions._run_distributed_map = run_distributed_map
    stepfunctions._call_lambda = call_lambda
    redrives = Redrives()
    stepfunctions._run_execution = redrives.run
    stepfunctions._describe_execution = redrives.describe
    stepfunctions.handle_request = redrives.handle_request
    eventbridge._dispatch_to_stepfunctions = start_workflow
    provisioners._cw_metric_alarm_record = alarm_record
    lambda_svc._execute_function_docker = functions.execute
    router.SERVICE_PATTERNS["sagemaker"] = {"target_prefixes": [TARGET]}
    app.SERVICE_HANDLERS["sagemaker"] = SageMaker(
        os.environ["MINISTACK_REGION"], put_capture
    ).handle
    sys.argv = ["ministack"]
    try:
        app.main()
    finally:
        functions.stop()


if __name__ == "__main__":
    main()
