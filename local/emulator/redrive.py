"""RedriveExecution: a Standard execution that ended badly goes on where it ended.

"Restarting state machine executions with redrive" in the Step Functions developer guide: the same
ARN, definition and input; states that were left are not run again, a map runs only its unsuccessful
children again, and retries count from nought. Not emulated: the limits of 14 days and 1,000 times.
"""

from __future__ import annotations

import contextvars
import json
import threading
from typing import Any

from ministack.core.responses import error_response_json, json_response, now_iso
from ministack.services import stepfunctions as sfn

from local.emulator.states import ENDED_BADLY, redriven, unfinished, walk

Response = Any
"""Status, headers and body; ministack has no types."""


class Redrives:
    """Goes before three functions of ministack, whose arguments and results its methods have."""

    def __init__(self) -> None:
        self._run = sfn._run_execution
        self._describe = sfn._describe_execution
        self._handle = sfn.handle_request
        # One that was stopped is not over before its thread is: StopExecution ends no task.
        self._going: set[str] = set()

    def run(self, arn: str) -> None:
        """Run an execution for the first time, and keep the definition it was started with."""
        execution = sfn._executions[arn]
        if machine := sfn._state_machines.get(execution["stateMachineArn"]):
            execution["definition"] = machine["definition"]
        self._going.add(arn)
        try:
            self._run(arn)
        finally:
            self._going.discard(arn)

    async def handle_request(
        self, method: str, path: str, headers: dict[str, str], body: bytes, query_params: Any
    ) -> Response:
        """Answer RedriveExecution; whatever else it is, ministack does."""
        if headers.get("x-amz-target", "").rpartition(".")[2] == "RedriveExecution":
            return sfn._finalize_response(self._redrive(json.loads(body)))
        return await self._handle(method, path, headers, body, query_params)

    def describe(self, data: dict[str, Any]) -> Response:
        """DescribeExecution, with what it says about redriving."""
        status, headers, body = self._describe(data)
        if status != 200:
            return status, headers, body
        execution = sfn._executions[data["executionArn"]]
        answer = {**json.loads(body), "redriveCount": execution.get("redriveCount", 0)}
        if "redriveDate" in execution:
            answer["redriveDate"] = execution["redriveDate"]
        if reason := self._hindrance(execution):
            answer |= {"redriveStatus": "NOT_REDRIVABLE", "redriveStatusReason": reason}
        else:
            by_run = "_BY_MAP_RUN" if "mapRunArn" in execution else ""
            answer["redriveStatus"] = f"REDRIVABLE{by_run}"
        return json_response(answer)

    def _redrive(self, data: dict[str, Any]) -> Response:
        arn = data.get("executionArn", "")
        execution = sfn._executions.get(arn)
        if execution is None:
            return error_response_json("ExecutionDoesNotExist", f"Execution {arn} not found")
        token = data.get("clientToken")
        if token and token == execution.get("redriveToken"):
            # The same request once more: an SDK has not seen the answer.
            return json_response({"redriveDate": execution["redriveDate"]})
        hindrance = self._hindrance(execution)
        if "mapRunArn" in execution:
            hindrance = "A child of a map run is redriven with its parent"
        if hindrance:
            return error_response_json("ExecutionNotRedrivable", hindrance)
        redriven(execution)
        execution["redriveToken"] = token
        sfn._emit_execution_status_event(execution)
        self._going.add(arn)
        # A new thread does not inherit the context that says whose account and region this is.
        run = contextvars.copy_context().run
        threading.Thread(target=run, args=(self._go_on, execution), daemon=True).start()
        return json_response({"redriveDate": execution["redriveDate"]})

    def _hindrance(self, execution: dict[str, Any]) -> str | None:
        status = execution["status"]
        if status not in ENDED_BADLY:
            return f"Execution is {status} and cannot be redriven"
        if execution["executionArn"] in self._going:
            return f"Execution is {status}, but one of its tasks has not ended yet"
        return None

    def _go_on(self, execution: dict[str, Any]) -> None:
        try:
            states = json.loads(execution.get("definition", "{}")).get("States", {})
            name, value = unfinished(execution, states)
            execution["redrivenState"] = name
            output = walk(states, name, value, execution, _context(execution))
            if execution["status"] == "RUNNING":
                _succeed(execution, json.dumps(output))
        except sfn._ExecutionError as error:
            sfn._fail_execution(execution, error.error, error.cause)
        finally:
            self._going.discard(execution["executionArn"])


def _context(execution: dict[str, Any]) -> dict[str, Any]:
    """The context object, `$$` in a definition."""
    machine = execution["stateMachineArn"]
    return {
        "QueryLanguage": "JSONPath",
        "Execution": {
            "Id": execution["executionArn"],
            "Input": json.loads(execution["input"]),
            "Name": execution["name"],
            "StartTime": execution["startDate"],
            "RedriveCount": execution["redriveCount"],
            "RedriveTime": execution["redriveDate"],
        },
        "StateMachine": {"Id": machine, "Name": machine.rpartition(":")[2]},
        "variables": {},
    }


def _succeed(execution: dict[str, Any], output: str) -> None:
    execution.update(status="SUCCEEDED", output=output, stopDate=now_iso())
    details = {"executionSucceededEventDetails": {"output": output}}
    sfn._add_event(execution, "ExecutionSucceeded", details)
    sfn._emit_execution_status_event(execution)
