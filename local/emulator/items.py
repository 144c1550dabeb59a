"""Read and batch the items of a Distributed Map within the limits of Step Functions."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, NoReturn

from ministack.services import stepfunctions as sfn

from local.emulator.behaviour import Behaviour
from local.recorder.recorded_calls import record

STATE_BYTES = 256 * 1024
"""The most that may be passed between states; one item may not hold more either."""


def read_items(state: dict[str, Any], effective: Any, ctx: dict[str, Any]) -> list[Any]:
    """The items of a map, from its reader or from its input.

    Raises:
        _ExecutionError: `States.ItemReaderFailed` for what Step Functions cannot read: a missing
            object, a line that is no JSON; for an item above 256 KiB what `Behaviour` says.
    """
    reader = state.get("ItemReader")
    if reader is None:
        items = sfn._resolve_path_or_ctx(state.get("ItemsPath", "$"), effective, ctx)
        return items if isinstance(items, list) else [items]
    if "Arguments" in reader:
        _fail("the emulator reads JSONPath item readers only (Parameters, not Arguments)")
    if (reader.get("ReaderConfig") or {}).get("InputType") != "JSONL":
        return list(sfn._read_map_items(reader, effective, ctx))
    where = sfn._resolve_params_obj(reader["Parameters"], effective, ctx)
    record("workflow", "s3", "GetObject", where)
    try:
        text = sfn._s3_object_text(where["Bucket"], where["Key"])
    except UnicodeDecodeError:
        _fail(f"s3://{where['Bucket']}/{where['Key']} is not UTF-8")
    # Not splitlines(): JSON strings may hold its other separators unescaped.
    lines = [line for line in text.split("\n") if line.strip()]
    return [_parse(number, line) for number, line in enumerate(lines, start=1)]


def batches(
    items: list[Any], batcher: dict[str, Any], batch_input: Any, effective: Any
) -> Iterator[dict[str, Any]]:
    """The inputs of child executions: `Items`, and `BatchInput` when the state has one.

    A batch is full at `MaxItemsPerBatch` items or before its input passes `MaxInputBytesPerBatch`.

    Raises:
        _ExecutionError: If one item does not fit into a batch of its own.
    """
    max_items = _limit(batcher, "MaxItemsPerBatch", effective, len(items) or 1)
    max_bytes = _limit(batcher, "MaxInputBytesPerBatch", effective, STATE_BYTES)
    head = {} if batch_input is None else {"BatchInput": batch_input}
    room = min(max_bytes, STATE_BYTES) - size_of({**head, "Items": []})
    batch: list[Any] = []
    used = 0
    for number, item in enumerate(items, start=1):
        size = size_of(item) + len(",")
        if size > room:
            _refuse(f"item {number} has {size:,} bytes; a batch has room for {room:,}")
        if batch and (len(batch) == max_items or used + size > room):
            yield {**head, "Items": batch}
            batch, used = [], 0
        batch.append(item)
        used += size
    if batch:
        yield {**head, "Items": batch}


def size_of(value: Any) -> int:
    """Bytes of a value as compact JSON in UTF-8."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return len(text.encode("utf-8", "surrogatepass"))


def _parse(number: int, line: str) -> Any:
    if (size := len(line.encode())) > STATE_BYTES:
        _refuse(f"line {number} has {size:,} bytes, more than the {STATE_BYTES:,} of an item")
    try:
        # Python alone takes NaN and Infinity for JSON.
        return json.loads(line, parse_constant=_no_constant)
    except ValueError:
        _fail(f"line {number} is not valid JSON")


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)


def _limit(batcher: dict[str, Any], name: str, effective: Any, default: int) -> int:
    if path := batcher.get(f"{name}Path"):
        return int(sfn._resolve_path_or_ctx(path, effective, {}))
    return int(batcher.get(name) or default)


def _refuse(cause: str) -> None:
    """Fail as the behaviour says; a child that is too large fails by itself, when it is started."""
    oversize = Behaviour.now().oversize
    if oversize == "reader":
        _fail(cause)
    if oversize == "limit":
        raise sfn._ExecutionError("States.DataLimitExceeded", cause)


def _fail(cause: str) -> NoReturn:
    raise sfn._ExecutionError("States.ItemReaderFailed", cause)
