"""The two maps over a capture file: its batches, read by Step Functions, or its ranges of bytes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from inference_monitor.ledger import MAP_RESULTS_PREFIX
from stacks.processor_tasks import trace_and_score

BUCKET = sfn.JsonPath.string_at("$.detail.bucket.name")
KEY = sfn.JsonPath.string_at("$.detail.object.key")
RANGES = "$.ranges"
# All of it, because a path to what is not there fails: it may ask for some scorers only.
REQUEST = "$$.Execution.Input"


@dataclass(frozen=True, slots=True)
class Batching:
    """How a file is cut up, and how much of it may fail before the run does."""

    max_items: int
    max_bytes: int
    max_concurrency: int
    tolerated_failure_percentage: int


def every_batch(
    scope: Construct, *, processor: lambda_.IFunction, results: s3.IBucket, batching: Batching
) -> sfn.DistributedMap:
    """Step Functions reads the file; each child gets a batch of records."""
    task = trace_and_score(
        scope,
        "ScoreBatch",
        processor=processor,
        payload={
            "BatchInput": sfn.JsonPath.object_at("$.BatchInput"),
            "Items": sfn.JsonPath.list_at("$.Items"),
        },
    )
    batcher = sfn.ItemBatcher(
        max_items_per_batch=batching.max_items,
        max_input_bytes_per_batch=batching.max_bytes,
        # CDK renders this as it stands: without `.$` the paths would arrive as literals.
        batch_input={
            "bucket.$": BUCKET,
            "key.$": KEY,
            "execution.$": sfn.JsonPath.execution_id,
            "request.$": REQUEST,
        },
    )
    reader = sfn.S3JsonLItemReader(bucket_name_path=BUCKET, key=KEY)
    return sfn.DistributedMap(
        scope, "EveryBatch", item_reader=reader, item_batcher=batcher, **_run(results, batching)
    ).item_processor(task)


def every_range(
    scope: Construct, *, processor: lambda_.IFunction, results: s3.IBucket, batching: Batching
) -> sfn.DistributedMap:
    """The function reads what Step Functions cannot; each child gets a range of bytes."""
    fields = {"bucket": "$.bucket", "key": "$.key", "execution": "$.execution"}
    task = trace_and_score(
        scope,
        "ScoreRange",
        processor=processor,
        payload={
            **{name: sfn.JsonPath.string_at(path) for name, path in fields.items()},
            "range": sfn.JsonPath.object_at("$.range"),
            "request": sfn.JsonPath.object_at("$.request"),
        },
    )
    selector = {
        "bucket": BUCKET,
        "key": KEY,
        "execution": sfn.JsonPath.execution_id,
        "request": sfn.JsonPath.object_at(REQUEST),
        "range": sfn.JsonPath.object_at("$$.Map.Item.Value"),
    }
    return sfn.DistributedMap(
        scope, "EveryRange", items_path=RANGES, item_selector=selector, **_run(results, batching)
    ).item_processor(task)


def _run(results: s3.IBucket, batching: Batching) -> dict[str, Any]:
    """What both maps share: how wide they are, what may fail, and where their results go."""
    return {
        "max_concurrency": batching.max_concurrency,
        "tolerated_failure_percentage": batching.tolerated_failure_percentage,
        "result_writer_v2": sfn.ResultWriterV2(
            bucket=results,
            prefix=MAP_RESULTS_PREFIX,
            writer_config=sfn.WriterConfig(
                output_type=sfn.OutputType.JSONL, transformation=sfn.Transformation.COMPACT
            ),
        ),
        "result_path": "$.map",
    }
