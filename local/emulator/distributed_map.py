"""The Distributed Map of Step Functions: batches, child executions, thresholds and result files.

Replaces ministack's own, which hands every child one raw item whatever ItemBatcher says, and writes
no results. Everything else (tasks, retries, paths) is ministack's.
"""

from __future__ import annotations

import json
from typing import Any

from ministack.services import stepfunctions as sfn

from local.emulator.items import STATE_BYTES, batches, read_items, size_of
from local.emulator.map_run import MapRun
from local.emulator.result_writer import write_results


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
    run = MapRun.unfinished(state, execution, ctx["State"]["Name"])
    if run:
        run.redrive()
    else:
        inputs = _child_inputs(state, effective, ctx)
        run = MapRun.start(state, execution, ctx["State"]["Name"], inputs)
    finished = run.run_children(iterator, ctx)
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
