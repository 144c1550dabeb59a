"""Walk through the states of an execution, from the first one or from where it ended."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ministack.core.responses import now_iso
from ministack.services import stepfunctions as sfn

ENDED_BADLY = ("FAILED", "TIMED_OUT", "ABORTED")
"""The statuses from which Step Functions redrives an execution."""

_WITH_EXECUTION = {"Task": sfn._execute_task, "Map": sfn._execute_map}
_WITHOUT = {"Pass": sfn._execute_pass, "Choice": sfn._execute_choice, "Wait": sfn._execute_wait}


def walk(
    states: Mapping[str, Any],
    name: str | None,
    value: Any,
    execution: dict[str, Any],
    ctx: dict[str, Any],
) -> Any:
    """Run states from `name`, whose input is `value`, until one has no next; gives the output.

    What is entered and left goes into the execution's history. An execution that was stopped
    meanwhile enters no more states.

    Raises:
        _ExecutionError: The error that no state has caught.
    """
    while name and execution["status"] == "RUNNING":
        state = states[name]
        kind = state["Type"]
        ctx["State"] = {"Name": name, "EnteredTime": now_iso(), "RetryCount": 0}
        _tell(execution, kind, "Entered", name, "input", value)
        if kind in _WITH_EXECUTION:
            value, following = _WITH_EXECUTION[kind](state, value, execution, ctx)
        elif kind in _WITHOUT:
            value, following = _WITHOUT[kind](state, value, ctx)
        else:
            raise sfn._ExecutionError("States.Runtime", f"not emulated here: a {kind} state")
        _tell(execution, kind, "Exited", name, "output", value)
        name = following
    return value


def unfinished(execution: dict[str, Any], states: Mapping[str, Any]) -> tuple[str | None, Any]:
    """The state with which an execution that ended goes on, and its input.

    That is the one that was entered and not left; or, if it was stopped between two, the next one.
    """
    for event in reversed(execution["events"]):
        if entered := event.get("stateEnteredEventDetails"):
            return entered["name"], json.loads(entered["input"])
        if left := event.get("stateExitedEventDetails"):
            return states[left["name"]].get("Next"), json.loads(left["output"])
    raise sfn._ExecutionError("States.Runtime", "the execution has not entered any state")


def redriven(execution: dict[str, Any]) -> None:
    """Let an execution that ended run again, under its ARN and with the history it has."""
    count = execution.get("redriveCount", 0) + 1
    execution.update(
        status="RUNNING", stopDate=None, output=None, error=None, cause=None,
        redriveCount=count, redriveDate=now_iso(),
    )  # fmt: skip
    details = {"executionRedrivenEventDetails": {"redriveCount": count}}
    sfn._add_event(execution, "ExecutionRedriven", details)


def _tell(
    execution: dict[str, Any], kind: str, what: str, name: str, which: str, value: Any
) -> None:
    details = {f"state{what}EventDetails": {"name": name, which: json.dumps(value)}}
    sfn._add_event(execution, f"{kind}State{what}", details)
