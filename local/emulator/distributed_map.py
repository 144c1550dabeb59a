"""The Distributed Map of Step Functions: batches, child executions, thresholds and result files.

Replaces ministack's own, which hands every child one raw item whatever ItemBatcher says, and writes
no results. Everything else (tasks, retries, paths) is ministack's.
"""

from __future__ import annotations

import contextvars
import copy
import json
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

from ministack.services import stepfunctions as sfn

from local.emulator.items import STATE_BYTES, batches, read_items, size_of
from local.emulator.result_writer import write_results
from local.recorder.recorded_calls import record

_STATES = ("pending", "running", "succeeded", "failed", "timedOut", "aborted", "total",
           "resultsWritten", "failuresNotRedrivable", "pendingRedrive")  # fmt: skip


def run_distributed_map(
    state: dict[str, Any],
    raw_input: Any,
    effective: Any,
    iterator: dict[str, Any],
    execution: dict[str, Any],
    ctx: dict[str, Any],
) -> tuple[Any, str | None]:
    """Run the map state; the arguments and the result are those of ministack's function.

    Raises:
        _ExecutionError: `States.ItemReaderFailed`, `States.ExceedToleratedFailureThreshold`, or
            `States.DataLimitExceeded` for an output above 256 KiB.
    """
    inputs = _child_inputs(state, effective, ctx)
    run = _MapRun(state, execution, inputs)
    sfn._map_runs[run.arn] = run.record
    workers = int(state.get("MaxConcurrency") or 0) or min(len(inputs), 64) or 1
    with ThreadPoolExecutor(workers) as pool:
        # Worker threads do not inherit the context that says whose account and region this is.
        children = [
            pool.submit(contextvars.copy_context().run, run.child, iterator, child_input, ctx)
            for child_input in inputs
        ]
    finished = [child.result() for child in children]
    result: Any = [json.loads(child["output"] or "null") for child in finished]
    if writer := state.get("ResultWriter"):
        where = sfn._resolve_params_obj(writer["Parameters"], effective, ctx)
        result = write_results(writer, where, run.arn, finished)
        run.record["itemCounts"]["resultsWritten"] = run.record["itemCounts"]["total"]
    run.close()
    if size_of(result) > STATE_BYTES:
        raise sfn._ExecutionError("States.DataLimitExceeded", "the map's output is too large")
    output = sfn._apply_result_path(state, raw_input, sfn._apply_result_selector(state, result))
    return sfn._apply_output_path(state, output, ctx), sfn._next_or_end(state)


def _child_inputs(state: dict[str, Any], effective: Any, ctx: dict[str, Any]) -> list[Any]:
    items = read_items(state, effective, ctx)
    if selector := state.get("ItemSelector"):
        items = [
            sfn._resolve_params_obj(selector, effective, _item_context(ctx, index, item))
            for index, item in enumerate(items)
        ]
    batcher = state.get("ItemBatcher")
    if not batcher:
        return items
    batch_input = batcher.get("BatchInput")
    if batch_input is not None:
        batch_input = sfn._resolve_params_obj(batch_input, effective, ctx)
    return list(batches(items, batcher, batch_input, effective))


def _item_context(ctx: dict[str, Any], index: int, item: Any) -> dict[str, Any]:
    return {**ctx, "Map": {"Item": {"Index": index, "Value": item}}}


class _MapRun:
    """One map run and its children, kept in ministack's own tables so that its API shows them."""

    def __init__(self, state: dict[str, Any], execution: dict[str, Any], inputs: list[Any]) -> None:
        *scope, machine = execution["stateMachineArn"].split(":")[3:]
        region, account = scope[0], scope[1]
        label = state.get("Label") or uuid.uuid4().hex
        states = f"arn:aws:states:{region}:{account}"
        self.arn = f"{states}:mapRun:{machine}/{label}:{uuid.uuid4()}"
        self._machine_arn = f"{states}:stateMachine:{machine}/{label}"
        self._child_arn = f"{states}:execution:{machine}/{label}"
        self._state = state
        self._parent = execution
        self._batched = bool(state.get("ItemBatcher"))
        self._lock = threading.Lock()
        items = sum(self._weight(child_input) for child_input in inputs)
        self.record: dict[str, Any] = {
            "mapRunArn": self.arn,
            "executionArn": execution["executionArn"],
            "status": "RUNNING",
            "startDate": _now(),
            "maxConcurrency": int(state.get("MaxConcurrency") or 0),
            "toleratedFailurePercentage": float(state.get("ToleratedFailurePercentage") or 0),
            "toleratedFailureCount": int(state.get("ToleratedFailureCount") or 0),
            "itemCounts": {**dict.fromkeys(_STATES, 0), "total": items, "pending": items},
            "executionCounts": {
                **dict.fromkeys(_STATES, 0), "total": len(inputs), "pending": len(inputs)
            },
            "redriveCount": 0,
            "_stateMachineArn": self._machine_arn,
        }  # fmt: skip

    def child(
        self, iterator: dict[str, Any], child_input: Any, ctx: dict[str, Any]
    ) -> dict[str, Any]:
        """Run one child execution to its end and give ministack's record of it."""
        name = str(uuid.uuid4())
        child: dict[str, Any] = {
            "executionArn": f"{self._child_arn}:{name}", "stateMachineArn": self._machine_arn,
            "name": name, "status": "RUNNING", "startDate": _now(), "stopDate": None,
            "input": json.dumps(child_input), "inputDetails": {"included": True}, "output": None,
            "outputDetails": {"included": True}, "mapRunArn": self.arn, "events": [],
            "testCase": self._parent.get("testCase"), "mockAttempts": {},
        }  # fmt: skip
        sfn._executions[child["executionArn"]] = child
        machine = {"stateMachineArn": self._parent["stateMachineArn"]}
        record("workflow", "stepfunctions", "StartExecution", machine)
        own = copy.deepcopy(ctx)
        own["Execution"].update(Id=child["executionArn"], Name=name, Input=child_input)
        weight = self._weight(child_input)
        self._move("pending", "running", weight)
        try:
            output = sfn._run_sub_machine(
                iterator["States"], iterator["StartAt"], child_input, child, own
            )
            child.update(status="SUCCEEDED", output=json.dumps(output))
        except sfn._ExecutionError as error:
            child.update(status="FAILED", error=error.error, cause=error.cause)
        child["stopDate"] = _now()
        self._move("running", child["status"].lower(), weight)
        return child

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
        self.record.update(status="FAILED" if exceeded else "SUCCEEDED", stopDate=_now())
        if exceeded:
            raise sfn._ExecutionError(
                "States.ExceedToleratedFailureThreshold",
                "The specified tolerated failure threshold was exceeded",
            )

    def _weight(self, child_input: Any) -> int:
        return len(child_input["Items"]) if self._batched else 1

    def _move(self, before: str, after: str, items: int) -> None:
        with self._lock:
            for counts, weight in (("itemCounts", items), ("executionCounts", 1)):
                self.record[counts][before] -= weight
                self.record[counts][after] += weight


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
