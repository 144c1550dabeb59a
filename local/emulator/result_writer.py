"""ResultWriter: what a map run leaves in S3.

File names, the manifest and the execution records follow "ResultWriter (Map)" in the Step Functions
developer guide. FAILED records keep their whole form under every transformation, as it says there.
"""

from __future__ import annotations

import json
from typing import Any

from ministack.services import s3
from ministack.services import stepfunctions as sfn

from local.recorder.recorded_calls import record

_RECORD = {
    "Cause": "cause",
    "Error": "error",
    "ExecutionArn": "executionArn",
    "Input": "input",
    "Name": "name",
    "Output": "output",
    "StartDate": "startDate",
    "StateMachineArn": "stateMachineArn",
    "Status": "status",
    "StopDate": "stopDate",
}
"""Fields of an execution in a result file, and in ministack's own record of it."""


def write_results(
    writer: dict[str, Any], where: dict[str, Any], map_run_arn: str, children: list[dict[str, Any]]
) -> dict[str, Any]:
    """Write the result files and the manifest, and give the map's output, which names the latter.

    `where` holds the writer's resolved `Bucket` and `Prefix`.
    """
    config = writer.get("WriterConfig") or {}
    lines = config.get("OutputType") == "JSONL"
    run = map_run_arn.rsplit(":", 1)[-1]
    folder = "/".join(filter(None, [where.get("Prefix", "").strip("/"), run]))
    files: dict[str, list[dict[str, Any]]] = {"FAILED": [], "PENDING": [], "SUCCEEDED": []}
    for status in ("FAILED", "SUCCEEDED"):
        done = [child for child in children if child["status"] == status]
        if not done:
            continue
        transformation = config.get("Transformation", "NONE") if status == "SUCCEEDED" else "NONE"
        rows = [row for child in done for row in _rows(child, transformation)]
        body = "".join(json.dumps(row) + "\n" for row in rows) if lines else json.dumps(rows)
        key = f"{folder}/{status}_0.{'jsonl' if lines else 'json'}"
        _put(where["Bucket"], key, body)
        files[status].append({"Key": key, "Size": len(body.encode())})
    manifest = {
        "DestinationBucket": where["Bucket"],
        "MapRunArn": map_run_arn,
        "ResultFiles": files,
    }
    manifest_key = f"{folder}/manifest.json"
    _put(where["Bucket"], manifest_key, json.dumps(manifest))
    details = {"Bucket": where["Bucket"], "Key": manifest_key}
    return {"MapRunArn": map_run_arn, "ResultWriterDetails": details}


def _rows(child: dict[str, Any], transformation: str) -> list[Any]:
    if transformation == "NONE":
        record = {name: child[field] for name, field in _RECORD.items() if child.get(field)}
        included = {"InputDetails": {"Included": True}, "OutputDetails": {"Included": True}}
        return [{**record, **included}]
    output = json.loads(child["output"])
    return output if transformation == "FLATTEN" and isinstance(output, list) else [output]


def _put(bucket: str, key: str, body: str) -> None:
    record("workflow", "s3", "PutObject", {"Bucket": bucket, "Key": key})
    status, _headers, _body = s3._put_object(bucket, key, body.encode(), {})
    if status != 200:
        raise sfn._ExecutionError(
            "States.ResultWriterFailed", f"cannot write s3://{bucket}/{key}: status {status}"
        )
