"""One run of a Distributed Map and its child executions, which a redrive goes on with."""

from __future__ import annotations

import contextvars
import copy
import json
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Self

from ministack.core.responses import now_iso
from ministack.services import stepfunctions as sfn

from local.emulator.items import STATE_BYTES
from local.emulator.states import redriven, unfinished, walk
from local.recorder.recorded_calls import record

_COUNTED = ("pending", "running", "succeeded", "failed", "timedOut", "aborted", "total",
            "resultsWritten", "failuresNotRedrivable", "pendingRedrive")  # fmt: skip


class MapRun:
    """A map run, kept in ministack's own tables so that its API shows it and its children."""

    def __init__(
        self, state: dict[str, Any], execution: dict[str, Any], run: dict[str, Any]
    ) -> None:
        self._state = state
        self._parent = execution
        self._lock = threading.Lock()
        self.record = run
        self.arn = str(run["mapRunArn"])

    @classmethod
    def start(
        cls, state: dict[str, Any], execution: dict[str, Any], name: str, inputs: list[Any]
    ) -> Self:
        """A new run of the map state `name`, with one child for each input."""
        machine = execution["stateMachineArn"].rpartition(":")[2]
        label = state.get("Label") or uuid.uuid4().hex
        states = execution["stateMachineArn"].partition(":stateMachine:")[0]
        arn = f"{states}:mapRun:{machine}/{label}:{uuid.uuid4()}"
        machine_arn = f"{states}:stateMachine:{machine}/{label}"
        children = [_child(f"{states}:execution:{machine}/{label}", machine_arn, arn, i, execution)
                    for i in inputs]  # fmt: skip
        items = sum(_weight(child) for child in children)
        zero = dict.fromkeys(_COUNTED, 0)
        sfn._map_runs[arn] = {
            "mapRunArn": arn,
            "executionArn": execution["executionArn"],
            "status": "RUNNING",
            "startDate": now_iso(),
            "maxConcurrency": int(state.get("MaxConcurrency") or 0),
            "toleratedFailurePercentage": float(state.get("ToleratedFailurePercentage") or 0),
            "toleratedFailureCount": int(state.get("ToleratedFailureCount") or 0),
            "itemCounts": {**zero, "total": items, "pending": items},
            "executionCounts": {**zero, "total": len(inputs), "pending": len(inputs)},
            "redriveCount": 0,
            "_stateMachineArn": machine_arn,
            "_name": name,
            "_children": children,
        }
        return cls(state, execution, sfn._map_runs[arn])

    @classmethod
    def unfinished(cls, state: dict[str, Any], execution: dict[str, Any], name: str) -> Self | None:
        """The run with which a redriven execution goes on; None if the map has to start one."""
        if execution.pop("redrivenState", None) != name:
            return None
        arn = execution["executionArn"]
        runs = [r for r in sfn._map_runs.values() if (r["executionArn"], r["_name"]) == (arn, name)]
        return cls(state, execution, runs[-1]) if runs else None

    def redrive(self) -> None:
        """Let the children that did not succeed wait for their turn again."""
        for child in self._unsuccessful():
            self._move(child, child["status"], "pending")
        count = self.record["redriveCount"] + 1
        self.record.update(status="RUNNING", stopDate=None, redriveCount=count)
        self.record["redriveDate"] = now_iso()
        details = {"mapRunArn": self.arn, "redriveCount": count}
        sfn._add_event(self._parent, "MapRunRedriven", {"mapRunRedrivenEventDetails": details})

    def run_children(self, iterator: dict[str, Any], ctx: dict[str, Any]) -> list[dict[str, Any]]:
        """Run every child that has not succeeded; gives ministack's records of all of them."""
        children = self._unsuccessful()
        workers = self.record["maxConcurrency"] or min(len(children), 64) or 1
        with ThreadPoolExecutor(workers) as pool:
            # Worker threads do not inherit the context that says whose account and region this is.
            ended = [
                pool.submit(contextvars.copy_context().run, self._run, child, iterator, ctx)
                for child in children
            ]
        for child in ended:
            child.result()
        return list(self.record["_children"])

    def close(self) -> None:
        """End the run; Raises: _ExecutionError, if more items failed than are tolerated.

        Thresholds count items: a batch that failed counts with all of its items.
        """
        counts = self.record["itemCounts"]
        failed, total = counts["failed"], counts["total"]
        percentage = self._state.get("ToleratedFailurePercentage")
        count = self._state.get("ToleratedFailureCount")
        over = [] if percentage is None else [failed * 100 > float(percentage) * total]
        over += [] if count is None else [failed > int(count)]
        exceeded = bool(failed) and (any(over) if over else True)
        self.record.update(status="FAILED" if exceeded else "SUCCEEDED", stopDate=now_iso())
        if exceeded:
            raise sfn._ExecutionError(
                "States.ExceedToleratedFailureThreshold",
                "The specified tolerated failure threshold was exceeded",
            )

    def _run(self, child: dict[str, Any], iterator: dict[str, Any], ctx: dict[str, Any]) -> None:
        states, arn = iterator["States"], child["executionArn"]
        name, value = iterator["StartAt"], json.loads(child["input"])
        if arn in sfn._executions:
            record("workflow", "stepfunctions", "RedriveExecution", {"executionArn": arn})
            name, value = unfinished(child, states)
            redriven(child)
        else:
            machine = {"stateMachineArn": self._parent["stateMachineArn"]}
            record("workflow", "stepfunctions", "StartExecution", machine)
            child.update(status="RUNNING", startDate=now_iso())
            sfn._executions[arn] = child
        own = copy.deepcopy(ctx)
        own["Execution"].update(Id=arn, Name=child["name"], Input=json.loads(child["input"]))
        self._move(child, "pending", "running")
        try:
            _refuse_oversize(child)
            output = walk(states, name, value, child, own)
            child.update(status="SUCCEEDED", output=json.dumps(output))
        except sfn._ExecutionError as error:
            child.update(status="FAILED", error=error.error, cause=error.cause)
        child["stopDate"] = now_iso()
        self._move(child, "running", child["status"])

    def _unsuccessful(self) -> list[dict[str, Any]]:
        return [child for child in self.record["_children"] if child["status"] != "SUCCEEDED"]

    def _move(self, child: dict[str, Any], before: str, after: str) -> None:
        with self._lock:
            for counts, weight in (("itemCounts", _weight(child)), ("executionCounts", 1)):
                self.record[counts][before.lower()] -= weight
                self.record[counts][after.lower()] += weight


def _child(
    folder: str, machine_arn: str, run_arn: str, value: Any, parent: dict[str, Any]
) -> dict[str, Any]:
    """A child execution as ministack has them, not started yet."""
    name = str(uuid.uuid4())
    return {
        "executionArn": f"{folder}:{name}", "stateMachineArn": machine_arn, "name": name,
        "status": "PENDING", "startDate": None, "stopDate": None, "input": json.dumps(value),
        "inputDetails": {"included": True}, "output": None, "outputDetails": {"included": True},
        "mapRunArn": run_arn, "events": [], "testCase": parent.get("testCase"), "mockAttempts": {},
        "_items": len(value["Items"]) if isinstance(value, dict) and "Items" in value else 1,
    }  # fmt: skip


def _refuse_oversize(child: dict[str, Any]) -> None:
    """What has no room in an execution's input fails it, at the latest."""
    if (size := len(child["input"].encode())) > STATE_BYTES:
        raise sfn._ExecutionError("States.DataLimitExceeded", f"the input has {size:,} bytes")


def _weight(child: dict[str, Any]) -> int:
    return int(child["_items"])
